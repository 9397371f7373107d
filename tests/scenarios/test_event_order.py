"""Stripe delivers twice, late and in any order; what comes of it is always the same."""

import itertools
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from scenarios.stage import Stage, Switchboard, set_stage

from dunning.core.vocabulary import EventState, Retries, Status
from dunning.flows import attempting, card_update, charging
from dunning.flows.driver import run
from dunning.sandbox.actions_merchant import refund
from dunning.sandbox.state import StoredEvent
from dunning.store import attempts
from dunning.store.tables import events as events_table

TOLD = (
    "invoice.payment_failed",
    "payment_method.attached",
    "invoice.paid",
    "refund.created",
    "customer.updated",
)


def a_recovery_that_stripe_makes(stage: Stage) -> tuple[dict[str, Any], list[StoredEvent]]:
    """Play a recovery in watch mode whose first failure alone arrives; the other events are held."""
    robin = stage.fails("do_not_honor")
    stage.hold_events = True
    stage.pass_time(days=2)
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    card = next(reversed(stage.sandbox.world.cards))
    settings = {"invoice_settings[default_payment_method]": card}
    stage.merchant("POST", f"/v1/customers/{robin['customer']}", **settings)
    stage.pass_time(days=5)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})
    stage.settle()
    stage.hold_events = False
    chosen = {event.type: event for event in stage.held if event.type in TOLD}
    assert set(chosen) == set(TOLD)
    return robin, list(chosen.values())


def end_state(stage: Stage, robin: dict[str, Any], order: Sequence[StoredEvent]) -> tuple[Any, ...]:
    for event in order:
        stage.receive([event])
        stage.ring()
    stage.settle()
    recovery = stage.recovery(robin)
    tries = sorted(attempt.state for attempt in stage.attempts(robin))
    return recovery.status, recovery.reason, sorted(stage.ledger(robin)), tries


def test_any_order_of_a_recoverys_events_ends_in_the_same_state(
    switchboard: Switchboard, sqlite_url: str, tmp_path: Path
) -> None:
    """The first failure is known; every order of what follows is played on a copy of that database."""
    ends: dict[str, list[tuple[str, ...]]] = {}
    database, opened = tmp_path / "dunning.db", tmp_path / "opened.db"
    with set_stage(switchboard, sqlite_url, tmp_path, retries=Retries.WATCH, messages=False) as stage:
        robin, told = a_recovery_that_stripe_makes(stage)
        stage.house.store.engine.dispose()  # the last connection folds the write-ahead log into the file
        shutil.copyfile(database, opened)
        for order in itertools.permutations(told):
            shutil.copyfile(opened, database)
            ended = end_state(stage, robin, order)
            assert stage.laws_broken() == {}
            ends.setdefault(repr(ended), []).append(tuple(event.type for event in order))
            stage.house.store.engine.dispose()
    assert len(ends) == 1, {end: f"{len(orders)} orders, as {orders[0]}" for end, orders in ends.items()}


def test_the_same_events_twice_and_backwards_change_nothing(watching_stage: Stage) -> None:
    robin, told = a_recovery_that_stripe_makes(watching_stage)
    status, reason, ledger, _ = end_state(watching_stage, robin, [*reversed(told), *told])
    assert (status, reason) == (Status.RECOVERED, "stripe_retry")
    assert ledger == [("recovered", 2900, "stripe_retry"), ("refund", -900, None)]


def test_events_that_come_twice_are_kept_and_counted_once(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    before = (stage.ledger(robin), len(stage.attempts(robin)), len(stage.mails.sent))
    stage.receive(list(stage.sandbox.world.events.values()))
    stage.settle()
    assert (stage.ledger(robin), len(stage.attempts(robin)), len(stage.mails.sent)) == before
    with stage.house.store.read() as connection:
        kept = list(connection.execute(events_table.select()))
    assert len({row.id for row in kept}) == len(kept)
    assert {row.state for row in kept} <= {EventState.HANDLED, EventState.IGNORED}


def test_our_own_payment_told_before_its_answer_is_recorded_is_counted_once(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.clock.advance_to(due)
    recovery = stage.recovery(robin)
    run(attempting.prepare(stage.house, recovery.id))
    with stage.house.store.read() as connection:
        attempt = attempts.asking(connection, recovery.whose, recovery.invoice_id)
    assert attempt is not None
    flow = charging.charge(stage.house, attempt.id)
    claimed = flow.claim()
    assert claimed is not None
    answer = flow.ask(claimed)
    stage.settle()  # the events of this very charge come first
    flow.record(claimed, answer)
    stage.pass_time(days=1)
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    assert stage.charges(robin, by="dunning") == ["paid"]


@pytest.mark.parametrize("late", ["invoice.paid", "payment_method.attached"])
def test_a_card_that_pays_is_credited_alike_whichever_news_comes_first(quick_stage: Stage, late: str) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    stage.pass_time(days=1)
    [(_, mail)] = stage.mails.sent
    token = mail.text.split("/pay/")[1].split()[0].rstrip(".,)")
    portal = card_update.mint(stage.house, token)
    assert portal is not None
    stage.hold_events = True
    httpx.post(portal, data={"card": "works"}, trust_env=False)
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/pay")
    stage.settle()
    stage.hold_events = False
    first = [event for event in stage.held if event.type != late]
    last = [event for event in stage.held if event.type == late]
    stage.receive(first)
    stage.settle()
    stage.receive(last)
    stage.settle()
    assert stage.recovery(robin).reason == "customer_card_update"
