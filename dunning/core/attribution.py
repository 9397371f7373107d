"""Whom a recovered invoice is credited to: exactly one reason, the first that holds in order."""

from dataclasses import dataclass
from datetime import datetime

from dunning.core.vocabulary import MadeBy, Reason

OURS = frozenset(
    {Reason.CUSTOMER_CARD_UPDATE, Reason.BACKUP_CARD, Reason.STAFF, Reason.OUR_RETRY},
)


@dataclass(frozen=True, slots=True)
class PaymentFacts:
    """What is known of the payment that settled a failed invoice. All instants are aware UTC."""

    failed_at: datetime
    made_by: MadeBy | None  # None: nobody charged anything (marked paid, credit, balance)
    first_contact_at: datetime | None = None  # our first message sent, or link opened, before the payment
    card_added_at: datetime | None = None
    card_updated_by_network_at: datetime | None = None
    other_card_passed: bool = False  # our attempt named a card that was not the default


def attribute(payment: PaymentFacts) -> Reason:
    """Return the one reason of a recovered invoice.

    A card counts as a customer's update when it came after our first message or link; a card the customer
    added unasked is credited to whoever charged it.
    """
    if payment.made_by is None:
        return Reason.OUT_OF_BAND
    if _came_after(payment.card_added_at, payment.first_contact_at):
        return Reason.CUSTOMER_CARD_UPDATE
    if payment.made_by is MadeBy.CUSTOMER:
        return Reason.CUSTOMER_PAYMENT
    if _came_after(payment.card_updated_by_network_at, payment.failed_at):
        return Reason.ACCOUNT_UPDATER
    if payment.other_card_passed:
        return Reason.BACKUP_CARD
    return {
        MadeBy.STAFF: Reason.STAFF,
        MadeBy.DUNNING: Reason.OUR_RETRY,
        MadeBy.STRIPE: Reason.STRIPE_RETRY,
        MadeBy.MERCHANT: Reason.MERCHANT,
    }[payment.made_by]


def _came_after(event: datetime | None, origin: datetime | None) -> bool:
    return event is not None and origin is not None and event >= origin
