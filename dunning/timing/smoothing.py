"""How much the hours of the day differ: a smooth curve, no rougher and no higher than the counts can bear.

The logarithm of the factors is a Gaussian process round the clock, seen through Poisson counts (Laplace's
approximation; Rasmussen & Williams, "Gaussian Processes for Machine Learning", 3.4). How high and how wide
its waves are is not chosen but averaged over, each by how well it foretells the counts.
"""

from typing import Final

import numpy as np

from dunning.timing.localtime import Floats

HOURS: Final = 24
HEIGHTS: Final = (0.12, 0.25, 0.5, 1.0)  # standard deviations of the logarithm
WIDTHS: Final = (0.4, 1.5, 4.0)  # hours over which the curve keeps its value
FLAT: Final = 0.5  # belief that the hours do not differ from what was thought before
STEPS: Final = 10
FARTHEST: Final = 3.0


def smoothed(happened: Floats, expected: Floats) -> Floats:
    """Return factors on what was expected, a row per place and a column per hour of the day."""
    logs, words = [np.zeros_like(expected)], [np.log(FLAT) - float(expected.sum())]
    for height in HEIGHTS:
        for width in WIDTHS:
            found, evidence = _fitted(_kernel(height, width), happened, expected)
            logs.append(found)
            words.append(np.log((1 - FLAT) / (len(HEIGHTS) * len(WIDTHS))) + evidence)
    weight = np.exp(np.array(words) - max(words))
    factors: Floats = np.exp(np.tensordot(weight / weight.sum(), np.stack(logs), axes=1))
    return factors


def _kernel(height: float, width: float) -> Floats:
    apart = np.sin(np.pi * (np.arange(HOURS)[:, None] - np.arange(HOURS)) / HOURS) * HOURS / np.pi
    kernel: Floats = height**2 * (np.exp(-0.5 * np.square(apart / width)) + 1e-3 * np.eye(HOURS))
    return kernel


def _fitted(kernel: Floats, happened: Floats, expected: Floats) -> tuple[Floats, float]:
    """Return the likeliest logarithms, and the logarithm of the evidence but for a constant."""
    log, dual = np.zeros_like(expected), np.zeros_like(expected)
    for _ in range(STEPS):
        due = expected * np.exp(log)
        root = np.sqrt(due)
        target = due * log + happened - due
        spread = np.eye(HOURS) + root[:, :, None] * kernel * root[:, None, :]
        inner = np.linalg.solve(spread, (root * (target @ kernel))[:, :, None])[:, :, 0]
        dual = target - root * inner
        log = np.clip(dual @ kernel, -FARTHEST, FARTHEST)
    _, size = np.linalg.slogdet(spread)
    evidence = happened * log - expected * np.exp(log) - 0.5 * dual * log
    return log, float(evidence.sum() - 0.5 * size.sum())
