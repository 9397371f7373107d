"""Choosing a set of times jointly: what a later try adds is what the earlier ones left.

While an invoice stays unpaid, a retry can only tell "failed again", so the best next time is the first of
the best set of times. The value of a set is monotone and submodular (but for the small cost of a try), so
greedy insertion followed by exchange comes close to the best set.
"""

from dataclasses import dataclass
from itertools import pairwise

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


def plan(slots: Slots, weight: Curves, tries: int) -> list[int]:
    """Return the indexes of at most `tries` slots, ascending; fewer when another would not pay its cost."""
    chosen: list[int] = []
    while len(chosen) < tries:
        gain = gains(slots, weight, chosen)
        best = int(np.argmax(gain)) if gain.size else 0
        if not gain.size or gain[best] <= 0:
            break
        chosen = sorted([*chosen, best])
    return _exchange(slots, weight, chosen)


def _exchange(slots: Slots, weight: Curves, chosen: list[int]) -> list[int]:
    """Take each time out once and put it back where it is worth most."""
    for old in list(chosen) if len(chosen) > 1 else ():
        rest = [index for index in chosen if index != old]
        gain = gains(slots, weight, rest)
        best = int(np.argmax(gain))
        if gain[best] > gain[old] + 1e-12:
            chosen = sorted([*rest, best])
    return chosen


def gains(slots: Slots, weight: Curves, chosen: list[int]) -> Floats:
    """Return what one more try adds at each slot, given the chosen ones; -inf where it may not be.

    A try at g between fixed ones is worth its own success, less its cost, less what it takes away from
    the later ones.
    """
    out = np.full(len(slots.seconds), -np.inf)
    left = _left(slots, weight, chosen)
    later = _later_values(slots, chosen, len(weight))
    taken = [before * value for before, value in zip(left[:-1], later, strict=True)]
    scores = slots.success @ np.array([*left, *taken]).T
    bounds = [-1, *chosen, len(slots.seconds)]
    for position, (before, after) in enumerate(pairwise(bounds)):
        start, end = _inside(slots, before, after)
        if end > start:
            gain = slots.worth[start:end] * scores[start:end, position] - slots.cost * float(
                left[position].sum()
            )
            if position < len(chosen):
                gain -= scores[start:end, len(left) + position]
            out[start:end] = gain
    return out.round(6)  # below that is noise of the machine: the earliest wins


def _left(slots: Slots, weight: Curves, chosen: list[int]) -> list[Curves]:
    """Return what each story's weight is before each try, and after the last."""
    left = [weight]
    for index in chosen:
        left.append(left[-1] * (1 - slots.success[index]))
    return left


def _inside(slots: Slots, before: int, after: int) -> tuple[int, int]:
    """Return the range of slots between two tries that keeps the gap to both."""
    start, end = before + 1, after
    if before >= 0:
        start = int(slots.seconds.searchsorted(slots.seconds[before] + slots.gap))
    if after < len(slots.seconds):
        end = int(slots.seconds.searchsorted(slots.seconds[after] - slots.gap, side="right"))
    return start, end


def _later_values(slots: Slots, chosen: list[int], stories: int) -> list[Curves]:
    """Return, for each position but the last, the value under each story of the tries that follow it."""
    values: list[Curves] = [np.zeros(stories, dtype=np.float32)]
    for index in reversed(chosen):
        success, worth = slots.success[index], float(slots.worth[index])
        values.append(worth * success - slots.cost + (1 - success) * values[-1])
    return values[:0:-1]
