"""Learning from history: expectation-maximisation over the stories, then factors beside them.

Every try counts, failed ones too. All learned shares are anchored to the prior as if it were so many
episodes, so that a small merchant keeps the prior and no planner runs after its own tail.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from dunning.timing import prior, stories
from dunning.timing.corrections import SIZES, Corrections, features, learned, uncorrected
from dunning.timing.history import Episode, Round, rounds
from dunning.timing.localtime import Floats, Ints
from dunning.timing.stories import Curves
from dunning.timing.weights import DIGITS, Weights, informed

STEPS: Final = 60  # fewer left the shares unconverged
SHARES: Final = (
    40.0  # episodes that the prior's shares weigh: classes against prior, segments against classes
)
HABITS: Final = 30.0  # the same, for pay habits and durations
MOST: Final = 12_000  # episodes learned from: the newest


@dataclass(frozen=True, slots=True)
class Learned:
    """What history changed."""

    weights: Weights
    corrections: Corrections


def learn(told: list[Episode]) -> Learned:
    """Return the weights and factors that explain the episodes best, from the prior on."""
    told = told[-MOST:]
    result = Learned(informed(), uncorrected())
    if not told:
        return result
    tries = [(found, stories.curves(found.when)) for found in rounds(told)]
    families = np.array([prior.FAMILIES.index(e.family) for e in told], dtype=np.int64)
    for _ in range(2):
        scaled = [(found, _scaled(found, curve, families, result.corrections)) for found, curve in tries]
        weights = _maximise(told, _likelihood(len(told), scaled), informed())
        result = Learned(weights, _correct(told, tries, scaled, families, weights))
    return result


def _scaled(found: Round, curve: Curves, families: Ints, corrections: Corrections) -> Curves:
    factor = corrections.of_rows(families[found.who], found.when)
    return np.minimum(curve * factor[:, None].astype(np.float32), np.float32(0.99))


def _likelihood(count: int, scaled: list[tuple[Round, Curves]]) -> Curves:
    out = np.ones((count, stories.STORIES), dtype=np.float32)
    for found, curve in scaled:
        out[found.who] *= np.where(found.paid[:, None], np.maximum(curve, 1e-4), 1 - curve)
    return out


def _maximise(told: list[Episode], likelihood: Curves, start: Weights) -> Weights:
    keys = sorted({(e.segment, e.region) for e in told})
    index = {key: number for number, key in enumerate(keys)}
    combination = np.array([index[e.segment, e.region] for e in told])
    parts = [likelihood[combination == number] for number in range(len(keys))]
    weights = start
    for _ in range(STEPS):
        counts = {key: _blame(part, weights.of(*key)) for key, part in zip(keys, parts, strict=True)}
        weights = _refit(counts, start)
    return _rounded(weights)


def _blame(likelihood: Curves, weight: Floats) -> Floats:
    """Return how many of the episodes each story is held to explain."""
    light = weight.astype(np.float32)
    total = np.maximum(likelihood @ light, np.float32(1e-12))
    blamed: Floats = weight * (likelihood.T @ (1 / total))
    return blamed


def _refit(counts: dict[tuple[str, str], Floats], start: Weights) -> Weights:
    everything = np.sum(list(counts.values()), axis=0)
    paydays = everything[stories.BLOCK["payday"]].reshape(stories.PATTERNS, -1, len(stories.LASTS))
    return Weights(
        shares=_refit_shares(counts, start),
        patterns={region: _refit_patterns(counts, start, region) for region in prior.REGIONS},
        posted=_anchored(paydays.sum(axis=(0, 2)), start.posted),
        lasts=_anchored(paydays.sum(axis=(0, 1)), start.lasts),
        within={name: _anchored(everything[stories.BLOCK[name]], old) for name, old in start.within.items()},
    )


def _anchored(counts: Floats, old: Floats, strength: float = HABITS) -> Floats:
    return (counts + strength * old) / (float(counts.sum()) + strength)


def _refit_shares(counts: dict[tuple[str, str], Floats], start: Weights) -> dict[str, Floats]:
    by_segment = _grouped(counts, lambda key: key[0])
    by_family = _grouped(counts, lambda key: key[0].split("/")[0])
    out = dict(start.shares)
    for name, old in start.shares.items():
        family = name.split("/")[0]
        if family not in by_family:
            continue
        middle = _anchored(by_family[family], old, SHARES)
        out[name] = _anchored(by_segment.get(name, np.zeros_like(old)), middle, SHARES)
    return out


def _grouped(
    counts: dict[tuple[str, str], Floats], name: Callable[[tuple[str, str]], str]
) -> dict[str, Floats]:
    out: dict[str, Floats] = {}
    for key, count in counts.items():
        groups = np.bincount(stories.GROUP, weights=count, minlength=len(stories.GROUPS))
        out[name(key)] = out.get(name(key), np.zeros(len(groups))) + groups
    return out


def _refit_patterns(counts: dict[tuple[str, str], Floats], start: Weights, region: str) -> Floats:
    block = stories.BLOCK["payday"]
    mine = [count[block] for (_, place), count in counts.items() if place == region]
    if not mine:
        return start.patterns[region]
    by_pattern: Floats = np.sum(mine, axis=0).reshape(stories.PATTERNS, -1).sum(axis=1)
    return _anchored(by_pattern, start.patterns[region])


def _rounded(weights: Weights) -> Weights:
    return Weights(
        shares={key: row.round(DIGITS) for key, row in weights.shares.items()},
        patterns={key: row.round(DIGITS) for key, row in weights.patterns.items()},
        posted=weights.posted.round(DIGITS),
        lasts=weights.lasts.round(DIGITS),
        within={key: row.round(DIGITS) for key, row in weights.within.items()},
    )


def _correct(
    told: list[Episode],
    tries: list[tuple[Round, Curves]],
    scaled: list[tuple[Round, Curves]],
    families: Ints,
    weights: Weights,
) -> Corrections:
    """Walk each episode's tries in order, note what the stories expected, and compare with what came."""
    belief = np.stack([weights.of(e.segment, e.region) for e in told]).astype(np.float32)
    expected: list[Floats] = []
    for (found, curve), (_, corrected) in zip(tries, scaled, strict=True):
        mine = belief[found.who]
        expected.append(np.einsum("ij,ij->i", mine, curve) / np.maximum(mine.sum(axis=1), 1e-12))
        belief[found.who] = mine * (1 - corrected)
    bins = [features(found.when) for found, _ in tries]
    result = learned(
        rows=np.concatenate([families[found.who] for found, _ in tries]),
        bins={name: np.concatenate([each[name] for each in bins]) for name in SIZES},
        expected=np.concatenate(expected).astype(np.float64),
        paid=np.concatenate([found.paid for found, _ in tries]).astype(np.float64),
    )
    return Corrections({name: table.round(DIGITS) for name, table in result.tables.items()})
