"""The story library: each story is one reason why an attempt fails and one time at which that ends.

A story gives the chance that an attempt at some moment is approved if the story is true. Retries of one
invoice fail together because they share a story; a plan over stories spreads its tries over them. The
paydays hold no holidays and no country: every weekday, both fortnights, and the usual days of a month.
"""

from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dunning.timing.localtime import DAY, Floats, Ints, Moments

Curves: TypeAlias = npt.NDArray[np.float32]

GROUPS: Final = (
    "payday",
    "inflow",
    "issuer",
    "technical",
    "limit",
    "paid_down",
    "updated",
    "clear",
    "never",
)
APPROVED: Final = 0.95  # a bank that could approve still says no now and then

_EPOCH = date(1970, 1, 1)
_WEEKLY = [(7, weekday) for weekday in range(7)]
_FORTNIGHTLY = [(14, phase) for phase in range(14)]
_TWICE_A_MONTH = [(1, 15), (15, 31), (5, 20), (10, 25)]
_MONTHLY = [(1,), (5,), (10,), (15,), (20,), (25,), (28,), (31,)]  # 31 stands for the last day
PATTERNS: Final = len(_WEEKLY) + len(_FORTNIGHTLY) + len(_TWICE_A_MONTH) + len(_MONTHLY)
KINDS: Final = np.repeat(np.arange(4), [len(_WEEKLY), len(_FORTNIGHTLY), len(_TWICE_A_MONTH), len(_MONTHLY)])
POSTED: Final = (2, 8, 17)  # local hours at which a deposit can be spent
LASTS: Final = (18.0, 60.0, 240.0)  # hours until it is spent

INFLOW_DAYS: Final = (0.5, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 21, 25, 30, 40, 50)
INFLOW_LASTS: Final = (48.0, 480.0)
ISSUER_HOURS: Final = (3.0, 12.0, 30.0, 60.0, 120.0, 240.0)
TECHNICAL_HOURS: Final = (1.0, 4.0, 12.0, 40.0)
LIMIT_RESETS: Final = ("midnight", "monday", "first")
PAID_DOWN_DAYS: Final = (2, 5, 8, 11, 18, 25)
UPDATED_DAYS: Final = (1, 4, 9, 16, 30)

SIZES: Final = {
    "payday": PATTERNS * len(POSTED) * len(LASTS),
    "inflow": len(INFLOW_DAYS) * len(INFLOW_LASTS),
    "issuer": len(ISSUER_HOURS),
    "technical": len(TECHNICAL_HOURS),
    "limit": len(LIMIT_RESETS),
    "paid_down": len(PAID_DOWN_DAYS),
    "updated": len(UPDATED_DAYS),
    "clear": 1,
    "never": 1,
}
GROUP: Final = np.repeat(np.arange(len(GROUPS)), [SIZES[name] for name in GROUPS])
STORIES: Final = len(GROUP)
BLOCK: Final = {
    name: slice(int(np.argmax(index == GROUP)), int(np.argmax(index == GROUP)) + SIZES[name])
    for index, name in enumerate(GROUPS)
}


def curves(when: Moments) -> Curves:
    """Return the chance of approval, a row per moment and a column per story."""
    out = np.zeros((len(when.local), STORIES), dtype=np.float32)
    for name, draw in _DRAW.items():
        out[:, BLOCK[name]] = draw(when)
    out *= np.float32(APPROVED)
    return out


def _fourth(since: Curves, hours: float) -> Curves:
    """Return 1 + (since / hours)**4; squared twice, since powers are slow."""
    risen: Curves = np.square(np.square(since * np.float32(1 / hours))) + np.float32(1)
    return risen


def _payday(when: Moments) -> Curves:
    """Money arrives on the last payday before the moment, if that was after the failure."""
    out = np.empty((len(when.local), PATTERNS, len(POSTED), len(LASTS)), dtype=np.float32)
    now = when.local[:, None] / 3600
    first = int(when.day.min()) - 1
    table = _payday_table(first, int(when.day.max()) + 1)
    for column, posted in enumerate(POSTED):
        deposit = table[when.day - (when.hour < posted) - first] * 24.0 + posted
        arrived = deposit > when.failed[:, None]
        since = (now - deposit).astype(np.float32)
        for last, hours in enumerate(LASTS):
            out[:, :, column, last] = arrived / _fourth(since, hours)
    return out.reshape(len(when.local), -1)


