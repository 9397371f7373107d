"""What each type of Stripe event does to us: an effect, or a stated reason for none.

An unknown type is data, not an error: it is kept and has no effect.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Effect(StrEnum):
    """What an event makes us do."""

    READ_INVOICE = "read_invoice"  # re-read the invoice, and follow what it says now
    CARD_ADDED = "card_added"
    CARD_RENEWED = "card_renewed"  # by the card network, under the same id
    CARD_REMOVED = "card_removed"
    READ_CUSTOMER = "read_customer"
    CUSTOMER_DELETED = "customer_deleted"
    SUBSCRIPTION_ENDED = "subscription_ended"
    REFUNDED = "refunded"
    REFUND_FAILED = "refund_failed"
    CREDITED = "credited"
    CREDIT_VOIDED = "credit_voided"
    DISPUTED = "disputed"
    DISPUTE_CLOSED = "dispute_closed"
    FRAUD_WARNED = "fraud_warned"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Rule:
    """The effect of one event type; `why` is the reason where there is none."""

    effect: Effect
    why: str = ""


def _none(why: str) -> Rule:
    return Rule(Effect.NONE, why)


_INVOICE_SAYS = "the invoice's own event follows, and says more"

RULES: Final = {
    "invoice.payment_failed": Rule(Effect.READ_INVOICE),
    "invoice.payment_action_required": Rule(Effect.READ_INVOICE),
    "invoice.paid": Rule(Effect.READ_INVOICE),
    "invoice.payment_succeeded": _none("invoice.paid says the same, also for payments outside Stripe"),
    "invoice.overpaid": Rule(Effect.READ_INVOICE),
    "invoice.updated": Rule(Effect.READ_INVOICE),
    "invoice.voided": Rule(Effect.READ_INVOICE),
    "invoice.marked_uncollectible": Rule(Effect.READ_INVOICE),
    "invoice.deleted": _none("only drafts can be deleted, and a draft has not failed"),
    "invoice.overdue": _none("only for invoices sent by hand, which nobody charges"),
    "invoice.created": _none("nothing has failed yet"),
    "invoice.finalized": _none("nothing has failed yet"),
    "invoice.finalization_failed": _none("nothing was charged"),
    "invoice.upcoming": _none("nothing has failed yet"),
    "invoice.will_be_due": _none("nothing has failed yet"),
    "invoice.payment_attempt_required": _none("paid by a method that Stripe cannot charge"),
    "invoice_payment.paid": _none(_INVOICE_SAYS),
    "payment_intent.payment_failed": _none(_INVOICE_SAYS),
    "payment_intent.requires_action": _none(_INVOICE_SAYS),
    "payment_intent.succeeded": _none(_INVOICE_SAYS),
    "payment_intent.processing": _none(_INVOICE_SAYS),
    "payment_intent.canceled": _none(_INVOICE_SAYS),
    "charge.failed": _none(_INVOICE_SAYS),
    "charge.succeeded": _none(_INVOICE_SAYS),
    "charge.refunded": _none("refund.created says it once per refund"),
    "refund.created": Rule(Effect.REFUNDED),
    "refund.failed": Rule(Effect.REFUND_FAILED),
    "refund.updated": _none("its amount never changes; refund.failed says when it came back"),
    "credit_note.created": Rule(Effect.CREDITED),
    "credit_note.voided": Rule(Effect.CREDIT_VOIDED),
    "charge.dispute.created": Rule(Effect.DISPUTED),
    "charge.dispute.closed": Rule(Effect.DISPUTE_CLOSED),
    "radar.early_fraud_warning.created": Rule(Effect.FRAUD_WARNED),
    "payment_method.attached": Rule(Effect.CARD_ADDED),
    "payment_method.updated": _none("an edit by the merchant or customer that leaves the card the same"),
    "payment_method.automatically_updated": Rule(Effect.CARD_RENEWED),
    "payment_method.detached": Rule(Effect.CARD_REMOVED),
    "customer.updated": Rule(Effect.READ_CUSTOMER),
    "customer.deleted": Rule(Effect.CUSTOMER_DELETED),
    "customer.subscription.deleted": Rule(Effect.SUBSCRIPTION_ENDED),
    "customer.subscription.updated": _none("its invoices tell what is owed"),
    "customer.subscription.paused": _none("what is owed stays owed"),
    "customer.subscription.resumed": _none("what is owed stays owed"),
    "customer.source.expiring": _none("nothing has failed yet"),
    "setup_intent.succeeded": _none("payment_method.attached brings the card"),
    "setup_intent.setup_failed": _none("no card came of it"),
    "checkout.session.completed": _none("payment_method.attached brings the card"),
    "checkout.session.expired": _none("no card came of it"),
    "billing_portal.session.created": _none("a page was made, not used"),
    "mandate.updated": _none("the next attempt meets it"),
}

SUBSCRIBED: Final = tuple(sorted(name for name, rule in RULES.items() if rule.effect is not Effect.NONE))


def rule_of(event_type: str) -> Rule:
    """Return what an event type does; a thin notification's type counts as the snapshot it stands for."""
    found = RULES.get(event_type.removeprefix("v1."))
    return found or _none("this type has no effect on a recovery")
