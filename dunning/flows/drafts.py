"""Collecting, once a card works again, what piled up as drafts while a subscription was unpaid.

One after the other: a draft is finalised and left to Stripe's own first charge, like any bill. If that fails
it becomes a recovery of its own, and the end of that one goes on with the drafts that are left.
"""

from datetime import datetime, timedelta
from typing import Final

from dunning.core.billing import Invoice
from dunning.core.debt import Debt, debt_of
from dunning.core.money import Money
from dunning.core.vocabulary import ErrandState
from dunning.flows.errand import InHand, Outcome, done, dropped, later
from dunning.flows.house import House
from dunning.store.rows import RecoveryRow

AN_HOUR: Final = timedelta(hours=1)
PATIENCE: Final = timedelta(days=7)  # with a bill that Stripe neither charges nor leaves


def debt(house: House, recovery: RecoveryRow) -> Debt | None:
    """Return what the subscription of a recovery owes, as Stripe shows it now; None for a one-off invoice.

    Raises:
        StripeError: Stripe could not be asked.
    """
    if recovery.subscription_id is None:
        return None
    asked, whose, about = house.stripe.subscriptions, recovery.whose, recovery.subscription_id
    return debt_of(
        asked.read(whose, about),
        asked.invoices(whose, about, "open"),
        asked.invoices(whose, about, "draft"),
        failed_at=recovery.failed_at,
    )


def collect(house: House, hand: InHand) -> Outcome:
    """Finalise the oldest draft that is owed, when every bill before it is paid.

    Raises:
        StripeError: nothing is known to have happened.
    """
    found = debt(house, hand.recovery)
    if found is None or not found.drafts + found.open:
        return Outcome(ErrandState.DONE, "No draft is left.", told=False)
    if found.open:
        return _after(found.open[0], hand)
    if not found.owed_drafts:
        return dropped(_left(found))
    draft = found.owed_drafts[0].invoice
    house.stripe.subscriptions.finalize(hand.recovery.whose, draft.id, key=hand.key)
    amount = Money(draft.amount_due, draft.currency)
    said = f"Draft {draft.id} ({amount}) was finalised for collection.{_beside(found)}"
    return later(said, hand.now + AN_HOUR, told=True)


def _after(bill: Invoice, hand: InHand) -> Outcome:
    """Wait for a bill that is open; one that was charged in vain is a recovery, whose end goes on here."""
    if bill.attempted:
        return done(f"Invoice {bill.id} could not be collected: the drafts after it wait for it.")
    if _too_long(hand.errand.planned_at, hand.now):
        return done(
            f"Invoice {bill.id} is open, and Stripe does not charge it: the drafts after it are left."
        )
    return later(f"Invoice {bill.id} is being collected.", hand.now + AN_HOUR)


def _too_long(planned_at: datetime, now: datetime) -> bool:
    return now >= planned_at + PATIENCE


def _left(found: Debt) -> str:
    named = "; ".join(f"{draft.invoice.id}: {draft.why_not}" for draft in found.drafts)
    return f"Drafts were left as they are. {named}"[:500]


def _beside(found: Debt) -> str:
    others = [f"{draft.invoice.id}: {draft.why_not}" for draft in found.drafts if draft.why_not is not None]
    return f" Left as they are: {'; '.join(others)}"[:400] if others else ""
