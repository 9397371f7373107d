"""What happened before dunning was there: charges and invoices of the past, and what they prove.

Stripe's lists tell what was charged, when and with what answer; they never tell who asked. So a past payment
is credited only to what its objects prove: marked as paid outside Stripe; paid after the network had renewed
the card; asked by somebody's own call, where there were more charges than Stripe's own attempts; and Stripe's
retry otherwise. Nothing of the past is ever credited to us.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dunning.core.billing import Card, Failure
from dunning.core.declines import Decline
from dunning.core.vocabulary import AttemptState, ClosedReason, InvoiceClass, MadeBy, Reason, Status

_UNTOLD: Final = Decline()


@dataclass(frozen=True, slots=True)
class PastCharge:
    """One finished charge; `amount` in minor units, `at` aware UTC.

    `invoice` is known only where the source names it; else `payment_intent` leads there.
    """

    id: str
    at: datetime
    amount: int
    currency: str
    paid: bool
    payment_intent: str | None = None
    invoice: str | None = None
    customer: str | None = None
    decline: Decline = _UNTOLD
    card: Card | None = None

    @property
    def failure(self) -> Failure:
        """Return what a refused charge says."""
        needs_action = self.decline.code == "authentication_required"
        return Failure(self.decline, self.id, self.payment_intent, self.card, needs_action)


@dataclass(frozen=True, slots=True)
class PastPayment:
    """Which invoice a payment intent (or a bare charge) belongs to."""

    id: str
    invoice: str
    payment_intent: str | None
    charge: str | None
    created: datetime


@dataclass(frozen=True, slots=True)
class PastInvoice:
    """An invoice as it stood when it was read; amounts in minor units, instants aware UTC."""

    id: str
    created: datetime
    status: str | None
    currency: str
    customer: str | None = None
    subscription: str | None = None
    invoice_class: InvoiceClass = InvoiceClass.RENEWAL
    collection_method: str | None = None
    attempt_count: int = 0  # "only automatic retries increment" it after the first attempt
    amount_credited: int = 0
    paid_at: datetime | None = None
    voided_at: datetime | None = None
    uncollectible_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One charge of a failed invoice, and who made it as far as that can be proved."""

    charge: PastCharge
    state: AttemptState
    made_by: MadeBy


@dataclass(frozen=True, slots=True)
class PastEntry:
    """Money that a failed invoice brought in the end, in minor units; `source` is Stripe's id of it."""

    source: str
    amount: int
    at: datetime
    charge: str | None = None


@dataclass(frozen=True, slots=True)
class PastRecovery:
    """What became of one failed invoice; `status` None means that it is still being collected."""

    failed_at: datetime
    amount: int
    attempts: tuple[PastAttempt, ...]
    status: Status | None
    closed_at: datetime | None = None
    reason: Reason | None = None
    closed_reason: ClosedReason | None = None
    entries: tuple[PastEntry, ...] = ()

    @property
    def last_failure(self) -> Failure:
        """Return the newest refusal."""
        refused = [one.charge for one in self.attempts if one.state is not AttemptState.PAID]
        return refused[-1].failure


def tell(
    invoice: PastInvoice | None,
    charges: Sequence[PastCharge],
    *,
    window: timedelta,
    now: datetime,
) -> PastRecovery | None:
    """Return what became of an invoice since it failed, or None when it never did.

    Without the invoice (an export knows only charges) an unpaid one counts as lost once the window is over,
    and as unknown before.
    """
    story = _since_failure(charges)
    if not story or (invoice is not None and invoice.collection_method == "send_invoice"):
        return None
    attempts = tuple(_attempts(invoice, charges, story))
    failed_at, amount = story[0].at, story[0].amount
    paid = [charge for charge in story if charge.paid]
    status = invoice.status if invoice else None
    if paid and (status in {"paid", None} or sum(one.amount for one in paid) >= amount):
        return _recovered(invoice, attempts, paid, amount)
    unpaid = PastRecovery(failed_at, amount, attempts, None)
    if invoice is not None and status == "paid":
        return _outside(invoice, unpaid)
    return _unpaid(invoice, unpaid, failed_at + window, now)


