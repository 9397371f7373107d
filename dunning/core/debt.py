"""What a subscription owes, and what cancelling it would do to the debt."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dunning.core.billing import Invoice, Subscription

# A draft of a billing cycle; any other was begun by hand, or by the merchant's own program.
BILLED_BY_CYCLE: Final = frozenset({"subscription_cycle", "subscription_threshold"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A bill that is not final: whether the customer owes it (`why_not` is None), else why not."""

    invoice: Invoice
    why_not: str | None


@dataclass(frozen=True, slots=True)
class Debt:
    """What is unpaid on a subscription: final invoices that are open, and drafts."""

    subscription: Subscription
    open: tuple[Invoice, ...]
    drafts: tuple[Draft, ...]

    @property
    def owed_drafts(self) -> tuple[Draft, ...]:
        """Return the drafts that the customer owes, oldest first."""
        return tuple(draft for draft in self.drafts if draft.why_not is None)

    @property
    def open_amounts(self) -> dict[str, int]:
        """Return what the open invoices still bear, in minor units by currency."""
        return _sums((one.currency, one.amount_remaining) for one in self.open)

    @property
    def draft_amounts(self) -> dict[str, int]:
        """Return what all the drafts would bear, in minor units by currency."""
        return _sums((draft.invoice.currency, draft.invoice.amount_due) for draft in self.drafts)


def debt_of(
    subscription: Subscription,
    still_open: Sequence[Invoice],
    drafts: Sequence[Invoice],
    *,
    failed_at: datetime,
) -> Debt:
    """Return what a subscription owes, whose payment failed at `failed_at` (aware UTC)."""
    judged = (Draft(draft, why_not_owed(draft, subscription, failed_at)) for draft in drafts)
    return Debt(subscription, tuple(one for one in still_open if one.open), tuple(judged))


def why_not_owed(draft: Invoice, subscription: Subscription, failed_at: datetime) -> str | None:
    """Return why a draft is not to be collected, or None when the customer owes it.

    Owed is what the subscription billed by itself after its payment had failed, and Stripe left a draft.
    """
    if subscription.ended:
        return "The subscription has ended."
    if subscription.collection_paused:
        return "Collection of the subscription is paused, and its bills are kept as drafts."
    if draft.billing_reason not in BILLED_BY_CYCLE:
        return "It was begun by hand, not by a billing cycle."
    if draft.auto_advance:
        return "Stripe finalises it by itself."
    if draft.created is None or draft.created < failed_at:
        return "It is older than the failed payment."
    if draft.collection_method == "send_invoice":
        return "It is to be sent, and paid by the customer."
    if draft.amount_due <= 0:
        return "Nothing is due on it."
    return None


def consequences_of_cancelling(debt: Debt) -> tuple[str, ...]:
    """Return, as sentences, what cancelling the subscription at once does to what it owes.

    Source: https://docs.stripe.com/billing/subscriptions/cancel (cancelling stops automatic collection)
    """
    if debt.subscription.ended:
        return ("The subscription has ended already: cancelling it changes nothing.",)
    said = ["The subscription ends at once; nothing is billed for it any more, and nothing is given back."]
    if debt.open:
        said.append(
            f"{_count(len(debt.open), 'open invoice')} stay owed, but neither Stripe nor dunning collects "
            "them any more; the customer can still pay them, and you can void them."
        )
    if debt.drafts:
        said.append(f"{_count(len(debt.drafts), 'draft')} stay drafts: they are never charged.")
    return tuple(said)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _sums(amounts: Iterable[tuple[str, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for currency, amount in amounts:
        found[currency] = found.get(currency, 0) + amount
    return dict(sorted(found.items()))
