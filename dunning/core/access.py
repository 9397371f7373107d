"""What a customer who owes may still use: the verdict that the merchant's own application asks for.

The verdict advises; nothing at Stripe changes by it. It is decided for each unpaid invoice under the policy
of its recovery, and the strictest of them is the customer's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from dunning.core.vocabulary import ClosedReason, Retries, Status


class Level(StrEnum):
    """What a customer may use, from everything to nothing."""

    FULL = "full"
    GRACE = "grace"  # everything, with a banner
    RESTRICTED = "restricted"
    NONE = "none"


class Why(StrEnum):
    """What a verdict rests on."""

    NOTHING_OWED = "nothing_owed"
    PAYMENT_FAILED = "payment_failed"
    UNDER_WAY = "under_way"  # a bank debit, which takes days
    PROMISED = "promised"  # staff paused the recovery until a date
    WATCHED = "watched"  # Stripe retries, and its settings say what becomes of the subscription
    GRACE_OVER = "grace_over"
    LOST = "lost"
    SUBSCRIPTION_ENDED = "subscription_ended"


SEVERITY: Final = {level: place for place, level in enumerate(Level)}
SAID: Final = {
    Why.NOTHING_OWED: "No payment is open.",
    Why.PAYMENT_FAILED: "A payment failed, and the time of grace is running.",
    Why.UNDER_WAY: "A payment is on its way; the bank has not answered yet.",
    Why.PROMISED: "A payment failed, and its recovery is paused until a date.",
    Why.WATCHED: "A payment failed, and Stripe retries it while dunning watches.",
    Why.GRACE_OVER: "A payment failed, and the time of grace is over.",
    Why.LOST: "A payment failed and was not recovered.",
    Why.SUBSCRIPTION_ENDED: "The subscription has ended with a payment open.",
}
ENDED: Final = frozenset({ClosedReason.SUBSCRIPTION_CANCELLED, ClosedReason.CUSTOMER_DELETED})
GIVEN_UP: Final = frozenset({ClosedReason.UNCOLLECTIBLE, ClosedReason.WRITTEN_OFF})


@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy says of access: elapsed time from the failure, and what follows it."""

    grace: timedelta
    after_grace: Level
    when_lost: Level


@dataclass(frozen=True, slots=True)
class Owed:
    """One invoice that failed, as far as access depends on it; instants are aware UTC, minor units."""

    recovery: str
    invoice: str
    subscription: str | None
    status: Status
    retries: Retries
    failed_at: datetime
    amount: int
    currency: str
    terms: Terms
    settled: bool = False  # the invoice is paid or void, whatever the recovery says yet
    under_way: bool = False
    pause_until: datetime | None = None
    closed_reason: ClosedReason | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be used, until when that holds (None: until something happens), and why."""

    level: Level
    why: Why
    until: datetime | None = None


FULL: Final = Verdict(Level.FULL, Why.NOTHING_OWED)


def verdict_on(owed: Owed, *, now: datetime) -> Verdict:
    """Return what one invoice leaves of its customer's access.

    While we only watch, nothing is ever restricted from here; a pause, which keeps a promise to pay, holds
    the grace until it ends.
    """
    if owed.settled or owed.status is Status.RECOVERED:
        return FULL
    if owed.status is Status.STOPPED and owed.closed_reason not in GIVEN_UP:
        ended = owed.closed_reason in ENDED
        return Verdict(Level.NONE, Why.SUBSCRIPTION_ENDED) if ended else FULL
    if owed.under_way:
        return Verdict(Level.GRACE, Why.UNDER_WAY)
    if owed.retries is Retries.WATCH:
        return Verdict(Level.GRACE, Why.WATCHED)
    if owed.status in {Status.LOST, Status.STOPPED}:
        return Verdict(owed.terms.when_lost, Why.LOST)
    return _while_open(owed, now)


def _while_open(owed: Owed, now: datetime) -> Verdict:
    over = owed.failed_at + owed.terms.grace
    if owed.status is Status.PAUSED and owed.pause_until is not None and now < owed.pause_until:
        return Verdict(Level.GRACE, Why.PROMISED, max(owed.pause_until, over))
    if now < over:
        return Verdict(Level.GRACE, Why.PAYMENT_FAILED, over)
    return Verdict(owed.terms.after_grace, Why.GRACE_OVER)


def strictest(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the strictest verdict; of equals, the one that ends first; without any, full access."""
    far = datetime.max.replace(tzinfo=UTC)
    return min(verdicts, key=lambda one: (-SEVERITY[one.level], one.until or far), default=FULL)


def counts(owed: Owed, live: frozenset[str]) -> bool:
    """Return whether an invoice counts for its customer as a whole.

    One of a subscription that has ended does not, where another of theirs (`live`) goes on.
    """
    ended = owed.status is Status.STOPPED and owed.closed_reason in ENDED
    return not (ended and live - {owed.subscription})
