"""Diaries of charges whose outcome nobody can learn, until a person looks."""

from datetime import timedelta
from typing import Any

import pytest
from flows.stopping import due
from scenarios.stage import OURS, Stage

from dunning.core.vocabulary import AttemptState, Reason, Status
from dunning.flows import abandonment, asked, charging, staff
from dunning.flows.abandonment import Verdict
from dunning.flows.unknown import ASK_AGAIN
from dunning.gateway.ask import Stripe
from dunning.store import queue
from dunning.store.queue_filter import Tab, Wanted


def in_the_dark(stage: Stage, **more: Any) -> dict[str, Any]:
    """A charge that was executed; its answer was lost, and no event comes."""
    robin = due(stage, **more)
    stage.hold_events = True
    stage.sandbox.faults.add(status=500, when="after")
    stage.settle()
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    return robin


def needs_a_person(stage: Stage) -> list[str]:
    with stage.house.store.read() as connection:
        found = queue.page(connection, Wanted(livemode=False, tab=Tab.NEEDS_ACTION), now=stage.clock.now())
    return [row["id"] for row in found.rows]


def test_the_janitor_looks_more_and_more_rarely_and_then_calls_a_person(stage: Stage) -> None:
    robin = in_the_dark(stage)
    began = stage.clock.now()
    stage.pass_time(hours=31)
    (attempt,) = [a for a in stage.attempts(robin) if a.ordinal]
    assert attempt.abandoned_at is None
    assert needs_a_person(stage) == []
    stage.pass_time(hours=1)
    (attempt,) = [a for a in stage.attempts(robin) if a.ordinal]
    assert attempt.abandoned_at == began + sum(ASK_AGAIN, timedelta())
    assert attempt.state is AttemptState.UNKNOWN

    # The recovery is frozen: no other charge, by anybody, until a person has looked.
    recovery = stage.recovery(robin)
    assert recovery.status is Status.ATTEMPTING
    assert f"v1:pay:self:{robin['invoice']}:1" in recovery.why
    assert needs_a_person(stage) == [recovery.id]
    assert not staff.retry(stage.house, recovery.id, by="ada").done
    stage.skip_time(hours=240, hop=24)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.UNKNOWN]

    # Ada finds the key in the Dashboard, at a payment that succeeded.
    answer = abandonment.conclude(stage.house, recovery.id, Verdict.NEVER, by="ada")
    assert (answer.done, "Stripe shows the invoice as paid" in answer.sentence) == (False, True)
    answer = abandonment.conclude(stage.house, recovery.id, Verdict.PAID, by="ada")
    assert answer.done, answer.sentence
    assert stage.recovery(robin).reason is Reason.OUR_RETRY
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    assert needs_a_person(stage) == []
    assert "Charge no. 1 was concluded as paid." in stage.sentences(robin)
    assert not abandonment.conclude(stage.house, recovery.id, Verdict.PAID, by="ada").done
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


def test_an_event_that_comes_after_all_concludes_it_without_a_person(stage: Stage) -> None:
    robin = in_the_dark(stage)
    stage.skip_time(hours=60)
    assert len(needs_a_person(stage)) == 1
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert needs_a_person(stage) == []
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.recovery(robin).reason is Reason.OUR_RETRY


def test_a_payment_by_somebody_else_is_concluded_as_such(stage: Stage) -> None:
    robin = due(stage)
    stage.hold_events = True
    stage.sandbox.faults.add(status=500, when="before")
    stage.settle()
    stage.pays_out_of_band(robin)
    stage.skip_time(hours=60)
    recovery = stage.recovery(robin)
    assert needs_a_person(stage) == [recovery.id]
    assert abandonment.conclude(stage.house, recovery.id, Verdict.SOMEONE_ELSE, by="ada").done
    assert stage.ours(robin) == [AttemptState.MOOT]
    assert stage.recovery(robin).reason is Reason.OUT_OF_BAND
    assert stage.charges(robin, by="dunning") == []


def abandoned_by_hand(stage: Stage) -> dict[str, Any]:
    """An abandoned charge of an open invoice: the last look could not tell either."""
    robin = in_the_dark(stage, clears_after_hours=None)
    abandon_it(stage, robin)
    return robin


