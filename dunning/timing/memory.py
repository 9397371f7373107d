"""What history remembers of each customer: the last episodes, and what those say of paydays."""

from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from dunning.core.clock import utc
from dunning.timing import paydays, stories
from dunning.timing.case import Case
from dunning.timing.history import Episode, seen
from dunning.timing.localtime import Floats, offset, zone_of
from dunning.timing.stories import Curves

REMEMBERED: Final = 8  # episodes per customer
OTHERWISE: Final = 0.3  # share of a customer's episodes that have another cause than the lasting one
OWN_DAY: Final = 0.4  # share of those customers whose payday may be any, whatever their country's are
STAYS: Final = np.isin(stories.GROUP, [stories.GROUPS.index(name) for name in ("payday", "mood", "luck")])
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
        """Return the weights after what this customer's earlier episodes showed, before this case failed.

        A payday, a mood or plain luck stays with the customer, so that an episode it explains better than a
        stranger's would be makes it likelier; other reasons are of one episode.
        """
        failed = utc(case.attempts[0].at).timestamp()
        past = [
            p
            for p in self.customers.get(case.customer or "", ())
            if p.case != case.id and p.failed < failed and p.tries[0][0] <= failed
        ]
        if not past:
            return weight
        out = _broadened(weight)
        for likelihood in _likelihood(zone_of(case.timezone, case.country), past, failed):
            strange = max(float(weight @ likelihood), 1e-12)
            out[STAYS] *= OTHERWISE + (1 - OTHERWISE) * likelihood[STAYS] / strange
        return np.asarray(out / float(out.sum()), dtype=np.float64)


def _broadened(weight: Floats) -> Floats:
    """Return weights that give every payday a chance: who fails repeatedly is rarely paid as most are."""
    block = stories.BLOCK["payday"]
    by_pattern = weight[block].reshape(paydays.PATTERNS, -1)
    habit = by_pattern.sum(axis=0) / paydays.PATTERNS
    out = weight.copy()
    out[block] = ((1 - OWN_DAY) * by_pattern + OWN_DAY * habit).ravel()
    return out


def _likelihood(zone: ZoneInfo, past: list[Past], until: float) -> Curves:
    """Return how likely each story makes each episode: its failure, and its tries until an instant."""
    tries = [[(at, paid) for at, paid in p.tries if at <= until] for p in past]
    instants = [(zone, at, p.failed) for p, each in zip(past, tries, strict=True) for at, _ in each]
    curve = stories.curves(seen(instants))
    paid = np.array([paid for each in tries for _, paid in each])
    curve[~paid] = 1 - curve[~paid]
    starts = np.cumsum([0, *(len(each) for each in tries[:-1])])
    found: Curves = np.multiply.reduceat(curve, starts, axis=0)
    for row, p in enumerate(past):
        found[row] *= stories.refusal_at((p.failed + offset(zone, p.failed)) // 3600)
    return found


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
