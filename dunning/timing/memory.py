"""What the merchant's history remembers: each customer's last episodes, and plain counts for the words."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dunning.timing import stories
from dunning.timing.case import Case
from dunning.timing.history import Episode, seen
from dunning.timing.localtime import DAY, HOUR, Floats, offset, zone_of

REMEMBERED: Final = 3  # episodes per customer
POWER: Final = 0.8  # a pay pattern may change between two failures
MONEY: Final = frozenset({"soft_funds", "soft_issuer", "unknown"})  # families that a payday can cure
PARTS: Final = 8  # parts of the local day, three hours each

Tries = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier episode of a customer: its case, the failure and the tries after it in UTC seconds."""

    case: str
    failed: int
    tries: Tries


@dataclass(frozen=True)
class Memory:
    """Earlier episodes by customer, and (tries, paid) by segment and part of the local day."""

    customers: dict[str, tuple[Past, ...]] = field(default_factory=dict)
    counts: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def bend(self, case: Case, weight: Floats) -> Floats:
        """Return the weights with the payday stories moved towards this customer's earlier episodes.

        Only what happened before this case failed is used; the share of paydays as a whole stays.
        """
        failed = case.attempts[0].at.timestamp()
        past = [p for p in self.customers.get(case.customer or "", ()) if p.case != case.id]
        told = [(p.failed, at, paid) for p in past for at, paid in p.tries if at <= failed]
        if not told:
            return weight
        block = stories.BLOCK["payday"]
        likelihood = self._likelihood(case, told) ** POWER
        bent = weight[block] * likelihood
        out = weight.copy()
        out[block] = bent * (weight[block].sum() / max(float(bent.sum()), 1e-300))
        return out

    def _likelihood(self, case: Case, told: list[tuple[int, int, bool]]) -> Floats:
        zone = zone_of(case.timezone, case.country)
        when = seen([(zone, at, failed) for failed, at, _ in told])
        curve = stories.curves(when)[:, stories.BLOCK["payday"]].astype(np.float64)
        paid = np.array([paid for _, _, paid in told])[:, None]
        # A payment may have had another cause than a payday, so that no pattern is ever ruled out.
        product: Floats = np.prod(np.where(paid, 0.15 + 0.85 * curve, 1 - 0.9 * curve), axis=0)
        return product

    def count(self, segment: str, hour: int) -> tuple[int, int]:
        """Return (tries, paid) of a segment in the part of the day that holds a local hour."""
        rows = self.counts.get(segment)
        return rows[hour * PARTS // 24] if rows else (0, 0)


def remember(told: list[Episode]) -> Memory:
    """Return the memory of episodes given oldest first."""
    customers: dict[str, list[Past]] = {}
    counts: dict[str, list[list[int]]] = {}
    for episode in told:
        if episode.customer and episode.family in MONEY:
            past = Past(episode.case, episode.failed, episode.tries)
            customers.setdefault(episode.customer, []).append(past)
        rows = counts.setdefault(episode.segment, [[0, 0] for _ in range(PARTS)])
        for at, paid in episode.tries:
            row = rows[(at + offset(episode.zone, at)) % DAY // HOUR * PARTS // 24]
            row[0] += 1
            row[1] += paid
    return Memory(
        {name: tuple(past[-REMEMBERED:]) for name, past in customers.items()},
        {name: tuple((row[0], row[1]) for row in rows) for name, rows in counts.items()},
    )
