"""What one side of an experiment has over the other: in rates, and in money, with intervals of 95 %.

Rates: Wilson's interval for each side and Newcombe's (1998, method 10) for their difference, on an effective
number of invoices that counts what a customer's invoices have in common. Money: a bootstrap over customers,
since a few large invoices carry the sum.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from dunning.timing.localtime import Floats, Ints
from dunning.timing.offpolicy import Interval

NORMAL: Final = 1.96
POWER: Final = 7.849  # (1.96 + 0.8416)²: seen in 80 of 100 experiments, at 5 % of false alarms
DRAWS: Final = 500
FEWEST: Final = 100  # finished invoices on each side, below which nothing is said


@dataclass(frozen=True, slots=True)
class Side:
    """One arm: entries per invoice; `weight` is one over the chance to come to this arm."""

    paid: Floats  # 1 or 0
    money: Floats  # minor units recovered
    weight: Floats
    customer: Ints


def wilson(rate: float, count: float) -> Interval:
    """Return a rate with its interval, for so many independent cases."""
    if count <= 0:
        return Interval(rate, 0.0, 1.0)
    square = NORMAL**2
    middle = (rate + square / (2 * count)) / (1 + square / count)
    spread = rate * (1 - rate) / count + square / (4 * count**2)
    half = NORMAL * math.sqrt(spread) / (1 + square / count)
    return Interval(rate, max(middle - half, 0.0), min(middle + half, 1.0))


def newcombe(first: Interval, second: Interval) -> Interval:
    """Return first less second, from the intervals of both."""
    value = first.value - second.value
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Interval(value, value - below, value + above)


def rate(side: Side) -> Interval:
    """Return the share of a side's invoices that were paid."""
    total = float(side.weight.sum())
    value = float((side.weight * side.paid).sum()) / total if total > 0 else 0.0
    return wilson(value, effective(side, value))


def effective(side: Side, value: float) -> float:
    """Return how many independent invoices a side is worth: fewer where customers recur or weights differ."""
    weights = _by_customer(side, side.weight)
    if not len(weights):
        return 0.0
    plain = float(weights.sum()) ** 2 / float((side.weight**2).sum())
    spread = _by_customer(side, side.weight * (side.paid - value))
    variance = float((spread**2).sum()) / float(weights.sum()) ** 2
    groups = len(weights)
    variance *= groups / max(groups - 1, 1)
    return min(plain, value * (1 - value) / variance) if variance > 0 else float(groups)


def per_invoice(treated: Side, holdout: Side, *, seed: int) -> Interval:
    """Return how much more money, in minor units an invoice, the treated side brought."""
    dice = np.random.default_rng(seed)
    draws = [_draws(side, dice) for side in (treated, holdout)]
    low, high = np.percentile(draws[0] - draws[1], [2.5, 97.5])
    return Interval(_mean(treated) - _mean(holdout), float(low), float(high))


def invoices_needed(base: float, share: float, difference: float = 0.05) -> int:
    """Return how many finished invoices show a difference of rates, with a share of them held out."""
    if not 0 < share < 1:
        return 0
    spread = max(base * (1 - base), 0.01)
    return math.ceil(POWER * spread / (difference**2 * share * (1 - share)))


def _mean(side: Side) -> float:
    total = float(side.weight.sum())
    return float((side.weight * side.money).sum()) / total if total > 0 else 0.0


def _draws(side: Side, dice: np.random.Generator) -> Floats:
    """Return the mean of a side in many redrawn worlds; each draws its customers anew."""
    sums = _by_customer(side, side.weight * side.money)
    weights = _by_customer(side, side.weight)
    found = np.zeros(DRAWS)
    for number in range(DRAWS):
        times = dice.poisson(1.0, len(weights))
        total = float(times @ weights)
        found[number] = float(times @ sums) / total if total > 0 else 0.0
    return found


def _by_customer(side: Side, values: Floats) -> Floats:
    _, who = np.unique(side.customer, return_inverse=True)
    return np.bincount(who, weights=values).astype(np.float64)
