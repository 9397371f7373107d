"""Estimates from a log, against what is known because we made the log."""

import math
from dataclasses import replace

import numpy as np
import pytest

from dunning.timing.offpolicy import Log, estimate, outcome, propensities


def world(seed: int, cases: int = 2000) -> tuple[Log, float, float]:
    """A log of two ways, chosen by the code: easy codes mostly get the way asked about.

    Returns the log, what the way recovers of all, and the naive mean of those that got it.
    """
    dice = np.random.default_rng(seed)
    easy = dice.random(cases) < 0.5
    chance = np.where(easy, 0.7, 0.3)
    propensity = np.where(easy, 0.6, 0.2)
    taken = dice.random(cases) < propensity
    paid = dice.random(cases) < np.where(taken, chance, 0.1)
    features = np.column_stack([easy, dice.standard_normal(cases)]).astype(float)
    log = Log(paid, taken, propensity, np.ones(cases), np.arange(cases), features)
    return log, 0.5, float(paid[taken].mean())


def test_the_naive_mean_is_wrong_and_the_estimates_are_right() -> None:
    log, truth, naive = world(1000)
    found = estimate(log)
    assert found.snips is not None
    assert found.robust is not None
    assert naive > truth + 0.05
    assert found.snips.low < truth < found.snips.high
    assert found.robust.low < truth < found.robust.high
    assert abs(found.robust.value - truth) < 0.04


def test_intervals_hold_what_they_promise_and_robust_ones_are_no_wider() -> None:
    held, width = {"snips": 0, "robust": 0}, {"snips": 0.0, "robust": 0.0}
    for seed in range(1000, 1200):
        log, truth, _ = world(seed)
        found = estimate(log)
        for name in held:
            interval = getattr(found, name)
            held[name] += interval.low <= truth <= interval.high
            width[name] += interval.high - interval.low
    assert 182 <= held["snips"] <= 200
    assert 182 <= held["robust"] <= 200
    assert width["robust"] <= width["snips"] * 1.01


def test_with_one_way_for_all_both_are_the_plain_mean() -> None:
    log, _, _ = world(3)
    log = replace(log, taken=np.ones(2000, dtype=bool), propensity=np.ones(2000))
    found = estimate(log)
    assert found.snips is not None
    assert found.robust is not None
    assert found.snips.value == pytest.approx(log.paid.mean())
    assert found.robust.value == pytest.approx(log.paid.mean())
    wide = 1.96 * math.sqrt(log.paid.var() / 2000)
    assert found.snips.high - found.snips.value == pytest.approx(wide, rel=0.01)
    assert found.effective == pytest.approx(2000)


def test_few_effective_cases_are_refused() -> None:
    log, _, _ = world(4, cases=400)
    assert estimate(log).snips is None


def test_one_heavy_case_is_refused() -> None:
    log, _, _ = world(5)
    propensity = log.propensity.copy()
    propensity[np.flatnonzero(log.taken)[0]] = 0.001
    found = estimate(replace(log, propensity=propensity))
    assert found.heaviest > 20
    assert (found.snips, found.robust) == (None, None)


def test_nobody_handled_so_is_refused() -> None:
    log, _, _ = world(6)
    found = estimate(replace(log, taken=np.zeros(2000, dtype=bool)))
    assert (found.effective, found.taken, found.snips) == (0, 0, None)


def test_an_even_small_holdout_is_not_thin_for_being_small() -> None:
    log, _, _ = world(7, cases=20_000)
    dice = np.random.default_rng(8)
    log = replace(log, taken=dice.random(20_000) < 0.02, propensity=np.full(20_000, 0.02))
    assert estimate(log).snips is not None


def test_invoices_of_one_customer_count_as_one_voice() -> None:
    log, _, _ = world(9)
    alone = estimate(log)
    copies = np.repeat(np.arange(2000), 4)
    many = Log(
        *(getattr(log, name)[copies] for name in ("paid", "taken", "propensity", "size")),
        log.customer[copies],
        log.features[copies],
    )
    together = estimate(many)
    assert alone.snips is not None
    assert together.snips is not None
    assert together.snips.high - together.snips.low == pytest.approx(
        alone.snips.high - alone.snips.low, rel=0.02
    )


def test_money_weighs_cases_by_their_amount() -> None:
    log, _, _ = world(10)
    size = np.where(log.features[:, 0] > 0, 900.0, 100.0)
    found = estimate(replace(log, size=size))
    assert found.robust is not None
    assert found.robust.value == pytest.approx((0.7 * 9 + 0.3) / 10, abs=0.04)


def test_the_outcome_model_never_learns_from_the_customer_it_is_asked_about() -> None:
    log, _, _ = world(11, cases=100)
    before = outcome(log)
    flipped = log.paid.copy()
    flipped[0] = not flipped[0]
    after = outcome(replace(log, paid=flipped))
    assert after[0] == before[0]


def test_propensities_that_nobody_drew_are_learned_by_cell() -> None:
    dice = np.random.default_rng(12)
    cell = dice.integers(0, 2, 4000)
    taken = dice.random(4000) < np.where(cell == 0, 0.8, 0.2)
    found = propensities(taken, cell, np.arange(4000))
    assert found[cell == 0].mean() == pytest.approx(0.8, abs=0.03)
    assert found[cell == 1].mean() == pytest.approx(0.2, abs=0.03)
    assert (propensities(np.ones(50, dtype=bool), cell[:50], np.arange(50)) == 1).all()
