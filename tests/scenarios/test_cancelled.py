"""Diaries: a subscription ends, a payment is disputed, a trial ends: each means something for the debt."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from scenarios.stage import Stage

from dunning.core.policy import LastResort, Policy, PolicyVersion
from dunning.core.vocabulary import ClosedReason, InvoiceClass, Status
from dunning.sandbox import billing, money
from dunning.sandbox.standing import cancel_subscription
from dunning.sandbox.state import STRIPE, Trouble
from dunning.store import rules


def stripe_gives_up(stage: Stage, ids: dict[str, Any]) -> None:
    with stage.sandbox.world.lock:
        cancel_subscription(stage.sandbox.world, stage.subscription(ids), STRIPE, "payment_failed")


def customer_leaves(stage: Stage, ids: dict[str, Any]) -> None:
    stage.merchant("DELETE", f"/v1/subscriptions/{ids['subscription']}")


def cancelled_for_a_dispute(stage: Stage, ids: dict[str, Any]) -> None:
    with stage.sandbox.world.lock:
        cancel_subscription(stage.sandbox.world, stage.subscription(ids), STRIPE, "payment_disputed")


MEANINGS: dict[Callable[[Stage, dict[str, Any]], None], tuple[Status, ClosedReason]] = {
    stripe_gives_up: (Status.LOST, ClosedReason.SUBSCRIPTION_CANCELLED),
    customer_leaves: (Status.STOPPED, ClosedReason.SUBSCRIPTION_CANCELLED),
    cancelled_for_a_dispute: (Status.STOPPED, ClosedReason.DISPUTED),
}


@pytest.mark.parametrize("end", MEANINGS, ids=lambda end: end.__name__)
def test_why_a_subscription_was_cancelled_decides_whether_its_debt_is_lost_or_stopped(
    stage: Stage, end: Callable[[Stage, dict[str, Any]], None]
) -> None:
    stage.policy(last_resort=LastResort.MARK_UNCOLLECTIBLE)
    robin = stage.fails("insufficient_funds")
    stage.pass_time(hours=3)
    end(stage, robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == MEANINGS[end]

    # Nothing is charged or written any more, and there is no last resort after somebody else's.
    charged, mailed = len(stage.charges(robin)), len(stage.mails.sent)
    stage.pass_time(days=20)
    assert (len(stage.charges(robin)), len(stage.mails.sent)) == (charged, mailed)
    assert stage.errands(robin) == []


def test_a_failure_heard_of_only_after_stripe_gave_up_is_lost_too(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.hold_events = True
    robin = stage.fails("insufficient_funds")
    stage.clock.advance_to(stage.clock.now() + timedelta(days=14))
    stripe_gives_up(stage, robin)
    stage.deliver()
    stage.hold_events = False
    stage.receive(stage.held[::-1])
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.LOST, ClosedReason.SUBSCRIPTION_CANCELLED)


@pytest.mark.parametrize("what", [money.dispute, money.warn_of_fraud])
def test_a_dispute_or_a_fraud_warning_stops_everything_of_the_customer(
    stage: Stage, what: Callable[..., Any]
) -> None:
    paid = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=10)
    assert stage.recovery(paid).status is Status.RECOVERED
    world = stage.sandbox.world
    others = []
    for amount in (700, 900):
        with world.lock:
            world.cards[paid["payment_method"]].trouble = Trouble("scripted", "do_not_honor", world.now())
            made = billing.open_invoice(
                world, world.tables["customers"][paid["customer"]], None, amount=amount
            )
            billing.first_charge(world, made)
        stage.settle()
        others.append(paid | {"invoice": made["id"]})
    with world.lock:
        what(world, next(charge for charge in world.tables["charges"].values() if charge["paid"]))
    stage.settle()
    assert {stage.recovery(ids).status for ids in others} == {Status.STOPPED}
    reasons = {stage.recovery(ids).closed_reason for ids in others}
    assert len(reasons) == 1
    assert reasons <= {ClosedReason.DISPUTED, ClosedReason.FRAUD_WARNING}
    tried, mailed = [stage.charges(ids) for ids in others], len(stage.mails.sent)
    stage.pass_time(days=20)
    assert ([stage.charges(ids) for ids in others], len(stage.mails.sent)) == (tried, mailed)


def publish(stage: Stage, **sections: dict[str, Any]) -> None:
    wanted = PolicyVersion(Policy(), {InvoiceClass(name): rule for name, rule in sections.items()})
    with stage.house.store.write() as connection:
        rules.publish_policy(connection, wanted, stage.clock.now())


CLASSES: dict[InvoiceClass, dict[str, Any]] = {
    InvoiceClass.FIRST: {"reason": "subscription_create"},
    InvoiceClass.TRIAL_END: {"trial": True},
    InvoiceClass.RENEWAL: {},
    InvoiceClass.ONE_OFF: {"one_off": True},
}


@pytest.mark.parametrize("kind", CLASSES)
def test_each_class_of_invoice_has_the_window_of_its_own_section(stage: Stage, kind: InvoiceClass) -> None:
    publish(stage, **{name: {"window": timedelta(days=3 + n)} for n, name in enumerate(CLASSES)})
    robin = stage.fails("insufficient_funds", **CLASSES[kind])
    recovery = stage.recovery(robin)
    assert recovery.invoice_class is kind
    assert recovery.deadline == recovery.failed_at + timedelta(days=3 + list(CLASSES).index(kind))


def test_a_bill_after_the_trials_first_one_is_a_renewal(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.sandbox.customer(trial=True, country="GB")
    stage.pass_time(days=30)
    with stage.sandbox.world.lock:
        world = stage.sandbox.world
        world.cards[robin["payment_method"]].trouble = Trouble("scripted", "do_not_honor", world.now())
        billing.bill(world, robin["subscription"], 5, again=False)
    stage.settle()
    second = robin | {"invoice": stage.subscription(robin)["latest_invoice"]}
    assert stage.recovery(second).invoice_class is InvoiceClass.RENEWAL


def test_a_recovery_keeps_the_policy_that_it_opened_with(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    stage.policy(window=timedelta(days=2), last_resort=LastResort.CANCEL_SUBSCRIPTION)
    stage.pass_time(days=3)
    assert stage.recovery(robin).closed_at is None
    stage.pass_time(days=13)
    assert stage.recovery(robin).policy_version == 1
    assert stage.errands(robin) == []
    younger = stage.fails("insufficient_funds")
    assert stage.recovery(younger).policy_version == 2
    stage.pass_time(days=3)
    assert stage.errands(younger) == [("cancel_subscription", "done")]
