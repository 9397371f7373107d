"""A message goes out at most once, and never to somebody whom it no longer concerns."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from flows.stopping import steps
from scenarios.stage import Stage

from dunning.core.vocabulary import MessageState
from dunning.flows import messaging, sending, staff, switches
from dunning.flows.driver import run
from dunning.flows.work import work_message
from dunning.mail.provider import NotSent, UnknownOutcome
from dunning.store.tables import messages, suppressions


def due(stage: Stage) -> tuple[dict[str, Any], str]:
    """Return a customer at the instant when the first notice is due, and the message's id."""
    robin = stage.fails("lost_card")
    first = next(row for row in stage.rows("messages", robin) if row["step"] == "first")
    stage.clock.advance_to(first["due_at"])
    return robin, first["id"]


def state_of(stage: Stage, message_id: str) -> MessageState:
    with stage.house.store.read() as connection:
        query = messages.select().where(messages.c.id == message_id)
        state: MessageState = connection.execute(query).one().state
        return state


def test_a_message_whose_sender_died_after_the_handing_over_is_unknown_and_not_repeated(stage: Stage) -> None:
    robin, message_id = due(stage)
    run(messaging.write(stage.house, message_id))
    claim, hand_over, _ = steps(sending.send(stage.house, message_id))
    claim()
    hand_over()  # the provider has it, and the sender dies
    assert len(stage.mails.sent) == 1
    stage.pass_time(minutes=5)
    assert state_of(stage, message_id) is MessageState.UNKNOWN
    stage.pass_time(days=3)
    assert len(stage.mails.sent) == 1
    assert stage.messages(robin)["first"] == "unknown"


def test_a_message_whose_sender_died_before_the_handing_over_is_unknown_too(stage: Stage) -> None:
    _, message_id = due(stage)
    run(messaging.write(stage.house, message_id))
    steps(sending.send(stage.house, message_id))[0]()
    stage.pass_time(minutes=5)
    assert state_of(stage, message_id) is MessageState.UNKNOWN
    assert stage.mails.sent == []


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_message_that_was_never_handed_over_is_sent_by_the_next_worker(
    quick_stage: Stage, done: int
) -> None:
    stage = quick_stage
    _, message_id = due(stage)
    for step in steps(messaging.write(stage.house, message_id))[:done]:
        step()
    stage.pass_time(minutes=5)
    assert state_of(stage, message_id) is MessageState.SENT
    assert len(stage.mails.sent) == 1


def test_a_provider_that_says_no_for_now_is_asked_again_and_the_mail_goes_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, message_id = due(stage)
    stage.mails.mishap = NotSent("greylisted", retryable=True)
    stage.settle()
    assert state_of(stage, message_id) is MessageState.PLANNED
    stage.pass_time(hours=1)
    assert stage.messages(robin)["first"] == "sent"
    assert len(stage.mails.sent) == 2  # the first one was refused


def test_a_provider_that_says_no_for_good_fails_the_message(quick_stage: Stage) -> None:
    stage = quick_stage
    _, message_id = due(stage)
    stage.mails.mishap = NotSent("no such mailbox", retryable=False)
    stage.pass_time(days=1)
    assert state_of(stage, message_id) is MessageState.FAILED
    assert len(stage.mails.sent) == 1


def test_a_provider_that_breaks_off_leaves_the_message_unknown(quick_stage: Stage) -> None:
    stage = quick_stage
    _, message_id = due(stage)
    stage.mails.mishap = UnknownOutcome("the connection broke off after the text")
    stage.pass_time(days=1)
    assert state_of(stage, message_id) is MessageState.UNKNOWN
    assert len(stage.mails.sent) == 1


def test_two_workers_on_one_message_send_it_once(stage: Stage) -> None:
    _, message_id = due(stage)
    together, errors = Barrier(4), []

    def worker() -> None:
        together.wait()
        try:
            work_message(stage.house, message_id)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    stage.pass_time(hours=1)
    assert len(stage.mails.sent) == 1
    assert state_of(stage, message_id) is MessageState.SENT


def test_two_invoices_of_one_customer_bring_one_mail_a_day(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.fails("lost_card", email="robin@example.com")
    stage.fails("lost_card", email="robin@example.com")
    stage.pass_time(days=1)
    assert len(stage.mails.sent) == 1
    stage.pass_time(days=2)
    assert len(stage.mails.sent) == 2
    assert stage.mails.sent[1][0] - stage.mails.sent[0][0] >= timedelta(days=1)


def test_a_suppressed_address_is_never_written_to(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, _ = due(stage)
    row = {
        "account_id": "self",
        "address": robin["email"].lower(),
        "reason": "bounced",
        "added_at": stage.clock.now(),
    }
    with stage.house.store.write() as connection:
        connection.execute(suppressions.insert().values(row))
    stage.pass_time(days=14)
    assert stage.mails.sent == []
    assert set(stage.messages(robin).values()) == {"skipped"}


def test_a_message_that_waits_in_its_row_is_not_sent_after_the_invoice_was_paid(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, message_id = due(stage)
    run(messaging.write(stage.house, message_id))  # and the worker dies
    stage.pays_out_of_band(robin)
    stage.deliver()
    stage.pass_time(days=1)
    assert stage.mails.sent == []


def test_a_message_that_waits_in_its_row_is_not_sent_under_the_kill_switch(quick_stage: Stage) -> None:
    stage = quick_stage
    _, message_id = due(stage)
    run(messaging.write(stage.house, message_id))  # and the worker dies
    switches.pause_all(stage.house, "wrong template", by="ada")
    stage.skip_time(hours=6, hop=1)
    assert stage.mails.sent == []


def test_a_message_that_waits_in_its_row_is_not_sent_in_the_night(quick_stage: Stage) -> None:
    stage = quick_stage
    _, message_id = due(stage)
    run(messaging.write(stage.house, message_id))  # and no worker is up for ten hours
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=10))
    stage.pass_time(hours=1)
    assert [at.hour for at, _ in stage.mails.sent if not 9 <= at.hour < 18] == []


def test_a_message_skipped_for_a_pause_does_not_hold_back_the_next_one(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, _ = due(stage)
    until = stage.clock.now() + timedelta(days=2)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="a promise", by="ada")
    stage.pass_time(days=6)
    assert stage.messages(robin) == {"first": "skipped", "reminder": "sent", "final": "planned"}
