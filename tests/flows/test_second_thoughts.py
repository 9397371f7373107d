"""Somebody changes their mind, or news comes in another order, between two steps of a flow."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import pytest
from flows.stopping import due as due_attempt
from flows.stopping import frozen, steps
from scenarios.stage import OURS, Stage, Switchboard, set_stage
from sqlalchemy import select, update

from dunning.core.vocabulary import ClosedReason, MessageState, Reason, Retries, Status
from dunning.errors import Refused
from dunning.flows import card_update, charging, messaging, ownership, sending, staff, switches, wording
from dunning.flows.driver import run
from dunning.flows.steer import steer
from dunning.flows.work import work_event, work_message, work_recovery
from dunning.sandbox import billing
from dunning.store import due, messages, objects, tables


def due_message(stage: Stage) -> tuple[dict[str, Any], str]:
    """Return a customer at the instant when the first notice is due, and the message's id."""
    robin = stage.fails("lost_card")
    first = next(row for row in stage.rows("messages", robin) if row["step"] == "first")
    stage.clock.advance_to(first["due_at"])
    return robin, first["id"]


def message(stage: Stage, message_id: str) -> Any:
    with stage.house.store.read() as connection:
        query = select(tables.messages).where(tables.messages.c.id == message_id)
        return connection.execute(query).one()


def another_invoice(stage: Stage, robin: dict[str, Any]) -> dict[str, Any]:
    """Let a second invoice of a customer's subscription fail."""
    world = stage.sandbox.world
    with world.lock:
        owner = world.tables["customers"][robin["customer"]]
        subscription = world.tables["subscriptions"][robin["subscription"]]
        invoice = billing.open_invoice(world, owner, subscription, amount=700)
        billing.first_charge(world, invoice)
    stage.settle()
    return {**robin, "invoice": invoice["id"]}


def held_failure(stage: Stage, **more: Any) -> dict[str, Any]:
    """Bill a customer whose card says no; the news stays on its way."""
    stage.hold_events = True
    robin: dict[str, Any] = stage.sandbox.customer(fail="insufficient_funds", country="GB", **more)
    stage.sandbox.play()
    stage.deliver()
    return robin


def unowned(stage: Stage) -> dict[str, Any]:
    """Return a customer whose recovery is open and whose invoice is not taken from Stripe yet."""
    robin = held_failure(stage)
    stage.receive(stage.held)
    stage.held = []
    with stage.house.store.write() as connection:
        seqs = due.stamp(connection, "event", stage.clock.now())
    for seq in seqs:
        work_event(stage.house, seq)
    stage.hold_events = False
    return robin


# What was written, and is not wanted any more.


def test_a_written_message_is_planned_again_under_the_kill_switch_and_goes_out_after_it(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    _, message_id = due_message(stage)
    run(messaging.write(stage.house, message_id))
    switches.pause_all(stage.house, "wrong template", by="ada")
    assert not run(sending.send(stage.house, message_id))
    assert message(stage, message_id).state is MessageState.PLANNED
    switches.resume_all(stage.house, by="ada")
    stage.pass_time(hours=1)
    assert len(stage.mails.sent) == 1


def messages_off(stage: Stage, _: dict[str, Any]) -> None:
    switches.set_mode(stage.house, by="ada", messages=False)


def stop(stage: Stage, robin: dict[str, Any]) -> None:
    staff.stop(stage.house, stage.recovery(robin).id, by="ada")


def promise(stage: Stage, robin: dict[str, Any]) -> None:
    until = stage.clock.now() + timedelta(days=3)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="a promise", by="ada")


@pytest.mark.parametrize(
    ("say_no", "why"),
    [
        (messages_off, "Messages are switched off."),
        (stop, "The invoice needs no payment any more."),
        (promise, "The recovery is paused."),
    ],
)
def test_a_written_message_that_nobody_wants_any_more_is_skipped_with_the_reason(
    quick_stage: Stage, say_no: Callable[[Stage, dict[str, Any]], None], why: str
) -> None:
    stage = quick_stage
    robin, message_id = due_message(stage)
    run(messaging.write(stage.house, message_id))
    say_no(stage, robin)
    assert not run(sending.send(stage.house, message_id))
    assert (message(stage, message_id).state, message(stage, message_id).note) == (MessageState.SKIPPED, why)
    assert stage.mails.sent == []


# One mail a day.


