"""A charge is executed once, whatever dies and whatever Stripe answers."""

from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
import stripe as sdk
from flows.stopping import STOPS, die_after, due, frozen, steps
from scenarios.stage import Stage

from dunning.core.vocabulary import AttemptState, Status
from dunning.flows import asked, charging, staff, switches
from dunning.flows.attempting import LEASE
from dunning.flows.driver import run
from dunning.flows.work import work_attempt, work_recovery
from dunning.gateway.ask import Stripe
from dunning.store import objects


@pytest.mark.parametrize("stop", STOPS)
def test_a_worker_that_dies_leaves_exactly_one_charge_and_one_attempt(stage: Stage, stop: str) -> None:
    robin = due(stage)
    die_after(stage, robin, stop)
    stage.pass_time(minutes=3)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.recovery(robin).reason == "our_retry"
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    assert len(stage.attempts(robin)) == 2


@pytest.mark.parametrize("stop", STOPS)
def test_a_worker_that_dies_without_a_webhook_ever_coming_is_taken_over_too(
    quick_stage: Stage, stop: str
) -> None:
    stage = quick_stage
    robin = due(stage)
    stage.hold_events = True
    die_after(stage, robin, stop)
    stage.pass_time(minutes=3)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


@pytest.mark.parametrize("stop", STOPS)
def test_a_decline_whose_worker_dies_is_counted_once(quick_stage: Stage, stop: str) -> None:
    stage = quick_stage
    robin = due(stage, clears_after_hours=None)
    die_after(stage, robin, stop)
    stage.pass_time(minutes=3)
    assert stage.charges(robin, by="dunning") == ["declined"]
    assert stage.ours(robin) == [AttemptState.DECLINED]
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_the_slower_of_two_holders_does_not_overwrite_the_faster(stage: Stage) -> None:
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    slow = steps(charging.charge(stage.house, attempt_id))
    slow[0]()
    stage.clock.advance_to(stage.clock.now() + LEASE + timedelta(seconds=1))
    assert run(charging.charge(stage.house, attempt_id))
    assert stage.ours(robin) == [AttemptState.PAID]
    slow[1]()
    slow[2]()
    stage.settle()
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


def test_nobody_takes_a_charge_while_its_lease_runs(stage: Stage) -> None:
    attempt_id = frozen(stage, due(stage))
    assert charging.charge(stage.house, attempt_id).claim() is not None
    assert charging.charge(stage.house, attempt_id).claim() is None
    stage.clock.advance_to(stage.clock.now() + LEASE - timedelta(seconds=1))
    assert charging.charge(stage.house, attempt_id).claim() is None


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True, "when": "after"},
        {"status": 409},
        {"status": 429, "code": "lock_timeout"},
        {"status": 429, "code": "rate_limit"},
    ],
    ids=str,
)
def test_a_lost_answer_is_found_again_under_the_same_key(quick_stage: Stage, fault: dict[str, Any]) -> None:
    stage = quick_stage
    robin = due(stage)
    stage.sandbox.faults.add(**fault)
    stage.settle()
    assert stage.sandbox.faults.rules == []
    stage.pass_time(minutes=10)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


def test_a_payment_that_the_look_at_its_charge_found_is_shown_whoever_hears_of_it_first(stage: Stage) -> None:
    """The event of a charge whose end is recorded is not followed, so the look has to keep what it read."""
    robin = due(stage)
    stage.hold_events = True
    stage.sandbox.faults.add(status=500, when="after")
    attempt_id = frozen(stage, robin)
    run(charging.charge(stage.house, attempt_id))
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    stage.deliver()
    stage.receive(stage.held)
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=2))
    work_attempt(stage.house, attempt_id)
    assert stage.ours(robin) == [AttemptState.PAID]
    stage.hold_events = False
    stage.settle()
    with stage.house.store.read() as connection:
        shown = objects.invoice(connection, stage.recovery(robin).whose, robin["invoice"])
    assert shown is not None
    assert (shown.status, shown.amount_remaining) == ("paid", 0)


