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
    | CardChanged
    | TimeChosen
    | NoTime
    | StaffRetried
    | StaffPaused
    | StaffResumed
    | StaffStopped
    | ModeSet
)
