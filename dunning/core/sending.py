"""When a message may go out, and how often somebody is written to: hours, weekends, holidays and caps.

All of it is one pure function, which also says what moved a message from the time that was meant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final, Self

from dunning.core.conditions import NotUsable

A_DAY: Final = timedelta(days=1)
A_WEEK: Final = timedelta(days=7)
SHORTEST: Final = timedelta(hours=2)  # of the daytime: less than that and a clock change could swallow it
HOLIDAYS_MOST: Final = 400
_SEARCHED: Final = 1000  # moves; every one passes a night, a day off or a cap


class Moved(StrEnum):
    """What moved a message away from the time that its step means."""

    QUIET_HOURS = "quiet_hours"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    DAY_CAP = "day_cap"
    WEEK_CAP = "week_cap"
    RETRY = "retry"  # brought forward, to come before what it announces


@dataclass(frozen=True, slots=True)
class Sending:
    """The merchant's rules: the customer's local daytime, days off, and caps for an address and a recovery.

    `a_day` and `a_week` count what one address gets within 24 hours and 7 days, `a_recovery` what goes out
    for one recovery in all.
    """

    opening: time = time(9)
    closing: time = time(18)
    weekends: bool = True  # whether messages go out on Saturdays and Sundays
    holidays: frozenset[date] = frozenset()
    a_day: int = 1
    a_week: int = 5
    a_recovery: int = 12

    def dumps(self) -> dict[str, Any]:
        """Return the rules, JSON-ready."""
        return {
            "opening": f"{self.opening:%H:%M}",
            "closing": f"{self.closing:%H:%M}",
            "weekends": self.weekends,
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
            "a_day": self.a_day,
            "a_week": self.a_week,
            "a_recovery": self.a_recovery,
        }

    @classmethod
    def loads(cls, said: dict[str, Any]) -> Self:
        """Return the rules that a form or `dumps` says.

        Raises:
            NotUsable: a value cannot be meant, or nothing could ever go out.
        """
        found = cls(
            opening=_time("opening", said.get("opening", "09:00")),
            closing=_time("closing", said.get("closing", "18:00")),
            weekends=bool(said.get("weekends", True)),
            holidays=frozenset(_day(text) for text in said.get("holidays", ())),
            **{name: _count(name, said[name]) for name in ("a_day", "a_week", "a_recovery") if name in said},
        )
        if _length(found) < SHORTEST:
            raise NotUsable("The daytime is two hours or more, from an opening to a later closing.")
        if len(found.holidays) > HOLIDAYS_MOST:
            raise NotUsable(f"{len(found.holidays)} holidays are too many: name {HOLIDAYS_MOST} at most.")
        return found


@dataclass(frozen=True, slots=True)
class Due:
    """When a message goes out, in the zone of the time that was meant, and what moved it, in that order."""

    at: datetime
    moved: tuple[Moved, ...] = ()


def due(wish: datetime, zone: tzinfo, sending: Sending, sent: Sequence[datetime] = ()) -> Due:
    """Return the first time from `wish` on at which a message may go out.

    `sent` is when the address was written to before. A local time that a clock change skips is moved past
    the gap; of one that comes twice, the first that is not before `wish` counts.

    Raises:
        NotUsable: the rules leave no time within years.
    """
    at, moved = wish.astimezone(UTC), list[Moved]()
    for _ in range(_SEARCHED):
        later = _capped(at, sending, sent) or _closed(at, zone, sending)
        if later is None:
            return Due(at.astimezone(wish.tzinfo), tuple(dict.fromkeys(moved)))
        at = later.at
        moved += later.moved
    raise NotUsable("The hours, days off and caps leave no time at which a message may go out.")


def due_before(
    wish: datetime, before: datetime, zone: tzinfo, sending: Sending, sent: Sequence[datetime] = ()
) -> Due | None:
    """Return when a message goes out that announces what comes at `before`; None when no time is left.

    From the time that was meant it moves on as any other does, unless it would come too late: then it is
    brought forward to the last hour of the daytime before that.
    """
    found = due(wish, zone, sending, sent)
    if found.at < before:
        return found
    local = wish.astimezone(zone).date()
    for back in range(_SEARCHED):
        day = local - timedelta(days=back)
        last = datetime.combine(day, sending.closing, zone).astimezone(UTC) - timedelta(hours=1)
        if last > wish.astimezone(UTC) or _day_off(day, sending) is not None:
            continue
        if _closed(last, zone, sending) is None:
            early = due(last, zone, sending, sent)
            reasons = tuple(dict.fromkeys((*found.moved, Moved.RETRY)))
            return Due(early.at.astimezone(wish.tzinfo), reasons) if early.at < before else None
    return None


def _capped(at: datetime, sending: Sending, sent: Sequence[datetime]) -> Due | None:
    """Return when the address may be written to again, where it had its share."""
    for window, most, why in (
        (A_DAY, sending.a_day, Moved.DAY_CAP),
        (A_WEEK, sending.a_week, Moved.WEEK_CAP),
    ):
        lately = sorted(before for before in sent if at - window < before <= at)
        if len(lately) >= most:
            return Due(lately[-most].astimezone(UTC) + window, (why,))
    return None


def _closed(at: datetime, zone: tzinfo, sending: Sending) -> Due | None:
    """Return the next opening of the daytime, where `at` is outside it or on a day off."""
    local = at.astimezone(zone)
    day, off = local.date(), _day_off(local.date(), sending)
    if off is None and sending.opening <= local.time() < sending.closing:
        return None
    why = off or Moved.QUIET_HOURS
    if off is not None or local.time() >= sending.closing:
        day += timedelta(days=1)
    reasons = [why]
    while (off := _day_off(day, sending)) is not None:
        reasons.append(off)
        day += timedelta(days=1)
    return Due(_opening(day, zone, sending, at), tuple(reasons))


def _opening(day: date, zone: tzinfo, sending: Sending, after: datetime) -> datetime:
    """Return the opening of a day; where clocks go back over it, the second one if the first has passed."""
    opening = datetime.combine(day, sending.opening, zone)
    first = opening.astimezone(UTC)
    return first if first > after else opening.replace(fold=1).astimezone(UTC)


def _day_off(day: date, sending: Sending) -> Moved | None:
    if day in sending.holidays:
        return Moved.HOLIDAY
    return Moved.WEEKEND if not sending.weekends and day.weekday() >= 5 else None


def _length(found: Sending) -> timedelta:
    start = datetime.combine(date.min, found.opening)
    return datetime.combine(date.min, found.closing) - start


def _time(name: str, said: Any) -> time:
    try:
        found = time.fromisoformat(str(said))
    except ValueError:
        raise NotUsable(f"{name} is {said!r}: write a time of day, such as 09:00.") from None
    if found.tzinfo is not None:
        raise NotUsable(f"{name} is {said!r}: it is the customer’s own time, such as 09:00.")
    return found.replace(second=0, microsecond=0)


def _day(said: Any) -> date:
    try:
        return date.fromisoformat(str(said))
    except ValueError:
        raise NotUsable(f"{said!r} is no day: write a holiday as 2026-12-25.") from None


def _count(name: str, said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or not 1 <= said <= 100:
        raise NotUsable(f"{name} is {said!r}: it is a whole number from 1 to 100.")
    return said
