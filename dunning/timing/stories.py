"""The story library: each story is one reason why an attempt fails and one time at which that ends.

A story gives the chance that an attempt at some moment is approved if the story is true. Retries of one
invoice fail together because they share a story; a plan over stories spreads its tries over them. Stories are
columns; whoever asks for curves names the columns that matter to the question.
"""

from functools import lru_cache
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from dunning.timing import paydays
from dunning.timing.localtime import Floats, Ints, Moments

Curves: TypeAlias = npt.NDArray[np.float32]

GROUPS: Final = (
    "payday",
    "inflow",
    "issuer",
    "technical",
    "limit",
    "paid_down",
    "updated",
    "mood",
    "luck",
    "clear",
    "never",
)
APPROVED: Final = 0.95  # a bank that could approve still says no now and then

POSTED: Final = (0, 3, 6, 9, 12, 15, 18, 21)  # local hours from which a deposit can be spent
LASTS: Final = (10.0, 30.0, 80.0, 280.0)  # hours until it is spent
EVER: Final = 1e6  # hours

# Each row: hours after which it clears, hours over which it does, hours that it lasts. Inflows are as wide as
# they are far from the one before: no day between may look worse than it is.
_DAILY = (0.5, *range(1, 31))
_INFLOW_DAYS = (0.5, *range(1, 15), 17, 20, 24, 28, 33, 40, 50)
_RAMPS: Final = {
    "inflow": [
        (day * 24.0, max(day - before, 0.5) * 24.0, lasts)
        for lasts, days in (
            (20.0, _DAILY),
            (60.0, _INFLOW_DAYS),
            (180.0, _INFLOW_DAYS),
            (600.0, _INFLOW_DAYS),
        )
        for before, day in pairwise((0.0, *days))
    ],
    "issuer": [(hours, hours * 0.6, EVER) for hours in (3.0, 12.0, 30.0, 60.0, 120.0, 240.0)],
    "technical": [(hours, hours * 0.6, EVER) for hours in (1.0, 4.0, 12.0, 40.0, 90.0)],
    "paid_down": [(day * 24.0, day * 12.0, 336.0) for day in (2, 5, 8, 11, 18, 25)],
    "updated": [(day * 24.0, day * 12.0, EVER) for day in (1, 4, 9, 16, 30)],
}
INFLOW: Final = _RAMPS["inflow"]
MOODS: Final = tuple(range(0, 24, 3))  # first local hours of the six in which a card mostly works
MOODY: Final = 0.55
WEEKDAYS: Final = 7  # first days of the two in which a card mostly works
LUCK: Final = (0.04, 0.12, 0.25, 0.5)  # chance of every single try, whatever the time
RESETS: Final = ("midnight", "monday", "first")

SIZES: Final = {
    "payday": paydays.PATTERNS * len(POSTED) * len(LASTS),
    **{name: len(rows) for name, rows in _RAMPS.items()},
    "limit": len(RESETS),
    "mood": len(MOODS) + WEEKDAYS,
    "luck": len(LUCK),
    "clear": 1,
    "never": 1,
}
GROUP: Final = np.repeat(np.arange(len(GROUPS)), [SIZES[name] for name in GROUPS])
STORIES: Final = len(GROUP)
BLOCK: Final = {
    name: slice(int(np.argmax(index == GROUP)), int(np.argmax(index == GROUP)) + SIZES[name])
    for index, name in enumerate(GROUPS)
}
EVERY: Final = np.arange(STORIES)

