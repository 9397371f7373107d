"""Judging a planner: how well it foretold tries that it has not learned from.

Planners are compared case by case on the same tries, by log loss: what a planner thought of all that a
case's tries answered. Log loss rewards chances that are both sharp and true.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from dunning.core.clock import utc
from dunning.core.declines import classify
from dunning.timing.case import Case, decline_of
from dunning.timing.planner import Planner

NORMAL: Final = 1.96  # of a 95 % interval
BINS: Final = 10
UNLIKELY: Final = 0.005  # said of a try that a planner would not make: about what a try costs
MOMENT: Final = timedelta(minutes=1)
FEWEST: Final = 100  # cases, for a comparison that says anything
MOST: Final = 500  # cases that are judged: a few seconds of work
SHARE: Final = 5  # one case in five, the newest, is held out


@dataclass(frozen=True, slots=True)
class Foretold:
    """What a planner said of one try, None when it would not have made it, and what came."""

    chance: float | None
    paid: bool
    decline_class: str  # of the failure that opened the case


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two planners on the same cases; losses are nats a case, lower is better."""

    cases: int
    tries: int
    loss: float
    loss_in_service: float
    worse_by: float
    margin: float  # half the 95 % interval of `worse_by`

    @property
    def worse(self) -> bool:
        """Return whether the new planner is worse than the one in service beyond noise."""
        return self.worse_by - self.margin > 0


def chance(planner: Planner, case: Case, at: datetime) -> float | None:
    """Return the planner's chance that a try at `at` pays; None when it would not make one then.

    The case must hold only what was known before `at`.
    """
    only_then = replace(case, deadline=at + MOMENT, not_before=None, vetoes=(), attempts_left=1)
    choice = planner.choose(only_then, now=at)
    return None if choice is None else choice.probability


def foretold(planner: Planner, case: Case) -> list[Foretold]:
    """Return what the planner says of each retry of a case, knowing what came before it."""
    opened = str(classify(decline_of(case.attempts[0], case.brand)))
    return [
        Foretold(
            chance(planner, replace(case, attempts=case.attempts[:number]), utc(attempt.at)),
            attempt.paid,
            opened,
        )
        for number, attempt in enumerate(case.attempts[1:], start=1)
        if not any(earlier.paid for earlier in case.attempts[:number])
    ]


def cut_of(cases: Iterable[Case]) -> datetime | None:
    """Return since when cases are held out, the newest fifth of those retried; None when too few are."""
    opened = sorted(utc(case.attempts[0].at) for case in cases if len(case.attempts) > 1)
    held = len(opened) // SHARE
    return opened[-held] if held >= FEWEST else None


def held_out(cases: Iterable[Case], cut: datetime) -> list[Case]:
    """Return retried cases opened since the cut, thinned evenly to the most that are judged."""
    fresh = [case for case in cases if len(case.attempts) > 1 and utc(case.attempts[0].at) >= cut]
    return fresh[:: -(-len(fresh) // MOST)] if fresh else []


def compare(new: Sequence[list[Foretold]], old: Sequence[list[Foretold]]) -> Comparison | None:
    """Compare two planners' words on the same cases; None when fewer than `FEWEST` can be compared."""
    pairs = [_losses(mine, other) for mine, other in zip(new, old, strict=True)]
    told = [pair for pair in pairs if pair is not None]
    count = len(told)
    if count < FEWEST:
        return None
    differences = [mine - other for mine, other, _ in told]
    mean = sum(differences) / count
    variance = sum((each - mean) ** 2 for each in differences) / (count - 1)
    return Comparison(
        cases=count,
        tries=sum(tries for _, _, tries in told),
        loss=sum(mine for mine, _, _ in told) / count,
        loss_in_service=sum(other for _, other, _ in told) / count,
        worse_by=mean,
        margin=NORMAL * math.sqrt(variance / count),
    )


def _losses(mine: list[Foretold], other: list[Foretold]) -> tuple[float, float, int] | None:
    """Return both losses of a case; a try that neither would make compares nothing."""
    both = [(a, b) for a, b in zip(mine, other, strict=True) if a.chance is not None or b.chance is not None]
    if not both:
        return None
    return sum(_loss(a) for a, _ in both), sum(_loss(b) for _, b in both), len(both)


def _loss(told: Foretold) -> float:
    said = min(max(UNLIKELY if told.chance is None else told.chance, 1e-4), 1 - 1e-4)
    return -math.log(said if told.paid else 1 - said)


def calibration(told: Iterable[Foretold]) -> dict[str, list[dict[str, Any]]]:
    """Return, per decline class, up to ten bins of predicted chance with what came.

    Tries that the planner would not have made have no chance to compare.
    """
    by_class: dict[str, list[tuple[float, bool]]] = {}
    for each in told:
        if each.chance is not None:
            by_class.setdefault(each.decline_class, []).append((each.chance, each.paid))
    return {name: _bins(sorted(pairs)) for name, pairs in sorted(by_class.items())}


def _bins(pairs: list[tuple[float, bool]]) -> list[dict[str, Any]]:
    """Cut sorted pairs into bins of equal size, none thinner than ten tries where there are so many."""
    bins = max(min(BINS, len(pairs) // BINS), 1)
    edges = [len(pairs) * number // bins for number in range(bins + 1)]
    return [_bin(pairs[start:end]) for start, end in pairwise(edges)]


def _bin(pairs: list[tuple[float, bool]]) -> dict[str, Any]:
    predicted = sum(said for said, _ in pairs) / len(pairs)
    return {"tries": len(pairs), "predicted": round(predicted, 4), "paid": sum(paid for _, paid in pairs)}
