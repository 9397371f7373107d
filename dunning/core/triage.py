"""Which recoveries need a person, since when, and until when somebody should have looked: pure rules.

Response targets are lengths of elapsed time, not office hours. They are our own choice, not a network's rule:
the sooner a refusal can be mended by one call, the shorter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import CLOSED, Status


class Place(StrEnum):
    """Where a recovery lies in the queue; it lies in one place at a time."""

    NEEDS_ACTION = "needs_action"
    WAITING = "waiting"  # the customer was written to and has time to answer
    SNOOZED = "snoozed"  # a person set it aside until a date
    UNDERWAY = "underway"  # it recovers by itself, or Stripe retries it
    CLOSED = "closed"


class Cause(StrEnum):
    """Why a recovery needs a person."""

    PROMISE_BROKEN = "promise_broken"
    CONCLUDE = "conclude"  # nobody knows what became of a charge
    CONTRADICTED = "contradicted"  # Stripe collects what is ours to collect
    APPROVAL = "approval"  # a second person must say yes or no
    UNREACHABLE = "unreachable"  # only the customer can help, and no address works
    SILENT = "silent"  # only the customer can help, and nothing more will be sent soon
    PAUSE_OVER = "pause_over"
    CALL = "call"  # the campaign asks for a call


SILENCE: Final = timedelta(hours=72)  # how long a customer who was written to may take
OVERDUE: Final = timedelta(hours=24)  # a message that did not leave for so long is not counted on
SOON: Final = timedelta(hours=96)  # a message that comes later than this leaves the customer alone for now
TARGETS: Final[Mapping[DeclineClass, timedelta]] = {
    DeclineClass.SOFT_FUNDS: timedelta(hours=48),
    DeclineClass.SOFT_ISSUER: timedelta(hours=48),
    DeclineClass.TECHNICAL: timedelta(hours=8),
    DeclineClass.LIMIT: timedelta(hours=48),
    DeclineClass.NEEDS_AUTHENTICATION: timedelta(hours=8),
    DeclineClass.NEEDS_CARD: timedelta(hours=24),
    DeclineClass.HARD: timedelta(hours=24),
    DeclineClass.FRAUD: timedelta(hours=4),
    DeclineClass.UNKNOWN: timedelta(hours=24),
}
URGENT: Final[Mapping[Cause, timedelta]] = {
    Cause.CONCLUDE: timedelta(hours=4),
    Cause.CONTRADICTED: timedelta(hours=4),
    Cause.APPROVAL: timedelta(hours=8),
    Cause.PROMISE_BROKEN: timedelta(hours=8),
    Cause.CALL: timedelta(hours=24),
}
RANKS: Final = {"promise": 3, "breached": 2, "needed": 1, "rest": 0}


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rules look at; instants are aware UTC."""

    status: Status
    decline_class: DeclineClass
    failed_at: datetime
    pause_until: datetime | None = None
    abandoned: bool = False
    contradicted: bool = False
    approval_asked: bool = False
    call_asked: bool = False  # a task to call the customer is open
    reachable: bool = True
    next_message_at: datetime | None = None
    last_message_at: datetime | None = None  # when the customer was last written to, or called
    snoozed_until: datetime | None = None
    promised_until: datetime | None = None
    touched_at: datetime | None = None  # when a person last did something about it
    needed_since: datetime | None = None  # as it was found before
    cause_before: Cause | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a recovery lies, and when to look again: `look_at` is when time alone may move it."""

    place: Place
    cause: Cause | None = None
    needed_since: datetime | None = None
    respond_by: datetime | None = None
    breached: bool = False
    rank: int = RANKS["rest"]  # what sorts before the money
    look_at: datetime | None = None


def spot(standing: Standing, *, now: datetime) -> Spot:
    """Return where a recovery lies in the queue at `now`."""
    if standing.status in CLOSED and not standing.abandoned:
        return Spot(Place.CLOSED)
    cause = _cause(standing, now)
    if cause is None:
        return Spot(_calm(standing, now), look_at=min(_dates(standing, now), default=None))
    kept = standing.needed_since if standing.cause_before is cause else None
    since = kept or _began(standing, cause, now)
    respond_by = max(since, standing.touched_at or since) + target(cause, standing.decline_class)
    breached = respond_by <= now
    ahead = [*_dates(standing, now), *(() if breached else (respond_by,))]
    rank, look_at = _rank(cause, breached=breached), min(ahead, default=None)
    return Spot(Place.NEEDS_ACTION, cause, since, respond_by, breached, rank, look_at)


def target(cause: Cause, decline_class: DeclineClass) -> timedelta:
    """Return within what time a person should look: by the cause where it is urgent, else by the refusal."""
    return URGENT.get(cause, TARGETS[decline_class])


def _rank(cause: Cause, *, breached: bool) -> int:
    if cause is Cause.PROMISE_BROKEN:
        return RANKS["promise"]
    return RANKS["breached"] if breached else RANKS["needed"]


def _cause(standing: Standing, now: datetime) -> Cause | None:
    if standing.abandoned:
        return Cause.CONCLUDE
    if standing.contradicted:
        return Cause.CONTRADICTED
    if standing.approval_asked:
        return Cause.APPROVAL
    if standing.promised_until is not None and standing.promised_until <= now:
        return Cause.PROMISE_BROKEN
    if _ahead(standing.snoozed_until, now):
        return None
    if standing.status is Status.PAUSED:
        return None if _ahead(standing.pause_until, now) else Cause.PAUSE_OVER
    return Cause.CALL if standing.call_asked else _left_alone(standing, now)


def _left_alone(standing: Standing, now: datetime) -> Cause | None:
    if standing.status is not Status.WAITING:
        return None
    if not standing.reachable:
        return Cause.UNREACHABLE
    return None if _has_time(standing, now) else Cause.SILENT


def _has_time(standing: Standing, now: datetime) -> bool:
    """Return whether the customer was written to a little while ago, or will be soon."""
    sent, coming = standing.last_message_at, standing.next_message_at
    written = sent is not None and now < sent + SILENCE
    return written or (coming is not None and now - OVERDUE < coming < now + SOON)


def _calm(standing: Standing, now: datetime) -> Place:
    if standing.status is Status.PAUSED or _ahead(standing.snoozed_until, now):
        return Place.SNOOZED
    return Place.WAITING if standing.status is Status.WAITING else Place.UNDERWAY


def _began(standing: Standing, cause: Cause, now: datetime) -> datetime:
    """Return since when it needs a person, told from the date that made it so where there is one."""
    dated = {
        Cause.PROMISE_BROKEN: standing.promised_until,
        Cause.PAUSE_OVER: standing.pause_until,
    }
    return dated.get(cause) or now


def _dates(standing: Standing, now: datetime) -> Iterator[datetime]:
    dates = [standing.snoozed_until, standing.promised_until, standing.pause_until]
    if standing.status is Status.WAITING and standing.last_message_at is not None:
        dates.append(standing.last_message_at + SILENCE)
    if standing.status is Status.WAITING and standing.next_message_at is not None:
        dates += [standing.next_message_at - SOON, standing.next_message_at + OVERDUE]
    yield from (date for date in dates if date is not None and date > now)


def _ahead(instant: datetime | None, now: datetime) -> bool:
    return instant is not None and instant > now
