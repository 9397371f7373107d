"""The instants to choose from: a few hours of each local day, at a minute that is the case's own."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from dunning.timing.localtime import DAY, HOUR, Floats, Ints, offset, offsets
from dunning.timing.rules import Allowed

FINE_HOURS: Final = 24  # every hour at first, for what clears within hours
SHORT_DAYS: Final = 4  # a window so short is looked at hour by hour
FAR_DAYS: Final = 21  # beyond, half of the parts of the day will do: only the next try is carried out
FARTHEST_DAYS: Final = 62


def candidates(
    rules: Allowed,
    first: datetime,
    zone: ZoneInfo,
    hours: npt.NDArray[np.bool_],
    minute: int,
    *,
    hurried: bool = False,
) -> Ints:
    """Return ascending UTC seconds inside the rules.

    `hours` marks the local hours that stand for their part of the day; `minute` spreads cases over the
    hour, so that not every retry of a merchant falls on the same second; `hurried` looks at every hour of
    the first day.
    """
    start, end = _ceiling(first), min(rules.end.timestamp(), first.timestamp() + FARTHEST_DAYS * DAY)
    grid = _grid(start, end, zone, hours, minute, fine=FINE_HOURS if hurried else 0)
    ends = [_ceiling(hole_end) for _, hole_end in rules.holes]
    extra = [-(-second // 60) * 60 for second in (start, *ends)]
    found = _inside(np.concatenate([grid, np.array(extra, dtype=np.int64)]), rules, start, end)
    return found if found.size else _inside(np.array([start, *ends], dtype=np.int64), rules, start, end)


def _grid(
    start: int, end: float, zone: ZoneInfo, hours: npt.NDArray[np.bool_], minute: int, *, fine: int
) -> Ints:
    moved = offset(zone, start)
    local = (start + moved) // HOUR * HOUR + minute * 60
    grid = np.arange(local - moved, int(end) + 1, HOUR, dtype=np.int64)
    if end - start <= SHORT_DAYS * DAY or not grid.size:
        return grid
    of_day = (grid + offsets(zone, grid)) % DAY // HOUR
    ages = np.arange(len(grid))
    kept: Ints = grid[(ages < fine) | (hours[of_day] & ((ages < FAR_DAYS * 24) | (of_day // 3 % 2 == 1)))]
    return kept


def _inside(seconds: Ints, rules: Allowed, start: int, end: float) -> Ints:
    kept = np.unique(seconds[(seconds >= start) & (seconds < end)])
    for since, until in rules.holes:
        kept = kept[(kept < since.timestamp()) | (kept >= until.timestamp())]
    return kept


def _ceiling(at: datetime) -> int:
    second = int(at.timestamp())
    return second if second >= at.timestamp() else second + 1


def typical_hours(by_hour: Floats) -> npt.NDArray[np.bool_]:
    """Return which local hours stand for their three-hour part of the day: the best, else the middle one."""
    parts = by_hour.reshape(8, 3) + np.array([0.0, 1e-6, 0.0])
    marked = np.zeros((8, 3), dtype=np.bool_)
    marked[np.arange(8), parts.argmax(axis=1)] = True
    return marked.ravel()
