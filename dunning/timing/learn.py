"""Learning from history: expectation-maximisation over the stories, then factors beside them.

Every try counts, failed ones too. All that is learned is anchored to the prior as if that were so many
episodes, so that a small merchant keeps the prior and no planner runs after its own tail.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dunning.timing import maximise, stories
from dunning.timing.corrections import HIGHEST, LOWEST, SIZES, Corrections, features, learned, uncorrected
from dunning.timing.history import Episode, Round, rounds
from dunning.timing.localtime import Floats, Ints
from dunning.timing.marks import COARSE, Marks
from dunning.timing.stories import Curves
from dunning.timing.weights import DIGITS, Habits, Weights, informed

# Steps of maximisation between looks at hours and days. The first look is early: else stories of moody cards
# take what is the same for all.
STEPS: Final = (4, 12, 20)
SCOUTED: Final = 10  # steps that suffice to see which
SCOUTS: Final = 2500  # episodes that find out which stories matter at all
MATTER: Final = 1000  # stories of paydays kept in mind: those that explain most


@dataclass(frozen=True, slots=True)
class Learned:
    """What history changed."""

    weights: Weights
    corrections: Corrections


def learn(told: list[Episode]) -> Learned:
    """Return the weights and factors that explain the episodes best, from the prior on."""
    result = Learned(informed(), uncorrected())
    if not told:
        return result
    told = sorted(told, key=lambda e: (e.marks.country, e.failed, e.case, e.marks.family))
    columns = _scouted(told[:: -(-len(told) // SCOUTS)])
    people = maximise.people([e.marks for e in told])
    tries = [(found, stories.curves(found.when, columns)) for found in rounds(told)]
    weights = informed()
    for steps in STEPS:
        scaled = [(found, _scaled(found, curve, told, result.corrections)) for found, curve in tries]
        likelihood = _likelihood((len(told), len(columns)), scaled)
        weights = maximise.weights(people, likelihood, columns, weights, steps)
        result = Learned(weights, _correct(people, tries, scaled, _weights_of(people, weights, columns)))
    return Learned(_rounded(result.weights), result.corrections)


def _scouted(told: list[Episode]) -> Ints:
    """Return the stories that explain anything; the others are left as they were believed."""
    tries = [(found, stories.curves(found.when)) for found in rounds(told)]
    people = maximise.people([e.marks for e in told])
    scaled = [(found, _scaled(found, curve, told, uncorrected())) for found, curve in tries]
    likelihood = _likelihood((len(told), stories.STORIES), scaled)
    del tries, scaled
    weights = maximise.weights(people, likelihood, stories.EVERY, informed(), SCOUTED)
    blame = maximise.blame(people, likelihood, stories.EVERY, weights)
    money = stories.SIZES["payday"]
    most = np.sort(np.argsort(-blame[:money], kind="stable")[:MATTER])
    return np.concatenate([most, stories.EVERY[money:]])


def _weights_of(people: maximise.People, weights: Weights, columns: Ints) -> Curves:
    """Return each person's weights of some stories."""
    out = np.empty((people.size, len(columns)), dtype=np.float32)
    share = people.shares(weights.ratios)
    for country, rows in people.countries.items():
        inside = weights.inside(country)[columns].astype(np.float32)
        out[rows] = share[rows][:, stories.GROUP[columns]] * inside
    return out


def _scaled(found: Round, curve: Curves, told: list[Episode], corrections: Corrections) -> Curves:
    factor = _factors(found, told, corrections)
    return np.minimum(curve * factor[:, None].astype(np.float32), np.float32(0.99))


def _factors(found: Round, told: list[Episode], corrections: Corrections) -> Floats:
    bins = features(found.when)
    out = np.ones(len(found.who))
    kinds: dict[Marks, list[int]] = {}
    for row, who in enumerate(found.who.tolist()):
        kinds.setdefault(told[who].marks, []).append(row)
    for marks, where in kinds.items():
        rows = corrections.rows(marks)
        for name, table in rows.items():
            out[where] *= table[bins[name][where]]
    return np.clip(out, LOWEST, HIGHEST)


def _likelihood(shape: tuple[int, int], scaled: list[tuple[Round, Curves]]) -> Curves:
    out = np.ones(shape, dtype=np.float32)
    for found, curve in scaled:
        out[found.who] *= np.where(found.paid[:, None], np.maximum(curve, np.float32(1e-4)), 1 - curve)
    return out


def _correct(
    people: maximise.People,
    tries: list[tuple[Round, Curves]],
    scaled: list[tuple[Round, Curves]],
    belief: Curves,
) -> Corrections:
    """Walk each episode's tries in order, note what the stories expected, and compare with what came."""
    expected: list[Floats] = []
    for (found, curve), (_, corrected) in zip(tries, scaled, strict=True):
        mine = belief[found.who]
        expected.append(np.einsum("ij,ij->i", mine, curve) / np.maximum(mine.sum(axis=1), 1e-12))
        belief[found.who] = mine * (1 - corrected)
    bins = [features(found.when) for found, _ in tries]
    who = np.concatenate([found.who for found, _ in tries])
    places = {level: (keys, index[who]) for level, (keys, index) in people.places.items() if level in COARSE}
    result = learned(
        places=places,
        bins={name: np.concatenate([each[name] for each in bins]) for name in SIZES},
        expected=np.concatenate(expected).astype(np.float64),
        paid=np.concatenate([found.paid for found, _ in tries]).astype(np.float64),
    )
    return Corrections(
        {name: {key: row.round(DIGITS) for key, row in rows.items()} for name, rows in result.tables.items()}
    )


def _rounded(weights: Weights) -> Weights:
    habits = {
        name: Habits(found.patterns.round(DIGITS), found.posted.round(DIGITS), found.lasts.round(DIGITS))
        for name, found in weights.habits.items()
    }
    return Weights(
        {key: row.round(DIGITS) for key, row in weights.ratios.items()},
        habits,
        {key: row.round(DIGITS) for key, row in weights.within.items()},
    )