def _since_failure(charges: Sequence[PastCharge]) -> list[PastCharge]:
    """Return the charges from the first refused one on, oldest first; empty when none was refused."""
    ordered = sorted(charges, key=lambda one: (one.at, one.paid, one.id))
    first = next((place for place, one in enumerate(ordered) if not one.paid), len(ordered))
    return ordered[first:]


def _attempts(
    invoice: PastInvoice | None, charges: Sequence[PastCharge], story: Sequence[PastCharge]
) -> list[PastAttempt]:
    by_hand = invoice is not None and len(charges) > invoice.attempt_count
    found = []
    for charge in story:
        somebody = by_hand and charge.paid and charge is story[-1]
        made_by = MadeBy.MERCHANT if somebody else MadeBy.STRIPE
        found.append(PastAttempt(charge, _state(charge), made_by))
    return found


def _state(charge: PastCharge) -> AttemptState:
    if charge.paid:
        return AttemptState.PAID
    return AttemptState.NEEDS_ACTION if charge.failure.needs_action else AttemptState.DECLINED


def _recovered(
    invoice: PastInvoice | None,
    attempts: tuple[PastAttempt, ...],
    paid: Sequence[PastCharge],
    amount: int,
) -> PastRecovery:
    """The amount is what first failed, or what was paid where a credit or another price explains neither."""
    total = sum(one.amount for one in paid)
    credited = invoice.amount_credited if invoice else 0
    explained = amount - credited <= total <= amount
    first = next(one.charge for one in attempts if one.state is not AttemptState.PAID)
    return PastRecovery(
        first.at,
        amount if explained else total,
        attempts,
        Status.RECOVERED,
        closed_at=(invoice.paid_at if invoice else None) or paid[-1].at,
        reason=_reason(attempts),
        entries=tuple(PastEntry(one.id, one.amount, one.at, one.id) for one in paid),
    )


def _reason(attempts: Sequence[PastAttempt]) -> Reason:
    """Return the credit that the charges prove; the same method with another number was renewed."""
    last = attempts[-1]
    if _renewed(
        [one.charge.card for one in attempts if one.state is not AttemptState.PAID], last.charge.card
    ):
        return Reason.ACCOUNT_UPDATER
    return Reason.MERCHANT if last.made_by is MadeBy.MERCHANT else Reason.STRIPE_RETRY


def _renewed(before: Sequence[Card | None], after: Card | None) -> bool:
    same = [card for card in before if card and after and card.id and card.id == after.id]
    if after is None or not same:
        return False
    old = same[-1]
    return (old.last4, old.fingerprint) != (after.last4, after.fingerprint)


def _outside(invoice: PastInvoice, unpaid: PastRecovery) -> PastRecovery:
    """Paid without any charge: marked so by the merchant, or settled by credit."""
    at, left = invoice.paid_at or unpaid.attempts[-1].charge.at, unpaid.amount - invoice.amount_credited
    known = (unpaid.failed_at, unpaid.amount, unpaid.attempts)
    if left <= 0:
        return PastRecovery(*known, Status.STOPPED, at, closed_reason=ClosedReason.CREDITED)
    entry = PastEntry(invoice.id, left, at)
    return PastRecovery(*known, Status.RECOVERED, at, reason=Reason.OUT_OF_BAND, entries=(entry,))


def _unpaid(
    invoice: PastInvoice | None, unpaid: PastRecovery, deadline: datetime, now: datetime
) -> PastRecovery | None:
    known = (unpaid.failed_at, unpaid.amount, unpaid.attempts)
    last = unpaid.attempts[-1].charge.at
    if invoice is not None and invoice.status == "void":
        return PastRecovery(*known, Status.STOPPED, invoice.voided_at or last, None, ClosedReason.VOIDED)
    if invoice is not None and invoice.status == "uncollectible":
        at = invoice.uncollectible_at or last
        return PastRecovery(*known, Status.STOPPED, at, None, ClosedReason.UNCOLLECTIBLE)
    if now >= deadline:
        return PastRecovery(*known, Status.LOST, deadline, None, ClosedReason.WINDOW)
    return unpaid if invoice is not None else None
