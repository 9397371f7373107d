"""Zendesk's documented requests, checked field by field: one ticket for a recovery, a note for each news."""

import base64
from dataclasses import replace
from typing import Any

import pytest
from fake_http import Fake, Got, Reply

from dunning.channels.zendesk import HelpDesk, Note, desk_from_url, write_note
from dunning.mail.provider import NotSent, UnknownOutcome

NOTE = Note(
    key="ann_1",
    recovery_id="rec_1",
    subject="Unpaid invoice in_1",
    text="Needs a person: 49.00 EUR of cus_1.",
    requester=("Ana", "ana@example.com"),
)


class Desk:
    """As much of Zendesk as we use."""

    def __init__(self, fake: Fake) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.broken_after: str | None = None
        fake.answer = self.answer

    def answer(self, got: Got) -> Reply:
        reply = self._do(got)
        if got.method == self.broken_after:
            self.broken_after = None
            return Reply(cut=True)
        return reply

    def _do(self, got: Got) -> Reply:
        match got.method, got.path.split("/")[4:]:
            case "POST", _:
                ticket = got.json["ticket"]
                made = {
                    "id": len(self.tickets) + 35,
                    "status": "new",
                    "comments": [ticket["comment"]],
                    **ticket,
                }
                self.tickets.append(made)
                return Reply(201, {"ticket": {"id": made["id"]}})
            case "PUT", _:
                change = dict(got.json["ticket"])
                self.tickets[-1]["comments"].append(change.pop("comment"))
                self.tickets[-1] |= change
                return Reply(200, {"ticket": {"id": self.tickets[-1]["id"]}})
            case "GET", [_, "comments.json"]:
                return Reply(200, {"comments": self.tickets[-1]["comments"]})
            case _:
                found = [one for one in self.tickets if one["external_id"] == got.query["external_id"]]
                return Reply(200, {"tickets": [{"id": t["id"], "status": t["status"]} for t in found]})


def desk(fake: Fake) -> HelpDesk:
    return HelpDesk(fake.url, "agent@acme.example", "key")


def test_the_first_note_makes_a_ticket_as_documented(fake: Fake) -> None:
    Desk(fake)
    assert write_note(desk(fake), NOTE).reference == "35"
    looked, made = fake.got
    assert (looked.method, looked.path, looked.query) == (
        "GET",
        "/api/v2/tickets.json",
        {"external_id": "rec_1"},
    )
    assert (made.method, made.path) == ("POST", "/api/v2/tickets.json")
    assert (
        made.headers["authorization"] == f"Basic {base64.b64encode(b'agent@acme.example/token:key').decode()}"
    )
    assert made.headers["content-type"] == "application/json"
    assert made.headers["idempotency-key"] == "ann_1"
    assert made.json == {
        "ticket": {
            "external_id": "rec_1",
            "subject": "Unpaid invoice in_1",
            "comment": {"body": "Needs a person: 49.00 EUR of cus_1.\n\ndunning ann_1", "public": False},
            "tags": ["dunning"],
            "requester": {"name": "Ana", "email": "ana@example.com"},
        }
    }


def test_the_next_note_goes_into_the_same_ticket_and_the_end_solves_it(fake: Fake) -> None:
    kept = Desk(fake)
    write_note(desk(fake), NOTE)
    write_note(desk(fake), replace(NOTE, key="ann_2", text="Recovered.", solved=True))
    put = fake.got[-1]
    assert (put.method, put.path) == ("PUT", "/api/v2/tickets/35.json")
    assert put.json == {
        "ticket": {"comment": {"body": "Recovered.\n\ndunning ann_2", "public": False}, "status": "solved"}
    }
    assert len(kept.tickets) == 1


def test_a_closed_ticket_is_left_and_a_new_one_made(fake: Fake) -> None:
    kept = Desk(fake)
    write_note(desk(fake), NOTE)
    kept.tickets[0]["status"] = "closed"
    write_note(desk(fake), replace(NOTE, key="ann_2"))
    assert [one["id"] for one in kept.tickets] == [35, 36]


def test_a_note_whose_answer_was_lost_is_looked_for_before_it_is_written_again(fake: Fake) -> None:
    kept = Desk(fake)
    write_note(desk(fake), NOTE)
    kept.broken_after = "PUT"
    with pytest.raises(UnknownOutcome):
        write_note(desk(fake), replace(NOTE, key="ann_2"))
    write_note(desk(fake), replace(NOTE, key="ann_2", again=True))
    assert [one["body"].split()[-1] for one in kept.tickets[0]["comments"]] == ["ann_1", "ann_2"]


@pytest.mark.parametrize(("status", "retryable"), [(401, True), (429, True), (422, False)])
def test_a_no_is_for_good_or_for_now(fake: Fake, status: int, *, retryable: bool) -> None:
    fake.answer = lambda _got: Reply(status, {"error": "RecordInvalid", "description": "no such field"})
    with pytest.raises(NotSent, match="no such field") as refused:
        write_note(desk(fake), NOTE)
    assert refused.value.retryable is retryable


def test_an_account_is_read_from_its_url_and_a_wrong_one_not_repeated() -> None:
    found = desk_from_url("https://agent%40acme.example:to%2Fken@acme.zendesk.com")
    assert found == HelpDesk("https://acme.zendesk.com", "agent@acme.example", "to/ken")
    for url in (
        "http://a:t0ps3cret@acme.zendesk.com",
        "https://t0ps3cret@acme.zendesk.com",
        "https://[t0ps3cret",
    ):
        with pytest.raises(ValueError, match="write https://") as refused:
            desk_from_url(url)
        assert "t0ps3cret" not in str(refused.value)
