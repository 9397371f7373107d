"""What history remembers of each customer: the last episodes, and what those say of paydays."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dunning.core.clock import utc
from dunning.timing import stories
from dunning.timing.case import Case
from dunning.timing.history import Episode, seen
from dunning.timing.localtime import Floats, zone_of

REMEMBERED: Final = 8  # episodes per customer
POWER: Final = 1.0  # a pay pattern may change between two failures
MONEY: Final = frozenset({"soft_funds", "soft_issuer", "unknown"})  # families that a payday can cure
CUSTOMERS: Final = 50_000  # so that a planner stays small enough to load

Tries = tuple[tuple[int, bool], ...]


@dataclass(frozen=True, slots=True)
class Past:
    """An earlier episode of a customer: its case, the failure and the tries after it in UTC seconds."""

    case: str
    failed: int
    tries: Tries


@dataclass(frozen=True)
class Memory:
    """Earlier episodes by customer, oldest first."""

    customers: dict[str, tuple[Past, ...]] = field(default_factory=dict)

    def bend(self, case: Case, weight: Floats) -> Floats:
        """Return the weights with the payday stories moved towards this customer's earlier episodes.

        Only what happened before this case failed is used; the share of paydays as a whole stays.
        """
        failed = utc(case.attempts[0].at).timestamp()
        past = [
            p for p in self.customers.get(case.customer or "", ()) if p.case != case.id and p.failed < failed
        ]
        if not past:
            return weight
        block = stories.BLOCK["payday"]
        bent = weight[block] * self._likelihood(case, past, failed) ** POWER
        out = weight.copy()
        out[block] = bent * (weight[block].sum() / max(float(bent.sum()), 1e-300))
        return out

    def _likelihood(self, case: Case, past: list[Past], until: float) -> Floats:
        zone = zone_of(case.timezone, case.country)
        told = [(p.failed, at, paid) for p in past for at, paid in p.tries if at <= until]
        count = stories.SIZES["payday"]
        when = seen([(zone, at, failed) for failed, at, _ in told])
        curve = stories.curves(when, stories.EVERY[:count]).astype(np.float64)
        paid = np.array([paid for _, _, paid in told], dtype=np.bool_)[:, None]
        # A payment may have had another cause than a payday, so that no pattern is ever ruled out.
        product: Floats = np.prod(np.where(paid, 0.15 + 0.85 * curve, 1 - 0.9 * curve), axis=0)
        first = seen([(zone, p.failed, p.failed) for p in past])
        refused = np.prod(stories.refusal(first)[:, :count].astype(np.float64), axis=0)
        return np.asarray(product * refused, dtype=np.float64)


def remember(told: list[Episode]) -> Memory:
    """Return the memory of episodes given oldest first; of very many customers, those who failed last."""
    customers: dict[str, list[Past]] = {}
    for episode in reversed(told):
        name = episode.customer
        if name and episode.marks.family in MONEY and (name in customers or len(customers) < CUSTOMERS):
            past = customers.setdefault(name, [])
            if len(past) < REMEMBERED:
                past.append(Past(episode.case, episode.failed, episode.tries))
    return Memory({name: tuple(reversed(past)) for name, past in customers.items()})
