"""How likely each story is, as a product of shares, pay habits and durations, each learned by itself."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from dunning.timing import prior, stories
from dunning.timing.localtime import Floats

DIGITS: Final = 9  # learned numbers are rounded, so that a saved planner is the planner


@dataclass(frozen=True)
class Weights:
    """The learned factors; `shares` by "family/funding", `patterns` by region, `within` by story group."""

    shares: dict[str, Floats]
    patterns: dict[str, Floats]
    posted: Floats
    lasts: Floats
    within: dict[str, Floats]
    _cache: dict[tuple[str, str], Floats] = field(default_factory=dict, repr=False, compare=False)

    def of(self, segment: str, region: str) -> Floats:
        """Return the weight of every story for a segment and region; they sum to 1."""
        key = (segment, region)
        if key not in self._cache:
            self._cache[key] = self._composed(segment, region)
        return self._cache[key]

    def _composed(self, segment: str, region: str) -> Floats:
        share = self.shares[segment]
        out = np.empty(stories.STORIES)
        for index, name in enumerate(stories.GROUPS):
            inside = self.paydays(region) if name == "payday" else self.within[name]
            out[stories.BLOCK[name]] = share[index] * inside
        return out / float(out.sum())

    def paydays(self, region: str) -> Floats:
        """Return the weight of each payday story among the paydays."""
        joint = self.patterns[region][:, None, None] * self.posted[None, :, None] * self.lasts
        flat: Floats = joint.ravel()
        return flat


def segment(family: str, funding: str | None) -> str:
    """Return the key under which shares are learned."""
    return f"{family}/{prior.funding_of(funding)}"


@lru_cache(maxsize=1)
def informed() -> Weights:
    """Return the weights that are believed without any history."""
    return Weights(
        shares={f"{fam}/{fun}": prior.shares(fam, fun) for fam in prior.FAMILIES for fun in prior.FUNDINGS},
        patterns={region: prior.patterns(region) for region in prior.REGIONS},
        posted=prior.posted(),
        lasts=prior.lasts(),
        within={name: prior.within(name) for name in stories.GROUPS if name != "payday"},
    )
