"""A clock that runs like the wall's, and can be moved forward."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dunning.core.clock import Clock, WallClock, utc


@dataclass(slots=True)
class OffsetClock:
    """Wall time plus whatever it was advanced by."""

    wall: Clock = field(default_factory=WallClock)
    _offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        """Return the moved instant, aware, in UTC."""
        return self.wall.now() + self._offset

    def advance_to(self, instant: datetime) -> None:
        """Move forward to `instant`; an earlier one is ignored."""
        self._offset = max(self._offset, utc(instant) - self.wall.now())
