"""Chance as a pure function of what it is about: never a global generator, never the wall clock."""

import hashlib
import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TypeVar

T = TypeVar("T")
_NORMAL = NormalDist()


def digest(*parts: object, size: int = 9) -> str:
    """Return a hex digest of the parts, the root of every id and every roll."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def uniform(*parts: object) -> float:
    """Return a number in [0, 1) that depends on the parts only."""
    return int(digest(*parts, size=6), 16) / 2**48


def exponential(mean: float, *parts: object) -> float:
    """Return an exponential draw with this mean, in the unit of the mean."""
    return -mean * math.log(1.0 - uniform(*parts))


def lognormal(median: float, sigma: float, *parts: object) -> float:
    """Return a lognormal draw, in the unit of the median."""
    roll = min(max(uniform(*parts), 1e-9), 1 - 1e-9)
    return median * math.exp(sigma * _NORMAL.inv_cdf(roll))


def pick(options: Sequence[tuple[T, float]], *parts: object) -> T:
    """Return one of the options; the numbers beside them are relative weights."""
    roll = uniform(*parts) * sum(weight for _, weight in options)
    for option, weight in options:
        roll -= weight
        if roll < 0:
            return option
    return options[-1][0]
