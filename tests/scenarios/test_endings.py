"""Diaries that end without our collecting: stopped, lost, and lost but paid after all."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from scenarios.stage import Stage

from dunning.core.vocabulary import ClosedReason, Status


def voids(stage: Stage, ids: dict[str, str]) -> None:
    stage.merchant("POST", f"/v1/invoices/{ids['invoice']}/void")


def writes_off(stage: Stage, ids: dict[str, str]) -> None:
    stage.merchant("POST", f"/v1/invoices/{ids['invoice']}/mark_uncollectible")


def cancels(stage: Stage, ids: dict[str, str]) -> None:
    stage.merchant("DELETE", f"/v1/subscriptions/{ids['subscription']}")


def deletes(stage: Stage, ids: dict[str, str]) -> None:
    stage.merchant("DELETE", f"/v1/customers/{ids['customer']}")


ENDS: dict[ClosedReason, Callable[[Stage, dict[str, str]], None]] = {
    ClosedReason.VOIDED: voids,
    ClosedReason.UNCOLLECTIBLE: writes_off,
    ClosedReason.SUBSCRIPTION_CANCELLED: cancels,
}


@pytest.mark.parametrize("reason", ENDS)
def test_what_ends_the_debt_ends_the_recovery_for_good(stage: Stage, reason: ClosedReason) -> None:
    robin = stage.fails("insufficient_funds")
    stage.pass_time(hours=12)
    charged, mailed = len(stage.charges(robin)), len(stage.mails.sent)
    ENDS[reason](stage, robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.STOPPED, reason)
    assert recovery.next_attempt_at is None
    stage.pass_time(days=30)
    assert len(stage.charges(robin)) == charged
    assert len(stage.mails.sent) == mailed
    assert stage.ledger(robin) == []


def test_a_deleted_customer_is_left_alone(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", one_off=True)
    deletes(stage, robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.STOPPED, ClosedReason.CUSTOMER_DELETED)
    stage.pass_time(days=30)
    assert stage.charges(robin, by="dunning") == []
    assert stage.mails.sent == []


def test_a_void_that_no_event_tells_of_is_found_out_before_the_charge(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    stage.hold_events = True
    voids(stage, robin)
    stage.pass_time(days=15)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.STOPPED, ClosedReason.VOIDED)
    assert stage.charges(robin) == ["declined"]


def test_nothing_works_so_it_is_lost_at_the_deadline_and_paid_late_it_is_recovered(stage: Stage) -> None:
    robin = stage.fails("do_not_honor")
    deadline = stage.recovery(robin).deadline
    stage.pass_time(days=13, hours=23)
    assert stage.recovery(robin).closed_at is None
    stage.pass_time(days=1)
    lost = stage.recovery(robin)
    assert (lost.status, lost.closed_at) == (Status.LOST, deadline)
    assert lost.closed_reason in {ClosedReason.WINDOW, ClosedReason.BUDGET}
    assert all(attempt.at < deadline for attempt in stage.attempts(robin))
    tried = stage.charges(robin)
    assert 2 <= len(tried) <= 9

    stage.pass_time(days=20)
    assert stage.charges(robin) == tried
    stage.pays_out_of_band(robin)
    stage.settle()
    paid = stage.recovery(robin)
    assert (paid.status, paid.late, paid.reason) == (Status.RECOVERED, True, "out_of_band")
    assert paid.closed_reason is None
    assert stage.ledger(robin) == [("recovered", 2900, "out_of_band")]


def test_retries_keep_their_distance_and_stay_within_the_policy(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    stage.pass_time(days=15)
    times = [attempt.at for attempt in stage.attempts(robin)]
    gaps = [(later - earlier).total_seconds() / 3600 for earlier, later in pairwise(times)]
    assert all(gap >= 12 for gap in gaps)
    assert len(stage.ours(robin)) <= 8
