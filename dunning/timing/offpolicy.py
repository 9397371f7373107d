"""What a policy would have recovered, from a log in which cases were handled in several ways.

A whole way of retrying is one action: weights for single times would explode. `taken` says which cases were
handled in the way asked about, `propensity` how likely each was to be. Two estimates stand side by side:
self-normalised inverse propensity (SNIPS) and doubly robust (DR, with a cross-fitted outcome model; Dudík,
Langford & Li 2011). Intervals are of 95 % and count each customer once, however many invoices failed.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dunning.timing.localtime import Floats, Ints

NORMAL: Final = 1.96
FEWEST: Final = 200  # effective cases, below which overlap is too thin to say anything
HEAVIEST: Final = 20.0  # what one case may weigh beside the mean of those that were handled so
FOLDS: Final = 5
RIDGE: Final = 10.0  # cases that the outcome model's shrinking to the mean weighs
LEAST: Final = 0.01  # an estimated propensity is not believed to be smaller

Marks = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Log:
    """The cases of a log, one entry each; `size` is 1 to count invoices, or minor units to weigh money."""

    paid: Marks
    taken: Marks
    propensity: Floats
    size: Floats
    customer: Ints
    features: Floats  # (cases, features), known when the invoice failed


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and its 95 % interval."""

    value: float
    low: float
    high: float

    def dumps(self) -> list[float]:
        """Return [value, low, high], rounded."""
        return [round(part, 5) for part in (self.value, self.low, self.high)]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A policy's recovered share; the intervals are None where overlap is too thin."""

    cases: int
    taken: int
    effective: float  # effective sample size
    heaviest: float  # the greatest weight, beside the mean of those taken
    snips: Interval | None
    robust: Interval | None

    def dumps(self) -> dict[str, Any]:
        """Return the estimate as JSON-ready values."""
        return {
            "cases": self.cases,
            "taken": self.taken,
            "effective_cases": round(self.effective, 1),
            "heaviest_weight": round(self.heaviest, 2),
            "snips": self.snips.dumps() if self.snips else None,
            "doubly_robust": self.robust.dumps() if self.robust else None,
        }


def estimate(log: Log) -> Estimate:
    """Return both estimates of the share that the policy recovers, or neither where overlap is thin."""
    weight = np.where(log.taken, 1 / np.maximum(log.propensity, 1e-9), 0.0) * log.size
    total = float(weight.sum())
    count = int(log.taken.sum())
    effective = total**2 / float((weight**2).sum()) if total > 0 else 0.0
    heaviest = _heaviest(log)
    thin = effective < FEWEST or heaviest > HEAVIEST
    known = None if thin else (_snips(log, weight), _robust(log, weight))
    return Estimate(
        cases=len(log.paid),
        taken=count,
        effective=effective,
        heaviest=heaviest,
        snips=known and known[0],
        robust=known and known[1],
    )


def _heaviest(log: Log) -> float:
    """Return the greatest inverse propensity beside the mean one: amounts may differ as they like."""
    inverse = 1 / np.maximum(log.propensity[log.taken], 1e-9)
    return float(inverse.max() / inverse.mean()) if inverse.size else math.inf


def _snips(log: Log, weight: Floats) -> Interval:
    value = float((weight * log.paid).sum() / weight.sum())
    return _interval(value, weight * (log.paid - value) / weight.mean(), log.customer)


def _robust(log: Log, weight: Floats) -> Interval:
    expected = outcome(log)
    baseline = float((log.size * expected).sum() / log.size.sum())
    residual = log.paid - expected
    moved = float((weight * residual).sum() / weight.sum())
    influence = log.size * (expected - baseline) / log.size.mean()
    influence = influence + weight * (residual - moved) / weight.mean()
    return _interval(baseline + moved, influence, log.customer)


def _interval(value: float, influence: Floats, customer: Ints) -> Interval:
    _, who = np.unique(customer, return_inverse=True)
    sums = np.bincount(who, weights=influence)
    groups = len(sums)
    error = math.sqrt(float((sums**2).sum()) * groups / max(groups - 1, 1)) / len(influence)
    return Interval(value, max(value - NORMAL * error, 0.0), min(value + NORMAL * error, 1.0))


def outcome(log: Log) -> Floats:
    """Return what each case is expected to come to, learned from taken cases of other customers."""
    fold = log.customer % FOLDS
    expected = np.zeros(len(log.paid))
    for number in range(FOLDS):
        inside, learned = fold == number, (fold != number) & log.taken
        expected[inside] = _ridge(log.features[learned], log.paid[learned], log.features[inside])
    return np.clip(expected, 0.0, 1.0)


def _ridge(known: Floats, paid: Marks, asked: Floats) -> Floats:
    if not len(known):
        return np.full(len(asked), 0.5)
    middle, mean = known.mean(axis=0), float(paid.mean())
    centred = known - middle
    gram = centred.T @ centred + RIDGE * np.eye(known.shape[1])
    found: Floats = mean + (asked - middle) @ np.linalg.solve(gram, centred.T @ (paid - mean))
    return found


def propensities(taken: Marks, cell: Ints, customer: Ints) -> Floats:
    """Return how likely each case was handled so, where nobody drew lots: the share among others of its cell.

    Learned from other customers, and drawn to the share of all as if by 20 cases.
    """
    fold = customer % FOLDS
    found = np.full(len(taken), 1.0)
    cells = int(cell.max()) + 1 if len(cell) else 0
    for number in range(FOLDS):
        inside, other = fold == number, fold != number
        overall = float(taken[other].mean()) if other.any() else float(taken.mean())
        counts = np.bincount(cell[other], minlength=cells)
        hits = np.bincount(cell[other], weights=taken[other], minlength=cells)
        found[inside] = ((hits + 20 * overall) / (counts + 20))[cell[inside]]
    likely: Floats = np.maximum(found, LEAST)
    return likely
