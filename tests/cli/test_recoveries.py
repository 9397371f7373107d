"""Recoveries, switches and the report on the command line, over a seeded database."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from browser.house import furnish
from browser.seed import NOW

from dunning.core.vocabulary import CLOSED, Status
from dunning.flows.house import House


class Business(NamedTuple):
    """A merchant with sixty recoveries, and the command line on its database."""

    house: House
    run: Callable[..., Any]

    def json(self, *arguments: str) -> Any:
        """Run with --json; fail unless it ends well."""
        ended = self.run(*arguments, "--json")
        assert ended.code == 0, ended.err
        return json.loads(ended.out)

    def one(self, *statuses: Status) -> str:
        """The id of a recovery with one of these statuses."""
        words = [word for status in statuses for word in ("--status", status.value)]
        found: str = self.json("recoveries", "list", "--limit", "1", *words)["data"][0]["id"]
        return found


@pytest.fixture
def business(cli: Any, sqlite_url: str) -> Iterator[Business]:
    house, _ = furnish(sqlite_url)
    yield Business(house, lambda *words: cli(*words, DATABASE_URL=sqlite_url))
    house.store.engine.dispose()


def test_the_list_has_the_shape_of_the_api_and_pages_through_everything(business: Business) -> None:
    first = business.json("recoveries", "list", "--limit", "40")
    rest = business.json("recoveries", "list", "--limit", "40", "--cursor", first["next_cursor"])
    ids = [recovery["id"] for page in (first, rest) for recovery in page["data"]]
    assert len(set(ids)) == len(ids) == 60
    assert ids == sorted(ids, reverse=True)
    assert rest["next_cursor"] is None
    assert {"id", "invoice", "customer", "status", "amount", "currency"} <= set(first["data"][0])


def test_the_list_for_people_names_amounts_with_their_currency(business: Business) -> None:
    ended = business.run("recoveries", "list", "--limit", "3")
    head, *lines = ended.out.splitlines()
    assert head.split()[:3] == ["id", "status", "amount"]
    assert len(lines) == 3
    assert all(" USD " in line or " EUR " in line for line in lines)
    assert "--cursor" in ended.err


def test_the_list_filters_by_status_and_text(business: Business) -> None:
    closed = business.json(
        "recoveries", "list", "--status", "lost", "--status", "recovered", "--limit", "100"
    )
    assert {recovery["status"] for recovery in closed["data"]} == {"lost", "recovered"}
    invoice = closed["data"][0]["invoice"]
    assert [r["invoice"] for r in business.json("recoveries", "list", "--q", invoice)["data"]] == [invoice]


def test_a_recovery_tells_its_story(business: Business) -> None:
    recovery_id = business.one(Status.RECOVERED)
    out = business.run("recoveries", "show", recovery_id).out
    assert all(part in out for part in (recovery_id, "Attempts", "Ledger", "because"))
    assert "Staff may" not in out
    assert "Staff may" in business.run("recoveries", "show", recovery_id, "--why").out


def test_a_recovery_as_json_explains_itself_only_when_asked(business: Business) -> None:
    recovery_id = business.one(Status.SCHEDULED)
    plain = business.json("recoveries", "show", recovery_id)
    why = business.json("recoveries", "show", recovery_id, "--why")
    assert plain["id"] == recovery_id
    assert plain["attempts"]
    assert set(why) - set(plain) == {"explanation"}


def test_a_pause_keeps_its_end_and_its_reason_and_can_be_ended(business: Business) -> None:
    recovery_id = business.one(Status.SCHEDULED, Status.WAITING)
    paused = business.run("recoveries", "pause", recovery_id, "--until", "9d", "--reason", "On holiday")
    assert paused.code == 0
    shown = business.json("recoveries", "show", recovery_id)
    assert (shown["status"], shown["pause_reason"]) == ("paused", "On holiday")
    assert business.json("recoveries", "resume", recovery_id)["done"] is True
    assert business.json("recoveries", "show", recovery_id)["status"] != "paused"


def test_a_stopped_recovery_is_stopped_and_refuses_more(business: Business) -> None:
    recovery_id = business.one(Status.SCHEDULED, Status.WAITING)
    assert business.run("recoveries", "stop", recovery_id).code == 0
    assert business.json("recoveries", "show", recovery_id)["status"] == "stopped"
    for verb in ("stop", "retry", "resume"):
        again = business.run("recoveries", verb, recovery_id)
        assert again.code == 1
        assert again.out.strip().endswith(".")


def test_a_refusal_as_json_is_also_exit_code_1(business: Business) -> None:
    ended = business.run("recoveries", "retry", business.one(*CLOSED), "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["done"] is False


def test_each_link_is_a_new_one_for_the_customer(business: Business) -> None:
    recovery_id = business.one(Status.WAITING, Status.SCHEDULED)
    links = {business.json("recoveries", "link", recovery_id)["url"] for _ in range(2)}
    assert len(links) == 2
    assert all(link.startswith("http://127.0.0.1:8000/pay/lnk_") for link in links)


def test_the_kill_switch_says_so_until_it_is_released(business: Business) -> None:
    assert business.run("pause", "--all", "--reason", "Bank holiday").code == 0
    assert business.json("mode")["pause_reason"] == "Bank holiday"
    assert "dunning resume" in business.run("mode").out
    assert business.json("resume")["paused"] is False


def test_the_mode_is_shown_changed_and_released(business: Business) -> None:
    shown = business.json("mode")
    assert (shown["retries"], shown["messages"], shown["paused"]) == ("own", "on", False)
    changed = business.json("mode", "--retries", "weave", "--messages", "off")
    assert (changed["retries"], changed["messages"]) == ("weave", "off")
    assert changed["moved"] > 0
    assert business.json("mode", "--notices", "on")["notices"] == "on"
    assert "before a failure" in business.run("mode").out
    released = business.json("mode", "--release")
    assert released["retries"] == "watch"
    assert business.json("recoveries", "list", "--status", "scheduled")["data"] == []


def test_learning_says_from_how_many(business: Business) -> None:
    told = business.json("learn")
    assert (told["cases"], told["fitted"], told["verdict"]) == (60, True, "accepted")
    assert "Too few recoveries to compare" in told["sentence"]


def test_without_history_nothing_is_learned(cli: Any, sqlite_url: str) -> None:
    ended = cli("learn", DATABASE_URL=sqlite_url)
    assert ended.code == 0
    assert "no history" in ended.out


YEAR = ("--from", f"{NOW - timedelta(days=300):%Y-%m-%d}", "--to", f"{NOW + timedelta(days=2):%Y-%m-%d}")
PERIOD = ("report", "recovered", *YEAR)


@pytest.mark.parametrize("basis", ["cohort", "cash"])
def test_the_report_is_the_same_in_every_format(business: Business, basis: str) -> None:
    told = business.json(*PERIOD, "--basis", basis)
    table = business.run(*PERIOD, "--basis", basis).out
    rows = list(csv.DictReader(io.StringIO(business.run(*PERIOD, "--basis", basis, "--format", "csv").out)))
    assert told["basis"] == basis
    assert told["currencies"]
    for code, figures in told["currencies"].items():
        recovered = sum(int(row["recovered_minor"]) for row in rows if row["currency"] == code)
        assert recovered == figures["recovered"]
        assert f"{figures['recovered'] / 100:,.2f}" in table
    assert f"{basis} basis" in table


def test_a_cohort_adds_up(business: Business) -> None:
    currencies = business.json(*PERIOD)["currencies"]
    assert set(currencies) == {"usd", "eur"}
    for figures in currencies.values():
        ends = sum(figures[fate] for fate in ("recovered", "lost", "stopped", "open"))
        assert figures["failed"] == ends


def test_net_shows_what_was_given_back(business: Business) -> None:
    assert "refunded" not in business.run(*PERIOD).out
    assert "refunded" in business.run(*PERIOD, "--net").out


def test_a_month_is_a_whole_month(business: Business) -> None:
    told = business.json("report", "recovered", "--month", "2026-02")
    assert (told["from"], told["to"], told["timezone"]) == ("2026-02-01", "2026-03-01", "UTC")


def test_the_report_goes_into_a_file(business: Business) -> None:
    ended = business.run(*PERIOD, "--format", "csv", "-o", "report.csv")
    assert (ended.code, ended.out) == (0, "")
    assert Path("report.csv").read_bytes().startswith(b"basis,from,to,")


def test_an_empty_period_is_no_error(cli: Any, sqlite_url: str) -> None:
    ended = cli("report", "recovered", "--month", "2020-01", DATABASE_URL=sqlite_url)
    assert ended.code == 0
    assert "Nothing failed" in ended.out


def test_segments_go_through_a_file_and_their_switches_through_mode_and_pause(
    business: Business, tmp_path: Path
) -> None:
    assert "There is no segment" in business.run("segment", "list").out
    example = business.run("segment", "export").out
    file = tmp_path / "segments.toml"
    file.write_text(example, encoding="utf-8")
    assert business.run("segment", "publish", str(file)).code == 0
    file.write_text('[[segment]]\nname = "big"\n[segment.when]\ncurrency = "usd"\n', encoding="utf-8")
    assert business.json("segment", "publish", str(file)) == {"moved": 0}
    assert business.json("mode", "--segment", "big", "--retries", "watch", "--messages", "off")["moved"] == 0
    shown = business.run("mode").out
    assert "big      watch    off" in shown
    assert "currency usd" in shown
    business.run("pause", "--segment", "big", "--reason", "audit")
    assert "PAUSED: audit" in business.run("segment", "list").out
    business.run("resume", "--segment", "big")
    assert "PAUSED" not in business.run("segment", "list").out
    assert business.json("segment", "list")["segments"][0]["when"] == {"currency": ["usd"]}
    written = business.run("segment", "export").out
    file.write_text(written, encoding="utf-8")
    assert business.run("segment", "publish", str(file)).code == 0
    assert business.run("segment", "export").out == written


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("mode", "--segment", "big", "--retries", "own"), "There is no segment 'big'"),
        (("mode", "--segment", "big"), "--segment needs"),
        (("mode", "--segment", "big", "--notices", "on"), "--notices has no segments"),
        (("pause", "--reason", "x"), "--all, or --segment"),
        (("pause", "--all", "--segment", "big", "--reason", "x"), "--all, or --segment"),
        (("resume", "--segment", "big"), "There is no segment 'big'"),
        (("segment", "publish", "nowhere.toml"), "nowhere.toml cannot be read"),
    ],
    ids=str,
)
def test_a_segment_that_is_not_there_is_named(
    business: Business, words: tuple[str, ...], complaint: str
) -> None:
    ended = business.run(*words)
    assert ended.code == 2
    assert complaint in ended.complaint


def test_what_staff_does_at_the_desk_is_done_from_a_terminal_too(business: Business) -> None:
    one = business.one(Status.SCHEDULED)

    def said(verb: str, *words: str) -> str:
        return str(business.json("recoveries", verb, one, *words)["sentence"])

    assert said("assign", "ada@juniper.example") == "Given to ada@juniper.example."
    assert "Undone" in said("undo")
    assert "Noted" in said("note", "Called them")
    assert "asks for a bill" in said("snooze", "--until", "7d", "--reason", "asks for a bill")
    assert "Back on the desk" in said("wake")
    assert "promised to pay" in said("promise", "--until", "5d")
    assert "Written off" in said("write-off", "--reason", "bankrupt")
    refused = business.run("recoveries", "answer", one, "--approve")
    assert (refused.code, "Nothing waits" in refused.out) == (1, True)
    for wrong in (("snooze", one, "--until", "yesterday", "--reason", "x"), ("note", "rec_nobody", "x")):
        assert business.run("recoveries", *wrong).code == 2
