"""What we read of Stripe's objects: the few facts that decisions and reports need, as plain values.

Amounts are integer minor units; instants are aware UTC; ids are Stripe's, verbatim.
"""

from dataclasses import dataclass
from datetime import datetime

from dunning.core.declines import Decline, DeclineClass, classify
from dunning.core.vocabulary import InvoiceClass


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose row or object it is: the merchant's own account is `self`, a connected one `acct_…`."""

    account_id: str = "self"
    livemode: bool = False


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


@dataclass(frozen=True, slots=True)
class Failure:
    """The last error of a payment: what was declined, on which card, as which charge."""

    decline: Decline
    charge: str | None = None
    payment_intent: str | None = None
    card: Card | None = None
    needs_action: bool = False

    @property
    def decline_class(self) -> DeclineClass:
        """Return the class; an invoice that failed for lack of any payment method needs a card."""
        if self.needs_action:
            return DeclineClass.NEEDS_AUTHENTICATION
        if self.card is None and self.decline == Decline():
            return DeclineClass.NEEDS_CARD
        return classify(self.decline)


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment of an invoice, open or settled."""

    id: str
    status: str
    amount_paid: int
    created: datetime
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
    paid_with: Card | None = (
        None  # where a card paid it: whether and since when that is saved tells who used it
    )

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
        return tuple(sorted((p for p in self.payments if p.status == "paid"), key=lambda p: p.created))

    @property
    def processing(self) -> bool:
        """Return whether a payment is on its way (a bank debit takes days)."""
        return any(p.intent_status == "processing" for p in self.payments if p.status == "open")


@dataclass(frozen=True, slots=True)
class Customer:
    """Who owes."""

    id: str
    email: str | None = None
    name: str | None = None
    country: str | None = None
    locale: str | None = None
    timezone: str | None = None
    default_card: Card | None = None
    deleted: bool = False
