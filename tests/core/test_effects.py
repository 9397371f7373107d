"""Every type of event has an effect, or a stated reason for none."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dunning.core.effects import RULES, SUBSCRIBED, Effect, plain_type, rule_of


@pytest.mark.parametrize("event_type", RULES)
def test_a_rule_has_an_effect_or_says_why_not(event_type: str) -> None:
    rule = RULES[event_type]
    assert (rule.effect is Effect.NONE) == bool(rule.why)


def test_a_type_that_nobody_knows_has_no_effect_and_says_so() -> None:
    rule = rule_of("moon.landed")
    assert rule.effect is Effect.NONE
    assert rule.why


@pytest.mark.parametrize("event_type", RULES)
def test_a_thin_notification_does_what_its_snapshot_does(event_type: str) -> None:
    assert rule_of(f"v1.{event_type}") == RULES[event_type]


# What Stripe documents, and a recovery could be moved by.
MATTER = """
invoice.payment_failed invoice.payment_action_required invoice.payment_attempt_required invoice.paid
invoice.payment_succeeded invoice_payment.paid invoice.overpaid invoice.voided invoice.marked_uncollectible
invoice.deleted invoice.finalized invoice.created invoice.updated invoice.finalization_failed invoice.overdue
invoice.will_be_due invoice.upcoming customer.subscription.updated customer.subscription.deleted
customer.subscription.paused customer.subscription.resumed customer.updated payment_intent.payment_failed
payment_intent.requires_action payment_intent.succeeded payment_intent.canceled charge.failed charge.succeeded
payment_method.attached payment_method.updated payment_method.automatically_updated payment_method.detached
customer.source.expiring setup_intent.succeeded setup_intent.setup_failed checkout.session.completed
checkout.session.expired billing_portal.session.created charge.dispute.created charge.dispute.closed
charge.dispute.funds_withdrawn charge.dispute.funds_reinstated charge.refunded charge.refund.updated
refund.created refund.updated refund.failed radar.early_fraud_warning.created review.opened mandate.updated
customer.deleted subscription_schedule.aborted account.application.deauthorized
v1.customer.subscription.past_due v1.customer.subscription.unpaid v1.customer.subscription.active
v1.customer.subscription.incomplete v1.customer.subscription.default_payment_method_changed
v1.invoice_payment.open v1.invoice_payment.canceled
""".split()


@pytest.mark.parametrize("event_type", MATTER)
def test_a_type_that_matters_has_a_row_of_its_own(event_type: str) -> None:
    assert plain_type(event_type) in RULES
    if event_type.startswith("v1."):
        assert RULES[plain_type(event_type)].thin_only


def test_we_subscribe_to_what_has_an_effect_and_to_nothing_else() -> None:
    acted_on = {name for name, rule in RULES.items() if rule.effect is not Effect.NONE}
    thin_only = {name for name, rule in RULES.items() if rule.thin_only}
    assert set(SUBSCRIBED) == acted_on - thin_only
    assert list(SUBSCRIBED) == sorted(SUBSCRIBED)


def test_what_only_thin_notifications_tell_a_webhook_endpoint_hears_in_other_words() -> None:
    told_thin = {rule.effect for rule in RULES.values() if rule.thin_only} - {Effect.NONE}
    assert told_thin <= {RULES[name].effect for name in SUBSCRIBED}


def test_every_effect_is_had_by_some_event() -> None:
    assert {rule.effect for rule in RULES.values()} == set(Effect)


def test_the_sandbox_sends_everything_that_has_an_effect() -> None:
    from dunning.sandbox.events import DUNNING_EVENTS

    assert set(SUBSCRIBED) - DUNNING_EVENTS <= {
        "account.application.deauthorized",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "credit_note.voided",
        "invoice.overdue",
        "invoice.overpaid",
        "refund.failed",
        "refund.updated",
    }


def sampled_types() -> Iterator[tuple[str, str]]:
    """Yield the type of every event in the samples, with its file's name."""
    folders = [Path(__file__).parent.parent / "fixtures" / "events"]
    if "STRIPE_SAMPLES" in os.environ:
        folders.append(Path(os.environ["STRIPE_SAMPLES"]))
    for path in sorted(path for folder in folders for path in folder.rglob("*.json")):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict) and isinstance(found.get("type"), str):
            yield found["type"], path.name


def test_every_type_among_the_samples_is_known_or_has_the_rule_of_the_unknown() -> None:
    found = list(sampled_types())
    assert found
    for event_type, name in found:
        rule = rule_of(event_type)
        assert rule.effect is not Effect.NONE or rule.why, f"{name}: {event_type}"


def test_what_changes_the_money_of_an_invoice_has_an_effect() -> None:
    moves_money = {
        "invoice.paid",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "refund.created",
        "charge.dispute.created",
        "charge.dispute.closed",
        "credit_note.created",
    }
    assert {name for name in moves_money if rule_of(name).effect is Effect.NONE} == set()
