"""Differences between two sides, against worked examples and worlds whose truth is known."""

import numpy as np
import pytest

from dunning.timing.uplift import (
    Side,
    effective,
    invoices_needed,
    newcombe,
    per_invoice,
    rate,
    wilson,
)


def side(seed: int, count: int, chance: float, *, each: int = 1, amount: float = 1000.0) -> Side:
    """A side of customers with so many invoices each, which all share their customer's fate."""
    dice = np.random.default_rng(seed)
    paid = np.repeat((dice.random(count) < chance).astype(float), each)
    customer = np.repeat(np.arange(count), each)
    return Side(paid, paid * amount, np.ones(count * each), customer)


def test_wilson_as_worked_by_newcombe() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), 857: 81 of 263.
    found = wilson(81 / 263, 263)
    assert (found.low, found.high) == (pytest.approx(0.2553, abs=1e-4), pytest.approx(0.3662, abs=1e-4))


def test_the_difference_as_worked_by_newcombe() -> None:
    # The same, 873, table II, method 10: 56/70 against 48/80.
    found = newcombe(wilson(56 / 70, 70), wilson(48 / 80, 80))
    assert found.value == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=1e-4), pytest.approx(0.3339, abs=1e-4))


def test_nothing_is_known_of_no_invoices() -> None:
    none = Side(*(np.zeros(0) for _ in range(3)), np.zeros(0, dtype=int))
    assert (rate(none).low, rate(none).high) == (0, 1)


def test_four_invoices_of_one_fate_count_as_one() -> None:
    assert effective(side(1, 500, 0.5, each=4), 0.5) == pytest.approx(500, rel=0.05)
    assert effective(side(1, 500, 0.5), 0.5) == pytest.approx(500, rel=0.05)


def test_a_side_on_which_all_paid_is_not_infinitely_sure() -> None:
    found = rate(side(1, 100, 1.0))
    assert (found.value, found.high) == (1, pytest.approx(1))
    assert found.low == pytest.approx(0.963, abs=0.001)


def test_the_money_interval_holds_what_it_promises() -> None:
    held = 0
    for seed in range(60):
        found = per_invoice(side(seed, 400, 0.5, each=2), side(seed + 900, 200, 0.4, each=2), seed=1)
        held += found.low <= 100 <= found.high
    assert 52 <= held <= 60


def test_the_same_seed_draws_the_same_interval() -> None:
    sides = side(1, 300, 0.5), side(2, 300, 0.4)
    assert per_invoice(*sides, seed=3) == per_invoice(*sides, seed=3)
    assert per_invoice(*sides, seed=3) != per_invoice(*sides, seed=4)


def test_what_it_takes_to_see_five_points() -> None:
    assert invoices_needed(0.45, 0.5) == pytest.approx(3110, rel=0.01)
    assert invoices_needed(0.45, 0.1) == pytest.approx(8633, rel=0.01)
    assert invoices_needed(0.45, 0.0) == 0
