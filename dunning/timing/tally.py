"""Plain counts of what happened: for the words of a choice, and for how sure the planner may be."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dunning.timing.history import Episode, rounds

PARTS: Final = 8  # parts of the local day, three hours each

Row = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Tally:
    """Tries by decline family, and (tries, paid) by part of the local day and segment."""

    families: dict[str, int] = field(default_factory=dict)
    parts: dict[str, Row] = field(default_factory=dict)

    def count(self, segment: str, hour: int) -> tuple[int, int]:
        """Return (tries, paid) of a segment in the part of the day that holds a local hour."""
        rows = self.parts.get(segment)
        return rows[hour * PARTS // 24] if rows else (0, 0)

    def tries(self, family: str) -> int:
        """Return how many retries of a family were counted."""
        return self.families.get(family, 0)


def tally(told: list[Episode]) -> Tally:
    """Return the counts of all retries of some episodes."""
    families: Counter[str] = Counter()
    for episode in told:
        families[episode.marks.family] += len(episode.tries)
    segments = sorted({e.marks.segment for e in told})
    segment = np.array([segments.index(e.marks.segment) for e in told], dtype=np.int64)
    parts = np.zeros((len(segments) * PARTS, 2), dtype=np.int64)
    for found in rounds(told):
        bins = segment[found.who] * PARTS + found.when.hour * PARTS // 24
        parts[:, 0] += np.bincount(bins, minlength=len(parts))
        parts[:, 1] += np.bincount(bins[found.paid], minlength=len(parts))
    rows = {
        name: tuple((tries, paid) for tries, paid in table)
        for name, table in zip(segments, parts.reshape(len(segments), PARTS, 2).tolist(), strict=True)
    }
    return Tally(dict(sorted(families.items())), rows)
