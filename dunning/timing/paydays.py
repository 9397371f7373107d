"""Paydays as patterns of days, of no country in particular; which ones customers have is learned.

Every weekday, both fortnights, every day of the month (as it falls, or moved to the working day before), the
first working days, and the usual pairs of days. Holidays are not known.
"""

from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dunning.timing.localtime import Ints

Marked: TypeAlias = npt.NDArray[np.bool_]

MONTH_DAYS: Final = tuple(range(1, 32))  # 31 stands for the last day
TWICE: Final = ((1, 15), (15, 31), (5, 20), (10, 25))
WORKING: Final = tuple(range(1, 8))  # the nth working day of the month
KINDS: Final = np.repeat(
    ["weekly", "fortnightly", "twice", "twice_moved", "monthly", "monthly_moved", "working"],
    [7, 14, len(TWICE), len(TWICE), len(MONTH_DAYS), len(MONTH_DAYS), len(WORKING)],
)
PATTERNS: Final = len(KINDS)
CYCLE: Final = np.select(
    [KINDS == "weekly", KINDS == "fortnightly", np.char.startswith(KINDS, "twice")], [7.0, 14.0, 15.2], 30.4
)  # days

_LONGEST: Final = 70  # days between two paydays of any pattern, and some
_CHUNK: Final = 64


def last_paydays(days: Ints) -> Ints:
    """Return, per day since 1970 and pattern, the latest payday on or before the day."""
    first, end = int(days.min()) // _CHUNK * _CHUNK, -(-(int(days.max()) + 1) // _CHUNK) * _CHUNK
    found: Ints = _table(first, end)[days - first]
    return found


def table(first: int, last: int) -> tuple[int, Ints]:
    """Return a day on or before `first`, and the rows of `last_paydays` from that day until after `last`."""
    start = first // _CHUNK * _CHUNK
    return start, _table(start, -(-(last + 1) // _CHUNK) * _CHUNK)


@lru_cache(maxsize=64)
def _table(first: int, end: int) -> Ints:
    days = np.arange(first - _LONGEST, end, dtype=np.int64)
    marked = np.where(_marks(days), days[:, None], np.iinfo(np.int64).min)
    found: Ints = np.maximum.accumulate(marked, axis=0)[_LONGEST:]
    return found


def _marks(days: Ints) -> Marked:
    weekday, fortnight = (days + 3) % 7, (days + 3) % 14
    weekly = weekday[:, None] == np.arange(7)
    fortnightly = fortnight[:, None] == np.arange(14)
    monthly = np.stack([_dated(days, dom) for dom in MONTH_DAYS], axis=1)
    moved = np.stack([_moved(days, dom) for dom in MONTH_DAYS], axis=1)
    twice = [np.stack([m[:, a - 1] | m[:, b - 1] for a, b in TWICE], axis=1) for m in (monthly, moved)]
    return np.concatenate([weekly, fortnightly, *twice, monthly, moved, _working(days)], axis=1)


def _dated(days: Ints, dom: int) -> Marked:
    """Mark that day of the month, or its last one where the month is shorter."""
    found: Marked = (day_of_month(days) == dom) | (
        (day_of_month(days) < dom) & (days_to_month_end(days) == 0)
    )
    return found


def _moved(days: Ints, dom: int) -> Marked:
    """Mark that day, or the Friday before where it falls on a weekend."""
    weekday = (days + 3) % 7
    friday = weekday == 4
    falls = _dated(days, dom) & (weekday < 5)
    early: Marked = friday & (_dated(days + 1, dom) | _dated(days + 2, dom))
    return falls | early


def _working(days: Ints) -> Marked:
    firsts = days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
    nths = [np.busday_offset(firsts, number - 1, roll="forward").astype(np.int64) for number in WORKING]
    return np.stack([nth == days for nth in nths], axis=1)


def day_of_month(days: Ints) -> Ints:
    """Return the day of the month, counted from 1, of days since 1970."""
    dated = days.astype("datetime64[D]")
    passed: Ints = (dated - dated.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return passed + 1


def days_to_month_end(days: Ints) -> Ints:
    """Return how many days of the month follow days since 1970."""
    dated = days.astype("datetime64[D]")
    following = (dated.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
    remaining: Ints = (following - dated).astype(np.int64)
    return remaining - 1


def months(days: Ints) -> Ints:
    """Return months since 1970 of days since 1970."""
    counted: Ints = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return counted


@lru_cache(maxsize=512)
def calendar(first: int, last: int) -> tuple[Ints, Ints, Ints]:
    """Return the day of the month, the days left of it and the month of each day from first to last."""
    days = np.arange(first, last + 1)
    found = day_of_month(days), days_to_month_end(days), months(days)
    for row in found:
        row.setflags(write=False)
    return found