def abandon_it(stage: Stage, robin: dict[str, Any]) -> None:
    recovery = stage.recovery(robin)
    (attempt,) = [a for a in stage.attempts(robin) if a.ordinal]
    with stage.house.store.write() as connection:
        claimed = asked.Asked(attempt, attempt.fence, 0, recovery.retries, again=True)
        abandonment.abandon(connection, recovery, claimed, stage.clock.now())


@pytest.mark.parametrize(
    ("verdict", "state", "costs"),
    [(Verdict.DECLINED, AttemptState.DECLINED, True), (Verdict.NEVER, AttemptState.NOT_SENT, False)],
)
def test_an_open_invoice_goes_on_as_the_person_found_it(
    stage: Stage, verdict: Verdict, state: AttemptState, *, costs: bool
) -> None:
    robin = abandoned_by_hand(stage)
    recovery_id = stage.recovery(robin).id
    refused = abandonment.conclude(stage.house, recovery_id, Verdict.PAID, by="ada")
    assert (refused.done, "it was not paid" in refused.sentence) == (False, True)
    assert abandonment.conclude(stage.house, recovery_id, verdict, by="ada").done
    assert stage.ours(robin) == [state]
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.ours(robin)[0] is AttemptState.DECLINED  # the event knows better than the person did


def test_a_refusal_that_is_another_attempts_is_named_by_that_one_alone(stage: Stage) -> None:
    # Our charge never reached Stripe: the refusal that it shows is the one that opened the recovery.
    robin = due(stage, clears_after_hours=None)
    stage.hold_events = True
    stage.sandbox.faults.add(status=500, when="before")
    stage.settle()
    abandon_it(stage, robin)
    assert abandonment.conclude(stage.house, stage.recovery(robin).id, Verdict.DECLINED, by="ada").done
    assert [a.charge_id is not None for a in stage.attempts(robin)] == [True, False]
    assert stage.ours(robin) == [AttemptState.DECLINED]
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_an_outage_uses_up_none_of_the_looks(stage: Stage) -> None:
    robin = in_the_dark(stage)
    stage.sandbox.faults.add(path="*", method="*", status=429, code="rate_limit", times=None)
    stage.skip_time(hours=72, hop=6)
    assert needs_a_person(stage) == []
    stage.sandbox.faults.rules.clear()
    stage.hold_events = False
    stage.receive(stage.held)
    stage.pass_time(hours=2)
    assert stage.ours(robin) == [AttemptState.PAID]


def test_a_late_effect_is_waited_for_and_is_ours(stage: Stage) -> None:
    robin = due(stage)
    stage.hold_events = True
    stage.sandbox.faults.add(drop=True, when="before")
    stage.settle()
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    # Two minutes later the network delivers our request after all; the answer reaches nobody.
    key = f"v1:pay:self:{robin['invoice']}:1"
    late = Stripe("sk_test_stage", stage.url).pay(OURS, robin["invoice"], key=key)
    assert late.outcome == "paid"
    stage.pass_time(minutes=10)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.recovery(robin).reason is Reason.OUR_RETRY


def test_the_house_is_not_kept_awake_by_a_charge_that_waits_for_a_person(stage: Stage) -> None:
    robin = in_the_dark(stage)
    staff.stop(stage.house, stage.recovery(robin).id, by="ada")
    stage.skip_time(hours=96, hop=12)
    assert needs_a_person(stage) == [stage.recovery(robin).id]
    ring_at = stage.recovery(robin).ring_at
    assert ring_at == stage.clock.now() + asked.FOR_A_PERSON


def test_workers_that_die_while_they_look_do_not_bring_the_person_sooner(stage: Stage) -> None:
    robin = in_the_dark(stage)
    for _ in range(2 * len(ASK_AGAIN)):
        (attempt,) = [a for a in stage.attempts(robin) if a.ordinal]
        claimed = charging.charge(stage.house, attempt.id).claim()
        assert claimed is not None
        stage.clock.advance_to(stage.clock.now() + charging.LEASE)
    stage.settle()
    (attempt,) = [a for a in stage.attempts(robin) if a.ordinal]
    assert (attempt.state, attempt.abandoned_at) == (AttemptState.UNKNOWN, None)
