"""A charge on its way: what was asked, what came back, and whether the same key may be asked again."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from dunning.core.billing import Invoice
from dunning.core.vocabulary import AttemptState, Retries
from dunning.errors import StripeError
from dunning.gateway.answers import PayAnswer
from dunning.store.rows import AttemptRow

# Stripe may forget a key after 24 hours, and would then execute it again.
# Source: https://docs.stripe.com/api/idempotent_requests
KEY_LIVES: Final = timedelta(hours=23)
BUSY: Final = timedelta(minutes=1)
FOR_A_PERSON: Final = timedelta(hours=1)  # an abandoned charge ends when somebody concludes it
MOST_REPLAYS: Final = 3  # a saved 500 never becomes an answer: from then on reading decides


@dataclass(frozen=True, slots=True)
class Asked:
    """A charge in hand: its frozen intent, whether it was asked before, and whether it may be asked now."""

    attempt: AttemptRow
    fence: int
    ticket: int
    retries: Retries
    again: bool
    may_ask: bool = True  # else reading alone finds out


@dataclass(frozen=True, slots=True)
class Outcome:
    """What asking gave: the answer to the charge, the invoice where it was read, the error if any."""

    answer: PayAnswer | None = None
    invoice: Invoice | None = None
    error: StripeError | None = None
    looked: bool = True  # Stripe could be asked, whatever it told


def may_replay(attempt: AttemptRow, now: datetime) -> bool:
    """Return whether the same key may be asked again: it is a question only while Stripe remembers it."""
    if attempt.state is AttemptState.PROCESSING or attempt.replays >= MOST_REPLAYS:
        return False
    return attempt.asked_at is not None and now < attempt.asked_at + KEY_LIVES


def wait_behind(attempt: AttemptRow) -> timedelta:
    """Return when to look again at what may not be done while this charge has no outcome."""
    return BUSY if attempt.abandoned_at is None else FOR_A_PERSON
