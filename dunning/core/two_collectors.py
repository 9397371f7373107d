"""Two who collect one invoice: when Stripe's own retries leave no room for a charge of ours.

Stripe says what it is up to on the invoice: `auto_advance` (it collects by itself), `next_payment_attempt`.
Source: https://docs.stripe.com/api/invoices/object
"""

from datetime import datetime, timedelta
from typing import Final

from dunning.core.changes import NotAttempted
from dunning.core.vocabulary import Retries

BLACKOUT: Final = timedelta(hours=6)  # when weaving: no attempt this near to one of Stripe's own
MENDED_SOON: Final = timedelta(minutes=10)
NOT_MENDED: Final = timedelta(hours=6)


def contradicts(
    retries: Retries, *, auto_advance: bool | None, stripe_next: datetime | None, now: datetime
) -> bool:
    """Return whether Stripe collects an invoice that is ours alone to collect."""
    coming = stripe_next is not None and stripe_next > now - BLACKOUT
    return retries is Retries.OWN and (bool(auto_advance) or coming)


def stripes_turn(
    retries: Retries,
    *,
    auto_advance: bool | None,
    stripe_next: datetime | None,
    contradicted_at: datetime | None = None,
    now: datetime,
) -> NotAttempted | None:
    """Return why a charge of ours must not leave now, or None: a second collector is never raced.

    `contradicted_at` is since when Stripe is known to collect what is ours; mending it takes minutes, and
    what was not mended by then waits for a person.
    """
    if contradicts(retries, auto_advance=auto_advance, stripe_next=stripe_next, now=now):
        wait = MENDED_SOON if contradicted_at is None else NOT_MENDED
        return NotAttempted("Stripe still collects this invoice itself.", now + wait)
    if stripe_next is not None and abs(stripe_next - now) < BLACKOUT:
        return NotAttempted("Stripe's own retry is too near.", stripe_next + BLACKOUT)
    return None
