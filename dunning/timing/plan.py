"""Choosing a set of times jointly: what a later try adds is what the earlier ones left.

While an invoice stays unpaid, a retry can only tell "failed again", so the best next time is the first of
the best set of times. The value of a set is monotone and submodular (but for the small cost of a try), so
greedy insertion followed by exchange comes close to the best set.
"""

from dataclasses import dataclass

import numpy as np

from dunning.timing.localtime import Floats, Ints
from dunning.timing.stories import Curves


@dataclass(frozen=True, slots=True)
class Slots:
    """The times to choose from: UTC seconds ascending, approval per slot and story, worth of a success."""

    seconds: Ints
    success: Curves
    worth: Floats
    cost: float
    gap: int  # seconds between two tries


@dataclass(frozen=True, slots=True)
class Plan:
    """Indexes of the chosen slots, ascending, and what each slot would add to all of them but the first."""

    chosen: list[int]
    gain: Floats


def plan(slots: Slots, weight: Curves, tries: int) -> Plan:
    """Return at most `tries` slots; fewer when another would not pay its cost.

    Greedy insertion, then the first is taken out once and put back where it is worth most: the others are
    chosen again before they are tried.
    """
    chosen = _greedy(slots, weight, tries)
    rest = chosen[1:]
    gain = gains(slots, weight, rest)
    if chosen:
        best = int(np.argmax(gain))
        chosen = sorted([best, *rest]) if gain[best] > gain[chosen[0]] + 1e-12 else chosen
    return Plan(chosen, gain if chosen[1:] == rest else gains(slots, weight, chosen[1:]))


def _greedy(slots: Slots, weight: Curves, tries: int) -> list[int]:
    chosen: list[int] = []
    while len(chosen) < tries and len(slots.seconds):
        gain = gains(slots, weight, chosen)
        best = int(np.argmax(gain))
        if gain[best] <= 0:
            break
        chosen = sorted([*chosen, best])
    return chosen


def gains(slots: Slots, weight: Curves, chosen: list[int]) -> Floats:
    """Return what one more try adds at each slot, given the chosen ones; -inf where it may not be.

    A try at g between fixed ones is worth its own success, less its cost, less what it takes away from
    the later ones.
    """
    left, later = _left(slots, weight, chosen), np.zeros(len(weight), dtype=np.float32)
    fees = (slots.cost * left.sum(axis=1)).tolist()
    out = np.empty(len(slots.seconds))
    ends = [*chosen, len(out) - 1]
    for row in range(len(chosen), -1, -1):
        part = slice(ends[row - 1] + 1 if row else 0, ends[row] + 1)
        success = slots.success[part]
        out[part] = slots.worth[part] * (success @ left[row]) - fees[row]
        if row < len(chosen):
            out[part] -= success @ (left[row] * later)
        if row:
            opens = slots.success[chosen[row - 1]]
            later = float(slots.worth[chosen[row - 1]]) * opens - slots.cost + (1 - opens) * later
    for at in slots.seconds[chosen].tolist() if chosen else ():
        since, until = slots.seconds.searchsorted((at - slots.gap + 1, at + slots.gap)).tolist()
        out[since:until] = -np.inf
    out[chosen] = -np.inf
    return np.asarray(out.round(6), dtype=np.float64)  # below is noise of the machine: the earliest wins


def _left(slots: Slots, weight: Curves, chosen: list[int]) -> Curves:
    """Return what each story's weight is before each try, and after the last: a row each."""
    left = np.empty((len(chosen) + 1, len(weight)), dtype=np.float32)
    left[0] = weight
    for row, index in enumerate(chosen):
        np.multiply(left[row], 1 - slots.success[index], out=left[row + 1])
    return left
