"""A few seeds of `make study`; all of them are in docs/backtest-study.md."""

import pytest
from study.coverage import Kept, covered, table
from study.town import POLICIES, Visible, people

from dunning.timing.offpolicy import Interval

SEEDS = range(200, 208)


@pytest.fixture(scope="module")
def crowd() -> list[Visible]:
    return people(60, seed=2)


def test_intervals_hold_what_the_policies_achieve(crowd: list[Visible]) -> None:
    found = covered(crowd, SEEDS)
    assert {name for name, _ in found} == set(POLICIES)
    assert {kept.tried for _, kept in found.values()} == {len(SEEDS)}
    assert min(kept.held for _, kept in found.values()) >= 5
    assert sum(kept.held for _, kept in found.values()) >= 0.85 * len(SEEDS) * len(found)


def test_the_planner_tries_inside_the_window_and_within_its_budget(crowd: list[Visible]) -> None:
    for seen in crowd:
        ages = seen.ages["planner"]
        assert 0 < len(ages) <= 8
        assert list(ages) == sorted(ages)
        assert 0 < ages[0] < ages[-1] < 14


def test_a_refusal_and_a_miss_are_not_counted_as_held() -> None:
    kept = Kept()
    kept.note(None, 0.5)
    kept.note(Interval(0.4, 0.3, 0.45), 0.5)
    kept.note(Interval(0.5, 0.4, 0.6), 0.5)
    assert (kept.held, kept.tried) == (1, 2)
    assert list(table({("ladder", "SNIPS"): (0.5, kept)}))[2] == (
        "| ladder | SNIPS | 50.0% | 1 of 2 | -5.00 | 17.5 |"
    )
