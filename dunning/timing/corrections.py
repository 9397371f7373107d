"""What history says beside the stories: factors by local hour, weekday, day of month and age.

Each factor is paid tries over expected ones, shrunk twice: all classes towards the prior, a class towards
all. A factor of 1 changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from dunning.timing import prior, stories
from dunning.timing.localtime import Floats, Ints, Moments

AGES: Final = (12, 24, 48, 96, 168, 240, 336, 504)  # hours that part the ages
SIZES: Final = {"hour": 24, "weekday": 7, "month_day": 31, "month_end": 4, "age": len(AGES) + 1}
NIGHT: Final = 0.90  # approvals from midnight to six: worse, by every page that says anything
WEAKEST, STRONGEST = 8.0, 400.0  # expected payments that weigh as much as what was believed before
LOWEST, HIGHEST = 0.05, 4.0


@dataclass(frozen=True, slots=True)
class Corrections:
    """Factor tables: a row per decline family (in the order of prior.FAMILIES), a column per bin."""

    tables: Mapping[str, Floats]

    def factor(self, family: str, when: Moments) -> Floats:
        """Return what to multiply every story's chance with, at each moment."""
        row = prior.FAMILIES.index(family)
        return self.of_rows(np.full(len(when.local), row), when)

    def of_rows(self, rows: Ints, when: Moments) -> Floats:
        """Return the factors of moments whose families are given by row."""
        out = np.ones(len(when.local))
        for name, bins in features(when).items():
            out *= self.tables[name][rows, bins]
        return out


def features(when: Moments) -> dict[str, Ints]:
    """Return the bin of each moment in each table."""
    return {
        "hour": when.hour,
        "weekday": (when.day + 3) % 7,
        "month_day": stories.day_of_month(when.local) - 1,
        "month_end": np.minimum(stories.days_to_month_end(when.local), 3),
        "age": np.searchsorted(AGES, when.age, side="right"),
    }


def _prior_bins(name: str) -> Floats:
    bins = np.ones(SIZES[name])
    if name == "hour":
        bins[:6] = NIGHT
    return bins


def uncorrected() -> Corrections:
    """Return the factors that are believed without history."""
    rows = len(prior.FAMILIES)
    return Corrections({name: np.tile(_prior_bins(name), (rows, 1)) for name in SIZES})


def learned(rows: Ints, bins: Mapping[str, Ints], expected: Floats, paid: Floats) -> Corrections:
    """Return the factors that make what was expected of each try meet what happened.

    `expected` is the chance the stories alone gave to each try; `paid` is 1 where it paid.
    """
    tables = dict(uncorrected().tables)
    for _ in range(3):
        for name in SIZES:
            others = [tables[other][rows, bins[other]] for other in SIZES if other != name]
            rest = expected * np.prod(others, axis=0)
            tables[name] = _table(name, rows, bins[name], rest, paid)
    return Corrections(tables)


def _table(name: str, rows: Ints, bins: Ints, expected: Floats, paid: Floats) -> Floats:
    size, families = SIZES[name], len(prior.FAMILIES)
    happened, foreseen = _count(bins, paid, size), _count(bins, expected, size)
    start = _prior_bins(name)
    if name == "hour":
        start = np.minimum(start, _shrunk(_KERNEL @ happened, _KERNEL @ foreseen, start))
    pooled = _shrunk(happened, foreseen, start)
    flat = rows * size + bins
    mine = _count(flat, paid, families * size).reshape(families, size)
    due = _count(flat, expected, families * size).reshape(families, size)
    return np.clip(_shrunk(mine, due, pooled), LOWEST, HIGHEST)


def _shrunk(happened: Floats, foreseen: Floats, believed: Floats) -> Floats:
    """Return happened over foreseen, drawn to what was believed: hard when the bins differ by chance only.

    The strength is the moment estimate of a gamma prior: bins that scatter no more than counts do by
    chance teach nothing.
    """
    due = foreseen * believed
    excess = float(np.square(happened - due).sum() - due.sum())
    strength = float(np.square(due).sum()) / excess if excess > 0 else STRONGEST
    strength = min(max(strength, WEAKEST), STRONGEST)
    ratio: Floats = (happened + strength * believed) / (foreseen + strength)
    return ratio


def _kernel() -> Floats:
    """An hour nobody has tried is doubted when the hours beside it failed, across midnight too."""
    apart = np.abs(np.arange(24)[:, None] - np.arange(24))
    near: Floats = np.clip(1 - np.minimum(apart, 24 - apart) / 4, 0, 1)
    return near


_KERNEL: Final = _kernel()


def _count(bins: Ints, weights: Floats, size: int) -> Floats:
    return np.bincount(bins, weights=weights, minlength=size).astype(np.float64)
