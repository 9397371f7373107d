"""What each type of Stripe event does to us: an effect, or a stated reason for none.

An unknown type is data, not an error: it is kept and has no effect.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Effect(StrEnum):
    """What an event makes us do."""

    READ_INVOICE = "read_invoice"  # re-read the invoice, and follow what it says now
    OWN_REFUSED = "own_refused"  # a charge of ours, told by its key, in the bank's own words
    CARD_ADDED = "card_added"
    CARD_RENEWED = "card_renewed"  # by the card network, under the same id
    CARD_EDITED = "card_edited"  # its expiry, by the customer or the merchant
    CARD_REMOVED = "card_removed"
    READ_CUSTOMER = "read_customer"
    READ_SUBSCRIPTION = "read_subscription"  # its status, and the card that it is paid with
    CUSTOMER_DELETED = "customer_deleted"
    SUBSCRIPTION_ENDED = "subscription_ended"
    ACCOUNT_LEFT = "account_left"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    CREDITED = "credited"
    CREDIT_VOIDED = "credit_voided"
    DISPUTED = "disputed"
    DISPUTE_MOVED = "dispute_moved"
    FRAUD_WARNED = "fraud_warned"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """The effect of one event type; `why` is the reason where there is none.

    `thin_only`: Stripe sends it to v2 event destinations alone; a webhook endpoint cannot subscribe to it.
    """

    effect: Effect
    why: str = ""
    thin_only: bool = False


def _none(why: str) -> Rule:
    return Rule(Effect.NONE, why)


def _thin(effect: Effect, why: str = "") -> Rule:
    return Rule(effect, why, thin_only=True)


_INVOICE_SAYS = "the invoice's own event follows, and says more"
_NOT_YET = "nothing has failed yet"
_STILL_OWED = "what is owed stays owed, and its invoices tell"
_PART = "part of an invoice: the rest is read before every attempt, and invoice.paid tells the end"

# Source of the types: https://docs.stripe.com/api/events/types and .../api/v2/core/events/event-types
RULES: Final = {
    "invoice.payment_failed": Rule(Effect.READ_INVOICE),
    "invoice.payment_action_required": Rule(Effect.READ_INVOICE),
    "invoice.paid": Rule(Effect.READ_INVOICE),
    "invoice.payment_succeeded": _none("invoice.paid says the same, also for payments outside Stripe"),
    "invoice.overpaid": Rule(Effect.READ_INVOICE),
    "invoice.updated": Rule(Effect.READ_INVOICE),
    "invoice.voided": Rule(Effect.READ_INVOICE),
    "invoice.marked_uncollectible": Rule(Effect.READ_INVOICE),
    "invoice.overdue": Rule(Effect.READ_INVOICE),  # of those sent by hand: for messages only
    "invoice.deleted": _none("only drafts can be deleted, and a draft has not failed"),
    "invoice.created": _none(_NOT_YET),
    "invoice.finalized": _none(_NOT_YET),
    "invoice.finalization_failed": _none("a draft that cannot be finalized is the merchant's to mend"),
    "invoice.upcoming": _none(_NOT_YET),
    "invoice.will_be_due": _none(_NOT_YET),
    "invoice.payment_attempt_required": _none("paid by a method that Stripe cannot charge"),
    "invoice_payment.paid": _none(_PART),
    "invoice_payment.open": _thin(Effect.NONE, _PART),
    "invoice_payment.canceled": _thin(Effect.NONE, _PART),
    "payment_intent.payment_failed": Rule(Effect.OWN_REFUSED),
    "payment_intent.requires_action": _none(_INVOICE_SAYS),
    "payment_intent.succeeded": _none(_INVOICE_SAYS),
    "payment_intent.processing": _none("the invoice is read before every attempt, and says so"),
    "payment_intent.canceled": _none(_INVOICE_SAYS),
    "charge.failed": _none(_INVOICE_SAYS),
    "charge.succeeded": _none(_INVOICE_SAYS),
    "charge.refunded": _none("refund.created says it once per refund"),
    "charge.refund.updated": _none("refund.updated says the same"),
    "refund.created": Rule(Effect.REFUNDED),
    "refund.failed": Rule(Effect.REFUND_FAILED),
    "refund.updated": Rule(Effect.REFUND_FAILED),  # when it was cancelled; its amount never changes
    "credit_note.created": Rule(Effect.CREDITED),
    "credit_note.voided": Rule(Effect.CREDIT_VOIDED),
    "charge.dispute.created": Rule(Effect.DISPUTED),
    "charge.dispute.funds_withdrawn": Rule(Effect.DISPUTE_MOVED),
    "charge.dispute.funds_reinstated": Rule(Effect.DISPUTE_MOVED),
    "charge.dispute.closed": Rule(Effect.DISPUTE_MOVED),
    "charge.dispute.updated": _none("evidence moves no money"),
    "radar.early_fraud_warning.created": Rule(Effect.FRAUD_WARNED),
    "radar.early_fraud_warning.updated": _none("radar.early_fraud_warning.created said it"),
    "review.opened": _none("the charge under review was paid; a refund for fraud says so itself"),
    "review.closed": _none("the charge under review was paid; a refund for fraud says so itself"),
    "payment_method.attached": Rule(Effect.CARD_ADDED),
    "payment_method.updated": Rule(Effect.CARD_EDITED),
    "payment_method.automatically_updated": Rule(Effect.CARD_RENEWED),
    "payment_method.detached": Rule(Effect.CARD_REMOVED),
    "customer.updated": Rule(Effect.READ_CUSTOMER),
    "customer.deleted": Rule(Effect.CUSTOMER_DELETED),
    "customer.subscription.deleted": Rule(Effect.SUBSCRIPTION_ENDED),
    "customer.subscription.updated": Rule(Effect.READ_SUBSCRIPTION),
    "customer.subscription.default_payment_method_changed": _thin(Effect.READ_SUBSCRIPTION),
    "customer.subscription.paused": _none(_STILL_OWED),
    "customer.subscription.resumed": _none(_STILL_OWED),
    "customer.subscription.active": _thin(Effect.READ_SUBSCRIPTION),
    "customer.subscription.past_due": _thin(Effect.READ_SUBSCRIPTION),
    "customer.subscription.unpaid": _thin(Effect.READ_SUBSCRIPTION),
    "customer.subscription.incomplete": _thin(Effect.NONE, _STILL_OWED),
    "customer.subscription.incomplete_expired": _thin(
        Effect.NONE, "its first invoice is voided, which says so"
    ),
    "customer.source.expiring": _none(_NOT_YET),
    "subscription_schedule.aborted": _none("customer.subscription.deleted tells the subscription's end"),
    "setup_intent.succeeded": _none("payment_method.attached brings the card"),
    "setup_intent.setup_failed": _none("no card came of it"),
    "checkout.session.completed": _none("payment_method.attached brings the card"),
    "checkout.session.expired": _none("no card came of it"),
    "billing_portal.session.created": _none("a page was made, not used"),
    "mandate.updated": _none(
        "a debit without a mandate never reaches the bank, and the next attempt says so"
    ),
    "account.application.deauthorized": Rule(Effect.ACCOUNT_LEFT),
}

SUBSCRIBED: Final = tuple(
    sorted(name for name, rule in RULES.items() if rule.effect is not Effect.NONE and not rule.thin_only)
)


def plain_type(event_type: str) -> str:
    """Return an event's type without the prefix of thin notifications."""
    return event_type.removeprefix("v1.")


def rule_of(event_type: str) -> Rule:
    """Return what an event type does; a thin notification's type counts as the snapshot it stands for."""
    found = RULES.get(plain_type(event_type))
    return found or _none("this type has no effect on a recovery")