def test_a_lost_answer_is_unknown_until_it_is_found_and_no_other_charge_is_made(stage: Stage) -> None:
    robin = due(stage)
    stage.hold_events = True
    stage.sandbox.faults.add(drop=True, when="after")
    stage.settle()
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    assert stage.recovery(robin).status is Status.ATTEMPTING
    assert not staff.retry(stage.house, stage.recovery(robin).id, by="ada").done
    stage.pass_time(minutes=5)
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.charges(robin, by="dunning") == ["paid"]


def test_a_broken_wire_costs_no_attempt(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    stage.sandbox.faults.add(status=429, times=3)
    stage.pass_time(minutes=20)
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.charges(robin, by="dunning") == ["paid"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_error_that_stripe_remembers_never_becomes_a_second_charge(quick_stage: Stage, when: str) -> None:
    stage = quick_stage
    robin = due(stage)
    stage.sandbox.faults.add(status=500, when=when)
    stage.pass_time(days=3)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.recovery(robin).reason == "our_retry"
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


def test_an_error_that_stripe_remembers_is_settled_by_reading_within_the_hour(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    stage.sandbox.faults.add(status=500, when="before")
    stage.pass_time(hours=1)
    assert stage.ours(robin)[0] is AttemptState.NOT_SENT
    assert stage.recovery(robin).status is not Status.ATTEMPTING


def test_an_error_that_hid_a_payment_is_ours_when_it_is_read_and_not_somebody_elses(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = due(stage)
    stage.hold_events = True
    stage.sandbox.faults.add(status=500, when="after")
    stage.skip_time(hours=48)
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.recovery(robin).reason == "our_retry"
    assert stage.ours(robin) == [AttemptState.PAID]


@pytest.mark.parametrize("meanwhile", ["nothing", "the kill switch", "a quarter of an hour"])
def test_a_charge_whose_card_could_not_be_read_is_known_to_have_been_asked(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    monkeypatch.setattr(sdk.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)
    stage = quick_stage
    robin = due(stage)
    stage.hold_events = True
    card = {"path": "/v1/payment_methods/*", "method": "GET"}
    stage.sandbox.faults.add(**card, status=429, code="rate_limit", times=None)
    run(charging.charge(stage.house, frozen(stage, robin)))
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    if meanwhile == "the kill switch":
        switches.pause_all(stage.house, "wrong price", by="ada")
        stage.pass_time(minutes=10)
        switches.resume_all(stage.house, by="ada")
    elif meanwhile != "nothing":
        stage.clock.advance_to(stage.clock.now() + timedelta(minutes=15))
        stage.settle()
    stage.sandbox.faults.rules.clear()
    stage.pass_time(hours=2)
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    assert stage.charges(robin, by="dunning") == ["paid"]


def test_a_key_that_stripe_may_have_forgotten_is_never_asked_again(stage: Stage) -> None:
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    charging.charge(stage.house, attempt_id).claim()  # and the worker dies before the first byte leaves
    stage.clock.advance_to(stage.clock.now() + asked.KEY_LIVES)
    stage.sandbox.faults.add(status=500, times=None)
    stage.settle()
    work_attempt(stage.house, attempt_id)
    assert stage.ours(robin) == [AttemptState.NOT_SENT]
    assert stage.charges(robin, by="dunning") == []

    stage.sandbox.faults.rules.clear()
    stage.pass_time(days=10)
    assert stage.charges(robin, by="dunning") == ["paid"]
    keys = {line["idempotency_key"] for line in stage.sandbox.books() if line["made_by"] == "dunning"}
    assert keys == {f"v1:pay:self:{robin['invoice']}:2"}


def test_two_workers_at_once_make_one_charge(stage: Stage) -> None:
    robin = due(stage)
    recovery_id = stage.recovery(robin).id
    together, errors = Barrier(4), []

    def worker() -> None:
        together.wait()
        try:
            work_recovery(stage.house, recovery_id)
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            errors.append(error)

    threads = [Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert errors == []
    stage.pass_time(minutes=5)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]


def test_two_workers_on_one_frozen_charge_ask_it_once(stage: Stage) -> None:
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    threads = [Thread(target=work_attempt, args=(stage.house, attempt_id)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    stage.pass_time(minutes=5)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]


def test_a_key_without_the_right_uses_up_no_attempt(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    locked_out = replace(stage.house, stripe=Stripe("sk_wrong", stage.url))
    run(charging.charge(locked_out, attempt_id))
    assert stage.ours(robin) == [AttemptState.NOT_SENT]
    assert stage.charges(robin, by="dunning") == []
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.pass_time(days=10)
    assert stage.ours(robin) == [AttemptState.NOT_SENT, AttemptState.PAID]


def test_a_stripe_that_lets_nobody_read_uses_up_no_attempt(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    locked_out = replace(stage.house, stripe=Stripe("sk_wrong", stage.url))
    work_recovery(locked_out, stage.recovery(robin).id)
    assert stage.ours(robin) == []
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.pass_time(days=10)
    assert stage.charges(robin, by="dunning") == ["paid"]


def test_a_payment_by_somebody_else_makes_our_attempt_moot(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    stage.pays_out_of_band(robin)
    stage.hold_events = True
    run(charging.charge(stage.house, attempt_id))
    assert stage.ours(robin) == [AttemptState.MOOT]
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.recovery(robin).reason == "out_of_band"
    assert stage.charges(robin, by="dunning") == []


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
def test_a_charge_that_was_lost_is_not_asked_again_once_the_invoice_is_given_up(
    quick_stage: Stage, *, told: bool
) -> None:
    """Stripe takes money for a written-off invoice, too: nothing but our own look keeps it from that."""
    stage = quick_stage
    robin = due(stage)
    charging.charge(stage.house, frozen(stage, robin)).claim()  # and the worker dies before the first byte
    stage.hold_events = not told
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/mark_uncollectible")
    stage.pass_time(hours=2)
    assert stage.charges(robin, by="dunning") == []
    assert stage.ours(robin) == [AttemptState.CANCELLED]
    stage.hold_events = False
    stage.receive(stage.held)
    stage.pass_time(days=2)
    assert stage.charges(robin, by="dunning") == []
    assert stage.recovery(robin).closed_reason == "uncollectible"


@pytest.mark.parametrize("told", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize("clears", [1, None], ids=["paid", "declined"])
@pytest.mark.parametrize("minutes", [0, 4, 12])
def test_a_charge_that_stripe_executes_after_the_invoice_was_given_up_is_ours_all_the_same(
    quick_stage: Stage, *, told: bool, clears: int | None, minutes: int
) -> None:
    stage = quick_stage
    robin = due(stage, clears_after_hours=clears)
    asked_ = charging.charge(stage.house, frozen(stage, robin)).claim()
    assert asked_ is not None
    stage.hold_events = not told
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/mark_uncollectible")
    stage.pass_time(minutes=minutes)
    attempt = asked_.attempt
    key, card_id = attempt.idempotency_key or "", (attempt.parameters or {}).get("card_id")
    stage.house.stripe.pay(attempt.whose, attempt.invoice_id, key=key, card_id=card_id)  # and nobody hears
    stage.pass_time(hours=2)
    stage.hold_events = False
    stage.receive(stage.held)
    stage.pass_time(days=2)
    books = ["paid" if clears else "declined"]
    assert stage.charges(robin, by="dunning") == books
    assert stage.ours(robin) == books
    assert stage.ledger(robin) == ([("recovered", 2900, "our_retry")] if clears else [])
    assert stage.laws_broken() == {}
