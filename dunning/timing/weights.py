"""How likely each story is: shares by what is visible, pay habits by country, and times within a reason."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from dunning.timing import prior, stories
from dunning.timing.localtime import Floats
from dunning.timing.marks import Marks

DIGITS: Final = 9  # learned numbers are rounded, so that a saved planner is the planner
KEPT: Final = 512  # answers kept


@dataclass(frozen=True, slots=True)
class Habits:
    """How a country is paid: weights of the patterns, of the hours of posting, of how long money lasts."""

    patterns: Floats
    posted: Floats
    lasts: Floats

    def paydays(self) -> Floats:
        """Return the weight of each payday story; they sum to 1."""
        joint = self.patterns[:, None, None] * self.posted[None, :, None] * self.lasts
        flat: Floats = joint.ravel()
        return flat


@dataclass(frozen=True)
class Weights:
    """The learned factors: `ratios` by level and `within` by story group, `habits` by country."""

    ratios: dict[str, Floats]
    habits: dict[str, Habits]
    within: dict[str, Floats]
    _kept: dict[Marks, Floats] = field(default_factory=dict, repr=False, compare=False)

    def of(self, marks: Marks) -> Floats:
        """Return the weight of every story for a failure; they sum to 1."""
        if marks not in self._kept:
            if len(self._kept) >= KEPT:
                self._kept.clear()
            inside = self.inside(marks.country)
            out = self.shares(marks)[stories.GROUP] * inside
            self._kept[marks] = out / float(out.sum())
        return self._kept[marks]

    def shares(self, marks: Marks) -> Floats:
        """Return the share of each story group for a failure; they sum to 1."""
        share = prior.shares(marks.family, marks.funding).copy()
        for key in marks.keys():  # noqa: SIM118 (marks are no dictionary)
            if key in self.ratios:
                share *= self.ratios[key]
        return share / float(share.sum())

    def inside(self, country: str) -> Floats:
        """Return the weight of each story within its group; they sum to 1 for every group."""
        out = np.empty(stories.STORIES)
        for name, block in stories.BLOCK.items():
            out[block] = self.of_country(country).paydays() if name == "payday" else self.within[name]
        return out

    def of_country(self, country: str) -> Habits:
        """Return the pay habits of a country, else those of countries like it."""
        found = self.habits.get(country)
        return self.habits[prior.region_of(country)] if found is None else found


@lru_cache(maxsize=1)
def informed() -> Weights:
    """Return the weights that are believed without any history."""
    habits = {
        region: Habits(prior.patterns(region), prior.posted(), prior.lasts()) for region in prior.REGIONS
    }
    within = {name: prior.within(name) for name in stories.GROUPS if name != "payday"}
    return Weights({}, habits, within)