_INSIDE = np.arange(SIZES["payday"])
PATTERN: Final = _INSIDE // (len(POSTED) * len(LASTS))
_POSTED = np.array(POSTED)[_INSIDE // len(LASTS) % len(POSTED)]
_LASTS = np.array(LASTS, dtype=np.float32)[_INSIDE % len(LASTS)]
_PER_LASTS = 1 / _LASTS
_OPEN = np.minimum(0.9, APPROVED * 1.11 * _LASTS / (paydays.CYCLE[PATTERN] * 24))  # share of time with money


def _ramp_rows() -> tuple[Curves, Curves, Curves]:
    rows = np.zeros((STORIES, 3), dtype=np.float32) + np.float32(EVER)
    for name, block in BLOCK.items():
        if name in _RAMPS:
            rows[block] = _RAMPS[name]
    return rows[:, 0], rows[:, 1], rows[:, 2]


_CLEARS, _WIDTH, _STAYS = _ramp_rows()
_STEADY: Final = np.zeros(STORIES, dtype=np.float32)
_STEADY[BLOCK["luck"]] = np.array(LUCK, dtype=np.float32) / np.float32(APPROVED)
_STEADY[BLOCK["clear"]] = 1
_PAYDAYS, _LIMIT = SIZES["payday"], BLOCK["limit"]
_MOOD: Final = BLOCK["mood"]


def curves(when: Moments, columns: Ints = EVERY) -> Curves:
    """Return the chance of approval, a row per moment and a column per story asked for (ascending)."""
    out = np.empty((len(when.local), len(columns)), dtype=np.float32)
    edges = columns.searchsorted((_PAYDAYS, _LIMIT.start, _LIMIT.stop, _MOOD.start, _MOOD.stop))
    pay, before, after, ramps, moods = edges.tolist()
    out[:, :pay] = _payday(when, columns[:pay])
    out[:, pay:ramps] = _ramp(when, columns[pay:ramps])
    if after > before:
        out[:, before:after] = _limit(when)[:, columns[before:after] - _LIMIT.start]
    out[:, ramps:moods] = _mood(when.local // 3600, columns[ramps:moods] - _MOOD.start)
    out[:, moods:] = _STEADY[columns[moods:]]
    out *= np.float32(APPROVED)
    return out


def _since(at: Ints, columns: Ints) -> Curves:
    """Return the hours since the last deposit before local hours `at`."""
    days = at // 24
    first, last = int(days.min()) - 1, int(days.max())
    start, rows = paydays.table(first, last)
    asked = np.arange(first, last + 1)
    if len(asked) > len(days):
        asked = np.unique(np.concatenate([days - 1, days]))
    posted = _POSTED[columns]
    # Counted from the first day in single precision: the arrays are large, and hours are small numbers.
    deposit = ((rows[asked - start][:, PATTERN[columns]] - first) * 24 + posted).astype(np.float32)
    since: Curves = np.where(
        (at % 24)[:, None] >= posted, deposit[asked.searchsorted(days)], deposit[asked.searchsorted(days - 1)]
    )
    np.subtract((at - first * 24).astype(np.float32)[:, None], since, out=since)
    return since


def _money(since: Curves, columns: Ints) -> Curves:
    """Return how likely money is still there: half is gone after the hours it lasts."""
    left = (since + np.float32(0.5)) * _PER_LASTS[columns]
    np.square(left, out=left)
    np.square(left, out=left)
    left += 1
    return np.reciprocal(left, out=left)


def _payday(when: Moments, columns: Ints) -> Curves:
    """Money that arrives after the failure opens the card until it is spent."""
    if not columns.size or not when.local.size:
        return np.zeros((len(when.local), len(columns)), dtype=np.float32)
    at = when.local // 3600
    since = _since(at, columns)
    failed = np.floor(when.failed).astype(np.int64)
    arrived = since < (at - failed).astype(np.float32)[:, None]
    found = _money(since, columns)
    found *= arrived
    return found


def refusal(when: Moments) -> Curves:
    """Return how well each story explains that the first attempt, at `when.failed`, was refused.

    Money that had just come in speaks against a payday, a refusal at its good hours against a mood; 1 is no
    evidence either way.
    """
    failed = np.floor(when.failed).astype(np.int64)
    out = np.ones((len(failed), STORIES), dtype=np.float32)
    columns = EVERY[:_PAYDAYS]
    there = np.float32(APPROVED) * _money(_since(failed, columns), columns)
    out[:, :_PAYDAYS] = (1 - there) / (1 - _OPEN).astype(np.float32)
    which = np.arange(SIZES["mood"])
    usual = MOODY * np.where(which < len(MOODS), 1 / 4, 2 / WEEKDAYS)
    out[:, _MOOD] = (1 - _mood(failed, which)) / (1 - usual)
    return out


@lru_cache(maxsize=512)
def refusal_at(hour: int, power: float = 1.0) -> Curves:
    """Return a power of `refusal` of a failure in a local hour since 1970; renewals share their hours."""
    found: Curves = refusal(Moments(np.array([hour * 3600]), np.zeros(1), np.array([float(hour)])))[0]
    found **= np.float32(power)
    found.setflags(write=False)
    return found


def _ramp(when: Moments, columns: Ints) -> Curves:
    """Rise from 0 to 1 around the hour at which it clears, and fall again when it has lasted."""
    since = when.age.astype(np.float32)[:, None] - _CLEARS[columns]
    found: Curves = since / _WIDTH[columns]
    found += np.float32(0.5)
    np.clip(found, 0, 1, out=found)
    np.maximum(since, 0, out=since)
    since /= _STAYS[columns]
    np.square(since, out=since)
    np.square(since, out=since)
    since += 1
    found /= since
    return found


def _mood(hours: Ints, which: Ints) -> Floats:
    """A card, or its bank, that mostly works in six hours of the day or on two days of the week.

    `hours` are local hours since 1970.
    """
    inside: Floats = _WEEK_OF_MOODS[(hours + _THURSDAY) % 168][:, which]
    return inside


_THURSDAY: Final = 72  # hours from Monday's midnight to that of 1970-01-01


def _week_of_moods() -> Floats:
    """Return a row per hour of the week, from Monday's midnight on, and a column per mood."""
    hours, starts = np.arange(168)[:, None], np.array([*MOODS, *range(WEEKDAYS)])
    by_day, by_hour = (hours // 24 - starts) % 7 < 2, (hours - starts) % 24 < 6
    return np.asarray(MOODY * np.where(np.arange(len(starts)) < len(MOODS), by_hour, by_day))


_WEEK_OF_MOODS: Final = _week_of_moods()


def _limit(when: Moments) -> Floats:
    """A card's limit resets at the next local midnight, Monday or first of the month."""
    failed_day = (when.failed // 24).astype(np.int64)
    day, hour = when.day, when.hour
    midnight = (day > failed_day) & ((day > failed_day + 1) | (hour >= 1))
    monday = (day + 3) // 7 > (failed_day + 3) // 7
    begin = int(min(day.min(), failed_day.min())) if len(day) else 0
    months = paydays.calendar(begin, int(max(day.max(), failed_day.max())) if len(day) else 0)[2]
    first = months[day - begin] > months[failed_day - begin]
    return np.stack([midnight, monday, first], axis=1).astype(np.float64)
