"""What history says beside the stories: factors by local hour, weekday, day of month and age.

Each factor is paid tries over expected ones, level by level: all tries first, then what a class, a country, a
brand or one corner of them does differently. Every table is shrunk towards "no difference", the harder the
more its bins scatter as chance alone would make them. A factor of 1 changes nothing.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dunning.timing import paydays
from dunning.timing.localtime import Floats, Ints, Moments
from dunning.timing.marks import COARSE, Marks
from dunning.timing.smoothing import smoothed

AGES: Final = (6, 12, 24, 48, 96, 168, 240, 336, 504)  # hours that part the ages
SIZES: Final = {"hour": 24, "weekday": 7, "week": 56, "month_day": 31, "month_end": 4, "age": len(AGES) + 1}
NIGHT: Final = 0.93  # approvals from midnight to six: worse, by every page that says anything
MAINTAINED: Final = {"soft_issuer": 0.85, "technical": 0.7}  # at night, when banks tend their systems
WEAKEST, STRONGEST = 4.0, 400.0  # expected payments that weigh as much as what was believed before
LOWEST, HIGHEST = 0.03, 6.0
FEWEST: Final = 25  # tries at a level before it is looked at
_NIGHT_HOURS: Final = 6

Bins = Mapping[str, Ints]


@dataclass(frozen=True)
class Corrections:
    """Factor tables by feature and level key; a level that is missing says nothing."""

    tables: Mapping[str, Mapping[str, Floats]]
    _kept: dict[Marks, dict[str, Floats]] = field(default_factory=dict, repr=False, compare=False)

    def factor(self, marks: Marks, when: Moments) -> Floats:
        """Return what to multiply every story's chance with, at each moment."""
        out = np.ones(len(when.local))
        rows = self.rows(marks)
        if rows and len(out):
            bins = features(when, rows)
            for name, table in rows.items():
                out *= table[bins[name]]
        return np.clip(out, LOWEST, HIGHEST)

    def rows(self, marks: Marks) -> dict[str, Floats]:
        """Return the factors of a failure by feature; features that change nothing are left out."""
        if marks not in self._kept:
            if len(self._kept) > 4096:
                self._kept.clear()
            self._kept[marks] = self._composed(marks)
        return self._kept[marks]

    def _composed(self, marks: Marks) -> dict[str, Floats]:
        out: dict[str, Floats] = {}
        for name, tables in self.tables.items():
            rows = [tables[key] for key in marks.keys(COARSE) if key in tables]
            if rows:
                out[name] = np.prod(rows, axis=0)
        return out


def features(when: Moments, names: Iterable[str] = SIZES) -> dict[str, Ints]:
    """Return the bin of each moment in each table asked for."""
    day, hour = when.day, when.hour
    weekday, first = (day + 3) % 7, int(day.min())
    found: dict[str, Ints] = {}
    for name in names:
        match name:
            case "hour":
                found[name] = hour
            case "weekday":
                found[name] = weekday
            case "week":
                found[name] = weekday * 8 + hour // 3
            case "month_day":
                found[name] = paydays.calendar(first, int(day.max()))[0][day - first] - 1
            case "month_end":
                found[name] = np.minimum(paydays.calendar(first, int(day.max()))[1][day - first], 3)
            case _:
                found[name] = np.searchsorted(AGES, when.age, side="right")
    return found


def uncorrected() -> Corrections:
    """Return the factors that are believed without history."""
    families = [f"family:{family}" for family in MAINTAINED]
    rows = _believed("hour", "family", families)
    return Corrections(
        {"hour": {"all:": _believed("hour", "all", [""])[0], **dict(zip(families, rows, strict=True))}}
    )


def _believed(name: str, level: str, keys: list[str]) -> Floats:
    """Return the factors of a table before any history, a row per key."""
    out = np.ones((len(keys), SIZES[name]))
    if (name, level) == ("hour", "all"):
        out[:, :_NIGHT_HOURS] = NIGHT
    if (name, level) == ("hour", "family"):
        upkeep = np.array([MAINTAINED.get(key.partition(":")[2], 1.0) for key in keys])
        out[:, :_NIGHT_HOURS] = upkeep[:, None]
    return out


def learned(
    places: Mapping[str, tuple[list[str], Ints]], bins: Bins, expected: Floats, paid: Floats
) -> Corrections:
    """Return the factors that make what was expected of each try meet what happened.

    `places` has, per level, the keys and each try's index into them; `expected` is the chance the stories
    alone gave to each try; `paid` is 1 where it paid.
    """
    start = {
        (name, level): _believed(name, level, keys) for name in SIZES for level, (keys, _) in places.items()
    }
    found, due = dict(start), expected.copy()
    for table in _spread(start, places, bins):
        due *= table
    for _ in range(3):
        for name in SIZES:
            # From the widest level down, each on what the wider ones left: else a few payments of one
            # class are read by the pattern of another, and the pattern that all share is lost between them.
            mine = {key: table for key, table in found.items() if key[0] == name}
            for old, new in zip(
                _spread(mine, places, bins), _spread({k: start[k] for k in mine}, places, bins), strict=True
            ):
                due *= new / old
            for key in mine:
                _, index = places[key[1]]
                flat = index * SIZES[name] + bins[name]
                rest = due / start[key].ravel()[flat]
                found[key] = _table(name, flat, start[key], rest, paid)
                due = rest * found[key].ravel()[flat]
    return Corrections(_named(places, found))


def _spread(
    tables: Mapping[tuple[str, str], Floats], places: Mapping[str, tuple[list[str], Ints]], bins: Bins
) -> Iterator[Floats]:
    """Yield the factors of each try by each table."""
    for (name, level), table in tables.items():
        yield table[places[level][1], bins[name]]


def _named(
    places: Mapping[str, tuple[list[str], Ints]], found: Mapping[tuple[str, str], Floats]
) -> dict[str, dict[str, Floats]]:
    out: dict[str, dict[str, Floats]] = {name: {} for name in SIZES}
    for (name, level), table in found.items():
        keys, index = places[level]
        counts = np.bincount(index, minlength=len(keys))
        for row, key in enumerate(keys):
            if counts[row] >= FEWEST and np.abs(table[row] - 1).max() > 0.01:
                out[name][key] = table[row]
    return out


def _table(name: str, flat: Ints, start: Floats, expected: Floats, paid: Floats) -> Floats:
    happened, due = _count(flat, paid, start.shape), _count(flat, expected, start.shape)
    if name == "hour":
        return np.clip(start * smoothed(happened, due * start), LOWEST, HIGHEST)
    return np.clip(_shrunk(happened, due, start), LOWEST, HIGHEST)


def _count(flat: Ints, weights: Floats, shape: tuple[int, ...]) -> Floats:
    counted = np.bincount(flat, weights=weights, minlength=shape[0] * shape[1])
    return counted.reshape(shape).astype(np.float64)


def _shrunk(happened: Floats, foreseen: Floats, believed: Floats) -> Floats:
    """Return happened over foreseen, drawn to what was believed: hard when the bins differ by chance only.

    The strength is the moment estimate of a gamma prior, less its own standard error: bins that scatter no
    more than counts do by chance teach nothing, and a plan that takes the best of many bins is not led
    astray by the luckiest.
    """
    due = foreseen * believed
    scatter = np.square(happened - due) - due
    excess = float(scatter.sum()) - float(np.sqrt((2 * np.square(due) + due).sum()))
    strength = float(np.square(due).sum()) / excess if excess > 0 else STRONGEST
    strength = min(max(strength, WEAKEST), STRONGEST)
    ratio: Floats = (happened + strength * believed) / (foreseen + strength)
    return ratio
