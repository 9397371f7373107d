"""Expectation-maximisation: which weights of the stories make the tries of history most likely.

Shares of the reasons are the prior's, times a ratio per level (all, class, code, country, …) that is drawn to
1 as if so many episodes had shown no difference. Pay habits are learned by country, drawn to all countries
together, drawn to the prior.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dunning.timing import paydays, prior, stories
from dunning.timing.localtime import Floats, Ints
from dunning.timing.marks import LEVELS, Marks
from dunning.timing.stories import Curves
from dunning.timing.weights import Habits, Weights, informed

SHARES: Final = 40.0  # episodes of a reason that weigh as much as no difference at a level
HABITS: Final = 25.0  # episodes that the wider pay habits weigh
HASTE: Final = 0.7  # of a step beyond a step; below 1 it still converges
TIMES: Final = 30.0  # episodes that the prior's times within a reason weigh


@dataclass(frozen=True)
class People:
    """The episodes by their marks: rows of each country, places at each level, prior shares."""

    size: int
    countries: dict[str, slice]
    places: dict[str, tuple[list[str], Ints]]
    prior: Floats  # a row per episode, a column per story group

    def shares(self, ratios: dict[str, Floats]) -> Curves:
        """Return the share of each story group, a row per episode."""
        out = self.prior.copy()
        for keys, index in self.places.values():
            out *= np.stack([ratios.get(key, _SAME) for key in keys])[index]
        found: Curves = (out / out.sum(axis=1, keepdims=True)).astype(np.float32)
        return found


_SAME: Final = np.ones(len(stories.GROUPS))


def people(all_marks: list[Marks]) -> People:
    """Return episodes, given sorted by country, ready for maximisation."""
    keys = [marks.keys() for marks in all_marks]
    places = {}
    for number, level in enumerate(LEVELS):
        names = sorted({each[number] for each in keys})
        index = {name: row for row, name in enumerate(names)}
        places[level] = (names, np.array([index[each[number]] for each in keys], dtype=np.int64))
    return People(
        size=len(all_marks),
        countries=_runs([marks.country for marks in all_marks]),
        places=places,
        prior=np.stack([prior.shares(marks.family, marks.funding) for marks in all_marks]),
    )


def _runs(names: list[str]) -> dict[str, slice]:
    out: dict[str, slice] = {}
    for row, name in enumerate(names):
        out[name] = slice(out[name].start if name in out else row, row + 1)
    return out


def weights(found: People, likelihood: Curves, columns: Ints, start: Weights, steps: int) -> Weights:
    """Return the weights after some steps from `start`, for the likelihood of each story (column)."""
    current = start
    for _ in range(steps):
        shares = found.shares(current.ratios)
        counts, groups = _counted(found, likelihood, columns, current, shares)
        habits = _habits(counts)
        within = {name: _hastened(new, current.within[name]) for name, new in _within(counts).items()}
        hurried = {
            name: _hurried(new, current.of_country(name) if name in counts else new)
            for name, new in habits.items()
        }
        current = Weights(_ratios(found, groups, current), hurried, within)
    return current


def _hurried(new: Habits, old: Habits) -> Habits:
    return Habits(
        _hastened(new.patterns, old.patterns),
        _hastened(new.posted, old.posted),
        _hastened(new.lasts, old.lasts),
    )


def _hastened(new: Floats, old: Floats) -> Floats:
    """Go further in the direction of a step: shares converge slowly by themselves."""
    further = new * (new / np.maximum(old, 1e-12)) ** HASTE
    found: Floats = further / float(further.sum())
    return found


def blame(found: People, likelihood: Curves, columns: Ints, current: Weights) -> Floats:
    """Return how many episodes each story explains."""
    counts, _ = _counted(found, likelihood, columns, current, found.shares(current.ratios))
    total: Floats = np.sum(list(counts.values()), axis=0)
    return total


def _counted(
    found: People, likelihood: Curves, columns: Ints, current: Weights, shares: Curves
) -> tuple[dict[str, Floats], Floats]:
    """Return the episodes each story explains, by country, and each episode's groups."""
    counts: dict[str, Floats] = {}
    groups = np.empty((found.size, len(stories.GROUPS)))
    edges = [
        (number, *columns.searchsorted((block.start, block.stop)))
        for number, block in enumerate(stories.BLOCK.values())
    ]
    for country, rows in found.countries.items():
        mine, inside = likelihood[rows], current.inside(country)[columns].astype(np.float32)
        each = np.stack([mine[:, a:b] @ inside[a:b] for _, a, b in edges], axis=1) * shares[rows]
        total = np.maximum(each.sum(axis=1, keepdims=True), np.float32(1e-12))
        groups[rows] = each / total
        light = shares[rows] / total
        count = np.zeros(stories.STORIES)
        for number, a, b in edges:
            count[columns[a:b]] = inside[a:b] * (light[:, number] @ mine[:, a:b])
        counts[country] = count
    return counts, groups


def _ratios(found: People, groups: Floats, current: Weights) -> dict[str, Floats]:
    """Return the ratios by level that make expected groups meet explained ones, each level in turn."""
    tables = {
        level: np.stack([current.ratios.get(key, _SAME) for key in keys])
        for level, (keys, _) in found.places.items()
    }
    share = found.prior.copy()
    for level, (_, index) in found.places.items():
        share *= tables[level][index]
    for level, (keys, index) in found.places.items():
        share /= share.sum(axis=1, keepdims=True)
        explained, expected = _summed(groups, index, len(keys)), _summed(share, index, len(keys))
        drawn = (explained + SHARES) / (expected / tables[level] + SHARES)
        fresh = np.clip(drawn, 0.02, 50.0)
        share *= (fresh / tables[level])[index]
        tables[level] = fresh
    return {
        key: tables[level][row] for level, (keys, _) in found.places.items() for row, key in enumerate(keys)
    }


def _summed(rows: Floats, index: Ints, size: int) -> Floats:
    return np.stack([np.bincount(index, weights=column, minlength=size) for column in rows.T], axis=1)


def _habits(counts: dict[str, Floats]) -> dict[str, Habits]:
    block, start = stories.BLOCK["payday"], informed().habits
    shape = (paydays.PATTERNS, len(stories.POSTED), len(stories.LASTS))
    by_country = {country: count[block].reshape(shape) for country, count in counts.items()}
    everything = np.sum(list(by_country.values()), axis=0)
    wide = {region: _drawn(everything, old, most=2.0) for region, old in start.items()}
    found = {country: _drawn(count, wide[prior.region_of(country)]) for country, count in by_country.items()}
    return wide | found


def _drawn(count: Floats, old: Habits, most: float | None = None) -> Habits:
    """Return habits between what was counted and the wider ones; `most` caps what was counted."""
    total = float(count.sum())
    if most is not None and total > most * HABITS:
        count = count * (most * HABITS / total)
    return Habits(
        anchored(count.sum(axis=(1, 2)), old.patterns, HABITS),
        anchored(count.sum(axis=(0, 2)), old.posted, HABITS),
        anchored(count.sum(axis=(0, 1)), old.lasts, HABITS),
    )


def _within(counts: dict[str, Floats]) -> dict[str, Floats]:
    everything = np.sum(list(counts.values()), axis=0)
    return {
        name: anchored(everything[stories.BLOCK[name]], old, TIMES) for name, old in informed().within.items()
    }


def anchored(counts: Floats, old: Floats, strength: float) -> Floats:
    """Return shares between counts and what was believed, which weighs as much as `strength` counts."""
    return (counts + strength * old) / (float(counts.sum()) + strength)
