"""Time as an argument.

Business time decides what is due; the demo and the simulation run it virtually. Nothing outside this
file asks the machine what time it is.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol


class Clock(Protocol):
    """Something that tells the time as an aware UTC datetime."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        ...


class WallClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the machine's current instant in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class VirtualClock:
    """A clock that stands still until it is moved forward."""

    _now: datetime
    _lock: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        self._now = utc(self._now)

    def now(self) -> datetime:
        """Return the instant the clock was last moved to."""
        with self._lock:
            return self._now

    def advance_to(self, instant: datetime) -> None:
        """Move forward to `instant`; a clock never runs backwards, so an earlier instant is ignored."""
        with self._lock:
            self._now = max(self._now, utc(instant))


def utc(instant: datetime) -> datetime:
    """Return `instant` in UTC.

    Raises:
        ValueError: if `instant` is naive, since nobody can know what it means.
    """
    if instant.tzinfo is None:
        msg = f"{instant!r} has no time zone; every instant in dunning is aware"
        raise ValueError(msg)
    return instant.astimezone(UTC)