def _payday_table(first: int, end: int) -> Ints:
    return np.stack([last_paydays(day) for day in range(first, end)])


@lru_cache(maxsize=8192)
def last_paydays(day: int) -> Ints:
    """Return, for each pattern, the latest payday on or before a day (both in days since 1970)."""
    weekly = [day - (day + 3 - weekday) % cycle for cycle, weekday in (*_WEEKLY, *_FORTNIGHTLY)]
    dated = [max(_last_dated(day, dom) for dom in doms) for doms in (*_TWICE_A_MONTH, *_MONTHLY)]
    return np.array([*weekly, *dated], dtype=np.int64)


def _last_dated(day: int, dom: int) -> int:
    today = _EPOCH + timedelta(days=day)
    this_month = _dated(today, dom)
    last = this_month if this_month <= today else _dated(today.replace(day=1) - timedelta(days=1), dom)
    return (last - _EPOCH).days


def _dated(month: date, dom: int) -> date:
    """Return that day of the month, or its last one where the month is shorter."""
    following = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    return min(following - timedelta(days=1), month.replace(day=1) + timedelta(days=dom - 1))


def _ramp(age: Floats, clears: Floats, width: Floats) -> Floats:
    """Rise from 0 to 1 around `clears` hours, over `width` hours."""
    risen: Floats = np.clip((age[:, None] - clears) / width + 0.5, 0, 1)
    return risen


def _unspent(age: Floats, clears: Floats, lasts: Floats) -> Floats:
    """Fall from 1 to 0 around `lasts` hours after `clears`."""
    since = np.maximum(age[:, None] - clears, 0) / lasts
    kept: Floats = 1 / (1 + np.square(np.square(since)))
    return kept


def _inflow(when: Moments) -> Floats:
    days, lasts = np.meshgrid(np.array(INFLOW_DAYS) * 24.0, np.array(INFLOW_LASTS), indexing="ij")
    clears = days.ravel()
    return _ramp(when.age, clears, np.full_like(clears, 12.0)) * _unspent(when.age, clears, lasts.ravel())


def _issuer(when: Moments) -> Floats:
    hours = np.array(ISSUER_HOURS)
    return _ramp(when.age, hours, hours * 0.6)


def _technical(when: Moments) -> Floats:
    hours = np.array(TECHNICAL_HOURS)
    return _ramp(when.age, hours, hours * 0.6)


def _paid_down(when: Moments) -> Floats:
    clears = np.array(PAID_DOWN_DAYS) * 24.0
    return _ramp(when.age, clears, clears * 0.5) * _unspent(when.age, clears, np.full_like(clears, 336.0))


def _updated(when: Moments) -> Floats:
    hours = np.array(UPDATED_DAYS) * 24.0
    return _ramp(when.age, hours, hours * 0.5)


def _limit(when: Moments) -> Floats:
    """A card's limit resets at the next local midnight, Monday or first of the month."""
    failed_day = (when.failed // 24).astype(np.int64)
    day, hour = when.day, when.hour
    midnight = (day > failed_day) & ((day > failed_day + 1) | (hour >= 1))
    monday = (day + 3) // 7 > (failed_day + 3) // 7
    first = _month(day) > _month(failed_day)
    return np.stack([midnight, monday, first], axis=1).astype(np.float64)


def _month(day: Ints) -> Ints:
    months: Ints = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return months


def day_of_month(local: Ints) -> Ints:
    """Return the day of the month, counted from 1, of local seconds."""
    days = (local // DAY).astype("datetime64[D]")
    first = days.astype("datetime64[M]").astype("datetime64[D]")
    passed: Ints = (days - first).astype(np.int64)
    return passed + 1


def days_to_month_end(local: Ints) -> Ints:
    """Return how many days of the month follow the day of each local second."""
    days = (local // DAY).astype("datetime64[D]")
    following = (days.astype("datetime64[M]") + np.timedelta64(1, "M")).astype("datetime64[D]")
    remaining: Ints = (following - days).astype(np.int64)
    return remaining - 1


_DRAW: dict[str, Callable[[Moments], Floats | Curves]] = {
    "payday": _payday,
    "inflow": _inflow,
    "issuer": _issuer,
    "technical": _technical,
    "limit": _limit,
    "paid_down": _paid_down,
    "updated": _updated,
    "clear": lambda when: np.ones((len(when.local), 1)),
}
