"""What a provider reports: addresses that bounced are left alone, and doubts are settled."""

import json
from dataclasses import replace
from typing import Any

import pytest
from mail.test_proving import basic
from mail.test_reports import POSTMARK, SENDGRID
from pydantic import SecretStr
from scenarios.link import press, save_card
from scenarios.stage import Stage
from sqlalchemy import select, update
from starlette.testclient import TestClient

from dunning.core.triage import Cause, Place
from dunning.core.vocabulary import MailEventKind, MessageState, SuppressionReason
from dunning.flows import mail_reports, suppressing
from dunning.mail.provider import UnknownOutcome
from dunning.mail.reports import Report
from dunning.store import letters, messages, queue_items, suppressions, tables
from dunning.web.mail_hooks import mail_hooks

SECRET = "a-long-secret"


def listen(stage: Stage, provider: str | None = "postmark") -> TestClient:
    told = {"mail_provider": provider, "mail_webhook_secret": SecretStr(SECRET)}
    settings = stage.house.settings.model_copy(update=told)
    return TestClient(mail_hooks(replace(stage.house, settings=settings)))


def sent(stage: Stage) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a customer who has got the first notice, and its row."""
    robin = stage.fails("lost_card")
    stage.pass_time(days=1)
    (row,) = [row for row in stage.rows("messages", robin) if row["state"] == "sent"]
    return robin, dict(row)


def bounce(row: dict[str, Any], **more: Any) -> dict[str, Any]:
    tag = {"dunning_message": row["id"]}
    return POSTMARK | {"Email": row["address"], "Metadata": tag} | more


def why(stage: Stage, address: str) -> Any:
    with stage.house.store.read() as connection:
        return suppressions.of(connection, "self", address)


def test_after_a_hard_bounce_the_address_is_written_to_no_more_and_the_timeline_says_why(
    stage: Stage,
) -> None:
    robin, row = sent(stage)
    client = listen(stage)
    for _ in range(3):  # told again and again
        assert (
            client.post("/webhooks/mail/postmark", json=bounce(row), headers=basic(SECRET)).status_code == 200
        )
    assert why(stage, row["address"])["reason"] == SuppressionReason.BOUNCED
    notes = [note["sentence"] for note in stage.rows("notes", robin) if note["kind"] == "mail"]
    assert notes == [f"The mail could not be delivered, now or ever: {POSTMARK['Description']}."]
    stage.pass_time(days=14)
    assert len(stage.mails.sent) == 1
    assert stage.messages(robin)["first"] == "sent"


def test_a_soft_bounce_is_noted_and_the_next_message_goes_out(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, row = sent(stage)
    said = bounce(row, Type="SoftBounce", Inactive=False)
    listen(stage).post("/webhooks/mail/postmark", json=said, headers=basic(SECRET))
    assert why(stage, row["address"]) is None
    (kept,) = [one for one in stage.rows("messages", robin) if one["id"] == row["id"]]
    assert "for now" in kept["note"]
    stage.pass_time(days=5)
    assert len(stage.mails.sent) == 2


def test_an_address_that_was_released_is_written_to_again_until_it_complains(quick_stage: Stage) -> None:
    stage = quick_stage
    _, row = sent(stage)
    client = listen(stage)
    client.post("/webhooks/mail/postmark", json=bounce(row), headers=basic(SECRET))
    with stage.house.store.write() as connection:
        now = stage.clock.now()
        assert suppressions.release(connection, row["address"].upper(), at=now, by="kim")
        assert not suppressions.release(connection, row["address"], at=now, by="kim")
    stage.pass_time(days=5)
    assert len(stage.mails.sent) == 2
    spam = bounce(row, RecordType="SpamComplaint", ID=43)
    client.post("/webhooks/mail/postmark", json=spam, headers=basic(SECRET))
    assert why(stage, row["address"])["reason"] == SuppressionReason.COMPLAINED
    stage.pass_time(days=14)
    assert len(stage.mails.sent) == 2


def test_who_wants_no_friendly_notices_is_still_told_what_is_owed(quick_stage: Stage) -> None:
    stage = quick_stage
    _, row = sent(stage)
    off = {
        "RecordType": "SubscriptionChange", "MessageID": "m", "Recipient": row["address"],
        "SuppressSending": True, "SuppressionReason": "ManualSuppression",
        "Metadata": {"dunning_message": row["id"]},
    }  # fmt: skip
    listen(stage).post("/webhooks/mail/postmark", json=off, headers=basic(SECRET))
    with stage.house.store.read() as connection:
        assert suppressions.wants_no_notices(connection, "self", row["address"])
    stage.pass_time(days=5)
    assert len(stage.mails.sent) == 2


def test_a_message_of_unknown_outcome_is_sent_once_its_provider_speaks_of_it(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.mails.mishap = UnknownOutcome("the connection broke off")
    robin = stage.fails("lost_card")
    stage.pass_time(days=1)
    (row,) = [row for row in stage.rows("messages", robin) if row["state"] == "unknown"]
    at = stage.clock.now()
    report = Report("d-1", MailEventKind.DELIVERED, row["address"], row["id"], "", at)
    assert mail_reports.take(stage.house, "postmark", [report, report]) == 1
    (row,) = [one for one in stage.rows("messages", robin) if one["id"] == row["id"]]
    assert row["state"] is MessageState.SENT
    assert row["sent_at"] == at
    stage.pass_time(days=1)
    assert len(stage.mails.sent) == 1


def test_a_complaint_about_somebody_elses_mail_says_nothing_of_ours_and_a_dead_mailbox_does(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    now = stage.clock.now()
    strange = [
        Report("1", MailEventKind.COMPLAINT, "reader@x.test", None, "", now),
        Report("2", MailEventKind.HARD_BOUNCE, "gone@x.test", None, "", now),
    ]
    assert mail_reports.take(stage.house, "postmark", strange) == 2
    assert why(stage, "reader@x.test") is None
    assert why(stage, "gone@x.test")["reason"] == SuppressionReason.BOUNCED


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("postmark", json.dumps(POSTMARK), {}, 401),
        ("postmark", json.dumps(POSTMARK), basic("wrong"), 401),
        ("postmark", "{", basic(SECRET), 400),
        ("sendgrid", json.dumps([SENDGRID]), basic(SECRET), 404),
        ("nobody", "{}", basic(SECRET), 404),
        ("postmark", "x" * (4 * 1024 * 1024 + 1), basic(SECRET), 413),
    ],
)
def test_a_forged_or_strange_report_changes_nothing(
    quick_stage: Stage, path: str, body: str, headers: dict[str, str], status: int
) -> None:
    answer = listen(quick_stage).post(f"/webhooks/mail/{path}", content=body, headers=headers)
    assert answer.status_code == status
    assert why(quick_stage, "ana@x.test") is None


def test_nothing_is_listened_to_until_a_provider_and_a_secret_are_set(quick_stage: Stage) -> None:
    client = TestClient(mail_hooks(quick_stage.house))
    assert client.post("/webhooks/mail/postmark", json=POSTMARK, headers=basic("")).status_code == 404
    assert client.get("/webhooks/mail/postmark").status_code == 405


def thanked(stage: Stage) -> Any:
    """Let a customer give another card, and return the thank-you that they get."""
    robin = stage.fails("lost_card")
    stage.pass_time(hours=5)
    save_card(press(stage, robin))
    stage.settle()
    stage.pass_time(days=1)
    with stage.house.store.read() as connection:
        return connection.execute(select(tables.notices)).mappings().one()


def test_a_notice_that_bounced_leaves_its_address_alone_and_its_account_is_known(quick_stage: Stage) -> None:
    stage = quick_stage
    row = dict(thanked(stage))
    listen(stage).post("/webhooks/mail/postmark", json=bounce(row), headers=basic(SECRET))
    assert why(stage, row["address"])["message_id"] == row["id"]
    with stage.house.store.read() as connection:
        (kept,) = letters.in_state(connection, MessageState.SENT)[:1]
        notes = connection.execute(select(tables.notes.c.sentence)).scalars().all()
    assert (kept["id"], kept["note"]) == (row["id"], notes[-1])
    assert "could not be delivered" in notes[-1]


def test_a_notice_of_unknown_outcome_is_listed_until_its_provider_speaks_of_it(quick_stage: Stage) -> None:
    stage = quick_stage
    row = dict(thanked(stage))
    lost = {"state": MessageState.UNKNOWN, "sent_at": None}
    with stage.house.store.write() as connection:
        connection.execute(update(tables.notices).values(lost))
        (listed,) = letters.in_state(connection, MessageState.UNKNOWN)
    assert (listed["id"], listed["template"], listed["recovery_id"]) == (
        row["id"],
        "thank_you",
        row["recovery_id"],
    )
    said = {
        "RecordType": "Delivery", "MessageID": "m", "Recipient": row["address"],
        "DeliveredAt": "2026-03-05T00:00:00Z", "Metadata": {"dunning_message": row["id"]},
    }  # fmt: skip
    listen(stage).post("/webhooks/mail/postmark", json=said, headers=basic(SECRET))
    with stage.house.store.read() as connection:
        assert letters.in_state(connection, MessageState.UNKNOWN) == []


def test_what_the_merchant_suppressed_holds_for_every_account(quick_stage: Stage) -> None:
    house, address = quick_stage.house, "lee@acme.example"
    suppressing.suppress(house, address, why="", by="kim")
    with house.store.read() as connection:
        assert messages.suppressed(connection, "acct_1", address)
        assert suppressions.wants_no_notices(connection, "acct_1", address)
    suppressing.release(house, address, by="kim")
    with house.store.write() as connection:
        suppressions.add(connection, "acct_1", address, SuppressionReason.BOUNCED, at=quick_stage.clock.now())
        assert not messages.suppressed(connection, "self", address)
        assert messages.suppressed(connection, "acct_1", address)
    assert suppressing.release(house, address, by="kim").done
    with house.store.read() as connection:
        assert not messages.suppressed(connection, "acct_1", address)


def test_the_line_of_the_queue_follows_what_was_sent_what_bounced_and_who_was_released(stage: Stage) -> None:
    robin, row = sent(stage)

    def spot() -> tuple[Any, Any]:
        stage.settle()
        with stage.house.store.read() as connection:
            line = queue_items.item(connection, stage.recovery(robin).id)
        assert line is not None
        return line["place"], line["cause"]

    assert spot() == (Place.WAITING, None)
    listen(stage).post("/webhooks/mail/postmark", json=bounce(row), headers=basic(SECRET))
    assert spot() == (Place.NEEDS_ACTION, Cause.UNREACHABLE)
    assert suppressing.release(stage.house, row["address"], by="ada").done
    assert spot() == (Place.WAITING, None)
