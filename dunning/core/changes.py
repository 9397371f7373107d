"""What the state machine is told: a closed union, so that a new change must be decided everywhere."""

from dataclasses import dataclass
from datetime import datetime

from dunning.core.vocabulary import ClosedReason, Retries


@dataclass(frozen=True, slots=True)
class Opened:
    """The recovery's row was just written."""


@dataclass(frozen=True, slots=True)
class Due:
    """The clock rang: the next attempt, the end of a pause or the end of the window has come."""


@dataclass(frozen=True, slots=True)
class Declined:
    """An attempt, by anyone, ended in the bank's no. The class is in the facts."""


@dataclass(frozen=True, slots=True)
class NotAttempted:
    """Our attempt ended without the network's answer: moot, not sent or cancelled. It costs no budget."""

    why: str
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Paid:
    """The invoice is paid, by anyone and any means."""


@dataclass(frozen=True, slots=True)
class Ended:
    """There is nothing left to collect, or nobody to collect it from."""

    reason: ClosedReason


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The subscription was cancelled because nobody paid: by Stripe after its own retries, or by us."""


@dataclass(frozen=True, slots=True)
class CardChanged:
    """The customer has a card that no attempt has used yet: added, or renewed by the network."""


@dataclass(frozen=True, slots=True)
class TimeChosen:
    """The planner picked the next time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class NoTime:
    """The planner found no attempt worth making."""

    why: str


@dataclass(frozen=True, slots=True)
class StaffRetried:
    """A person asked for an attempt now."""


@dataclass(frozen=True, slots=True)
class StaffPaused:
    """A person set the recovery aside until a date."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class StaffResumed:
    """A person ended a pause."""


@dataclass(frozen=True, slots=True)
class StaffStopped:
    """A person gave the recovery up."""

    reason: ClosedReason = ClosedReason.STAFF


@dataclass(frozen=True, slots=True)
class ModeSet:
    """The merchant changed who retries."""

    retries: Retries


Change = (
    Opened
    | Due
    | Declined
    | NotAttempted
    | Paid
    | Ended
    | GivenUp
    | CardChanged
    | TimeChosen
    | NoTime
    | StaffRetried
    | StaffPaused
    | StaffResumed
    | StaffStopped
    | ModeSet
)


def subscription_ended(cancelled_for: str | None, *, by_policy: bool = False) -> Ended | GivenUp:
    """Return what the end of a subscription means for what it still owes.

    `payment_failed` is Stripe's own last resort, `by_policy` is ours: nobody paid, and the debt is lost.
    A dispute is one, whoever cancelled for it. Anything else was somebody's wish: nothing is collected.
    Source: https://docs.stripe.com/api/subscriptions/object#subscription_object-cancellation_details-reason
    """
    if by_policy or cancelled_for == "payment_failed":
        return GivenUp()
    if cancelled_for == "payment_disputed":
        return Ended(ClosedReason.DISPUTED)
    return Ended(ClosedReason.SUBSCRIPTION_CANCELLED)