@pytest.mark.parametrize("days_late", [0, 3])
def test_two_messages_to_one_person_written_at_the_same_moment_go_out_a_day_apart(
    stage: Stage, days_late: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = wording.render_message

    def slow(*given: Any) -> Any:
        time.sleep(0.2)
        return render(*given)

    monkeypatch.setattr(wording, "render_message", slow)
    robin = stage.fails("lost_card")
    both = [
        next(row for row in stage.rows("messages", each) if row["step"] == "first")
        for each in (robin, another_invoice(stage, robin))
    ]
    stage.clock.advance_to(max(row["due_at"] for row in both) + timedelta(days=days_late))
    flows = [steps(messaging.write(stage.house, row["id"])) for row in both]
    for claim, ask, _ in flows:
        claim()
        ask()
    writers = [Thread(target=record) for _, _, record in flows]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(30)
    states = [message(stage, row["id"]).state for row in both]
    assert sorted(states) == [MessageState.PLANNED, MessageState.SENDING]
    for row in both:
        run(sending.send(stage.house, row["id"]))
    assert len(stage.mails.sent) == 1
    stage.pass_time(days=2)
    went = [at for at, _ in stage.mails.sent]
    assert len(went) >= 2
    assert all(later - sooner >= timedelta(days=1) for sooner, later in pairwise(went))


# Customers who are gone.


def test_the_failure_of_a_deleted_customer_whom_we_never_met_is_understood(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = held_failure(stage, one_off=True)
    stage.merchant("DELETE", f"/v1/customers/{robin['customer']}")
    stage.deliver()
    stage.receive([event for event in stage.held if event.type == "invoice.payment_failed"])
    stage.ring()
    assert stage.recovery(robin).closed_reason is ClosedReason.CUSTOMER_DELETED
    with stage.house.store.read() as connection:
        known = objects.customer(connection, OURS, robin["customer"])
    assert known is not None
    assert known.deleted


def test_a_message_to_nobody_is_skipped(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, message_id = due_message(stage)
    with stage.house.store.write() as connection:
        connection.execute(update(tables.recoveries).values(customer_id=None))
    work_message(stage.house, message_id)
    assert message(stage, message_id).note == "The invoice names no customer."
    assert stage.messages(robin)["first"] == "skipped"


def test_a_message_about_an_invoice_that_stripe_does_not_know_is_skipped_with_the_reason(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin, message_id = due_message(stage)
    del stage.sandbox.world.tables["invoices"][robin["invoice"]]
    work_message(stage.house, message_id)
    assert message(stage, message_id).state is MessageState.SKIPPED
    assert "Stripe would not show" in message(stage, message_id).note


def test_a_missing_right_skips_no_message(quick_stage: Stage) -> None:
    _, message_id = due_message(quick_stage)
    flow = messaging.write(quick_stage.house, message_id)
    hand = flow.claim()
    assert hand is not None
    assert flow.fail is not None
    with pytest.raises(Refused):
        flow.fail(hand, Refused("no right", status=403))
    assert message(quick_stage, message_id).state is MessageState.PLANNED


# Links.


def test_a_second_click_does_not_take_the_card_update_from_the_first(quick_stage: Stage) -> None:
    stage = quick_stage
    messages_off(stage, {})
    robin = stage.fails("lost_card")
    url = staff.link(stage.house, stage.recovery(robin).id, by="ada")
    assert url is not None
    token = url.split("/pay/")[1]
    stage.pass_time(hours=1)
    form = card_update.mint(stage.house, token)
    assert form is not None
    first = stage.clock.now()
    stage.hold_events = True
    httpx.post(form, data={"card": "works"}, trust_env=False)
    stage.deliver()
    stage.clock.advance_to(first + timedelta(minutes=5))
    card_update.mint(stage.house, token)
    link = stage.rows("links", robin)[0]
    assert (link["used_at"], link["last_used_at"]) == (first, first + timedelta(minutes=5))
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.recovery(robin).reason is Reason.CUSTOMER_CARD_UPDATE


# Whose invoice it is.


def release(stage: Stage, _: dict[str, Any]) -> None:
    switches.set_mode(stage.house, by="ada", release=True)


@pytest.mark.parametrize("say_no", [stop, release])
def test_an_invoice_taken_while_somebody_said_no_is_given_back_at_once(
    quick_stage: Stage, say_no: Callable[[Stage, dict[str, Any]], None]
) -> None:
    stage = quick_stage
    robin = unowned(stage)
    claim, ask, record = steps(ownership.set_owner(stage.house, stage.recovery(robin).id))
    claim()
    ask()
    say_no(stage, robin)
    record()
    assert stage.recovery(robin).ring_at == stage.clock.now()
    stage.settle()
    assert not stage.recovery(robin).taken_over
    assert stage.invoice(robin)["auto_advance"] is True


def test_the_look_after_an_overtaken_change_of_hands_does_not_put_its_bell_off(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = quick_stage
    robin = unowned(stage)
    stripe = stage.house.stripe
    answer = stripe.set_auto_advance

    def slow(*whose: Any, **on: Any) -> None:
        monkeypatch.setattr(stripe, "set_auto_advance", answer)
        answer(*whose, **on)
        with stage.house.store.write() as connection:
            connection.execute(update(tables.invoices).values(next_payment_attempt_at=None))
        release(stage, robin)

    monkeypatch.setattr(stripe, "set_auto_advance", slow)
    work_recovery(stage.house, stage.recovery(robin).id)
    stage.pass_time(minutes=5)
    assert not stage.recovery(robin).taken_over
    assert stage.invoice(robin)["auto_advance"] is True


@pytest.mark.parametrize("say_no", [stop, release])
def test_an_invoice_is_given_back_only_after_our_charge_has_its_outcome(
    quick_stage: Stage, say_no: Callable[[Stage, dict[str, Any]], None]
) -> None:
    stage = quick_stage
    robin = due_attempt(stage, clears_after_hours=10_000)
    claim, ask, record = steps(charging.charge(stage.house, frozen(stage, robin)))
    claim()
    say_no(stage, robin)
    work_recovery(stage.house, stage.recovery(robin).id)
    assert stage.invoice(robin)["auto_advance"] is False
    ask()
    record()
    stage.pass_time(minutes=5)
    assert stage.invoice(robin)["auto_advance"] is True
    assert not stage.recovery(robin).taken_over


# A recovery opened while the mode changes.


@pytest.fixture
def postgres_stage(switchboard: Switchboard, postgres_url: str, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(switchboard, postgres_url, tmp_path) as made:
        yield made
        assert made.laws_broken() == {}


def test_a_recovery_that_is_being_opened_while_the_mode_changes_changes_with_it(
    postgres_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = postgres_stage
    robin = held_failure(stage)
    stage.receive([event for event in stage.held if event.type == "invoice.payment_failed"])
    with stage.house.store.write() as connection:
        seqs = due.stamp(connection, "event", stage.clock.now())
    opened, go_on = Event(), Event()

    def slow(*given: Any, **more: Any) -> Any:
        opened.set()
        assert go_on.wait(10)
        return steer(*given, **more)

    monkeypatch.setattr("dunning.flows.opening.steer", slow)
    opener = Thread(target=work_event, args=(stage.house, seqs[0]))
    opener.start()
    assert opened.wait(10)
    setter = Thread(target=release, args=(stage, robin))
    setter.start()
    setter.join(0.5)
    go_on.set()
    opener.join(10)
    setter.join(10)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.retries, recovery.status) == (Retries.WATCH, Status.WATCHING)
    assert not recovery.taken_over


# The end comes before the beginning.


@pytest.mark.parametrize(
    ("path", "first", "reason"),
    [
        ("subscriptions", "customer.subscription.deleted", ClosedReason.SUBSCRIPTION_CANCELLED),
        ("customers", "customer.deleted", ClosedReason.CUSTOMER_DELETED),
    ],
)
def test_a_failure_that_is_told_after_the_end_opens_a_stopped_recovery(
    stage: Stage, path: str, first: str, reason: ClosedReason
) -> None:
    robin = held_failure(stage, clears_after_hours=1, one_off=path == "customers")
    stage.merchant("DELETE", f"/v1/{path}/{robin[path.removesuffix('s')]}")
    stage.deliver()
    stage.hold_events = False
    stage.receive(sorted(stage.held, key=lambda event: event.type != first))
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.STOPPED, reason)
    stage.pass_time(days=5)
    assert stage.charges(robin, by="dunning") == []
    assert stage.mails.sent == []


def test_an_end_before_the_invoice_was_made_does_not_end_it(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    stage.merchant("DELETE", f"/v1/subscriptions/{robin['subscription']}")
    stage.pass_time(days=1)
    later = another_invoice(stage, robin)
    assert stage.recovery(robin).closed_reason is ClosedReason.SUBSCRIPTION_CANCELLED
    assert stage.recovery(later).closed_at is None


# A closing that waits for the lock.


def test_a_closing_that_waited_for_a_sender_took_place_after_what_that_let_go(postgres_stage: Stage) -> None:
    stage = postgres_stage
    robin = due_attempt(stage)
    claim, ask, record = steps(charging.charge(stage.house, frozen(stage, robin)))
    claim()
    ask()
    mail = stage.rows("messages", robin)[0]["id"]
    with stage.house.store.write() as connection:
        seen, _ = messaging.hold_message(connection, mail)
        closer = Thread(target=record)
        closer.start()
        closer.join(1)
        assert closer.is_alive()
        stage.clock.advance_to(stage.clock.now() + timedelta(seconds=5))
        assert seen is not None
        sent = {"state": MessageState.SENT, "sent_at": stage.clock.now(), "body_text": "Pay, please."}
        messages.change(connection, mail, seen.fence, **sent)
    closer.join(10)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_at) == (Status.RECOVERED, stage.clock.now())
