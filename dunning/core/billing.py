"""What we read of Stripe's objects: the few facts that decisions and reports need, as plain values.

Amounts are integer minor units; instants are aware UTC; ids are Stripe's, verbatim.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from dunning.core.declines import BUILT_IN, Decline, DeclineClass, DeclineTable, classify
from dunning.core.vocabulary import InvoiceClass


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose row or object it is: the merchant's own account is `self`, a connected one `acct_…`."""

    account_id: str = "self"
    livemode: bool = False


def network_of(kind: str, brand: str | None) -> str | None:
    """Return whose rules hold for a payment method: a card's brand, or the type of anything else."""
    return brand if kind == "card" else kind


@dataclass(frozen=True, slots=True)
class Card:
    """A way to pay that a customer has on file; never a number, only what tells cards apart."""

    id: str
    type: str = "card"
    customer: str | None = None
    fingerprint: str | None = None
    brand: str | None = None
    funding: str | None = None
    country: str | None = None
    last4: str | None = None
    exp_month: int | None = None
    exp_year: int | None = None
    created: datetime | None = None

    @property
    def network(self) -> str | None:
        """Return whose rules hold: a card's brand, a bank debit's type."""
        return network_of(self.type, self.brand)


@dataclass(frozen=True, slots=True)
class Failure:
    """The last error of a payment: what was declined, on which card, as which charge."""

    decline: Decline
    charge: str | None = None
    payment_intent: str | None = None
    card: Card | None = None
    needs_action: bool = False

    def decline_class(self, table: DeclineTable = BUILT_IN) -> DeclineClass:
        """Return the class by `table`; an invoice that failed for lack of any payment method needs a card."""
        if self.needs_action:
            return DeclineClass.NEEDS_AUTHENTICATION
        if self.card is None and self.decline == Decline():
            return DeclineClass.NEEDS_CARD
        return classify(self.decline, table)


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of an invoice, open or settled."""

    id: str
    status: str
    amount_paid: int
    created: datetime
    paid_at: datetime | None = None
    is_default: bool = False
    payment_intent: str | None = None
    intent_status: str | None = None
    charge: str | None = None
    card_id: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice as Stripe showed it."""

    id: str
    status: str | None
    currency: str
    amount_due: int
    amount_paid: int
    amount_remaining: int
    customer: str | None = None
    subscription: str | None = None
    number: str | None = None
    plan: str | None = None
    invoice_class: InvoiceClass = InvoiceClass.RENEWAL
    billing_reason: str | None = None
    billed_from: datetime | None = None  # when the newest period begins that its lines bill
    billed_until: datetime | None = None  # when that period ends
    default_card: str | None = None  # the invoice's own, before the subscription's and the customer's
    collection_method: str | None = None
    auto_advance: bool | None = None
    attempted: bool = False
    attempt_count: int = 0
    next_payment_attempt: datetime | None = None
    created: datetime | None = None
    paid_at: datetime | None = None
    hosted_url: str | None = None
    amount_credited: int = 0  # by credit notes before payment
    payments: tuple[Payment, ...] = ()
    # Where a card paid it: as it is now (whether and since when it is saved tells who used it), and with the
    # details that the charge was made with (the network may have renewed them since).
    paid_with: Card | None = None
    charged_as: Card | None = None

    @property
    def open(self) -> bool:
        """Return whether something can still be collected."""
        return self.status == "open" and self.amount_remaining > 0

    @property
    def failure(self) -> Failure | None:
        """Return the newest failure among the payments that are not cancelled."""
        alive = [p for p in self.payments if p.status != "canceled" and p.failure is not None]
        return max(alive, key=lambda p: (p.is_default, p.created)).failure if alive else None

    @property
    def settled(self) -> tuple[Payment, ...]:
        """Return the payments that brought money, oldest first."""
        paid = (p for p in self.payments if p.status == "paid")
        return tuple(sorted(paid, key=lambda p: p.paid_at or p.created))

    @property
    def processing(self) -> bool:
        """Return whether a payment is on its way (a bank debit takes days)."""
        return any(p.intent_status == "processing" for p in self.payments if p.status == "open")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What bills a customer again and again; `cancelled_for` is Stripe's reason once it has ended."""

    id: str
    status: str | None
    customer: str | None = None
    default_card: str | None = None  # shadows the customer's own
    trial_end: datetime | None = None
    ended_at: datetime | None = None
    cancelled_for: str | None = None
    collection_paused: bool = False

    @property
    def ended(self) -> bool:
        """Return whether it will never bill again."""
        return self.status in ENDED


ENDED: Final = frozenset({"canceled", "incomplete_expired"})


def class_of(invoice: Invoice, subscription: Subscription | None) -> InvoiceClass:
    """Return the class of an invoice; that a trial ended is told only by its subscription.

    Stripe bills the end of a trial like any other cycle (`subscription_cycle`, or `subscription_update` when
    the trial was cut short); what tells it apart is that the period billed begins when the trial ended.
    Source: https://docs.stripe.com/billing/subscriptions/trials
    """
    trial_end = subscription.trial_end if subscription else None
    renewal = invoice.invoice_class is InvoiceClass.RENEWAL
    if renewal and trial_end is not None and invoice.billed_from == trial_end:
        return InvoiceClass.TRIAL_END
    return invoice.invoice_class


@dataclass(frozen=True, slots=True)
class Customer:
    """Who owes."""

    id: str
    email: str | None = None
    name: str | None = None
    country: str | None = None
    locale: str | None = None  # the first of `locales`
    timezone: str | None = None
    default_card: Card | None = None
    created: datetime | None = None
    deleted: bool = False
    phone: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)  # the merchant's own
    locales: tuple[str, ...] = ()  # languages, the most wanted first
