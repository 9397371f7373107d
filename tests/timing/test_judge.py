"""A planner is judged on what it has not learned from."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dunning.timing import Attempt, Case, Planner, judge
from dunning.timing.judge import Foretold
from dunning.timing.seen import seen

START = datetime(2026, 1, 5, 12, tzinfo=UTC)  # a Monday


def case(number: int, *retries: tuple[float, bool], code: str = "insufficient_funds") -> Case:
    """A case that failed `number` hours after the start, retried after so many days."""
    failed = START + timedelta(hours=number)
    tries = [Attempt(failed + timedelta(days=days), paid) for days, paid in retries]
    first = Attempt(failed, paid=False, decline_code=code)
    return Case(str(number), 900, "usd", (first, *tries), failed + timedelta(days=14), 0, country="US")


def said(chance: float | None, paid: object) -> list[Foretold]:
    return [Foretold(chance, bool(paid), "soft_funds")]


def test_the_newest_fifth_is_held_out_once_it_is_a_hundred() -> None:
    cases = [case(number, (2, False)) for number in range(500)]
    assert judge.cut_of(cases[:499]) is None
    cut = judge.cut_of(cases)
    assert cut == START + timedelta(hours=400)
    assert [c.id for c in judge.held_out(cases, cut)] == [str(number) for number in range(400, 500)]


def test_a_long_slice_is_thinned_evenly() -> None:
    cases = [case(number, (2, False)) for number in range(1200)]
    thinned = judge.held_out(cases, START)
    assert [c.id for c in thinned[:3]] == ["0", "3", "6"]
    assert len(thinned) <= judge.MOST


def test_a_retry_is_foretold_from_what_came_before_it() -> None:
    planner = Planner.fit([], now=START)
    whole = case(0, (1, False), (3, True))
    hidden = replace(whole, attempts=whole.attempts[:2])
    first, second = judge.foretold(planner, whole)
    assert first == judge.foretold(planner, hidden)[0]
    assert (first.paid, second.paid) == (False, True)
    assert first.decline_class == "soft_funds"
    assert 0 < (second.chance or 0) < 1


def test_a_try_that_the_rules_forbid_has_no_chance() -> None:
    planner = Planner.fit([], now=START)
    assert judge.chance(planner, case(0, code="stolen_card"), START + timedelta(days=2)) is None


def test_sharp_and_true_chances_win_beyond_noise() -> None:
    came = [number % 4 == 0 for number in range(200)]
    sharp = [said(0.9 if paid else 0.05, paid) for paid in came]
    dull = [said(0.25, paid) for paid in came]
    found = judge.compare(dull, sharp)
    assert found is not None
    assert found.worse
    assert found.worse_by == pytest.approx(found.loss - found.loss_in_service)
    other = judge.compare(sharp, dull)
    assert other is not None
    assert not other.worse


def test_a_difference_within_noise_is_not_worse() -> None:
    came = [number % 4 == 0 for number in range(200)]
    some = [said(0.3 if number // 4 % 2 else 0.2, paid) for number, paid in enumerate(came)]
    other = [said(0.2 if number // 4 % 2 else 0.3, paid) for number, paid in enumerate(came)]
    found = judge.compare(some, other)
    assert found is not None
    assert not found.worse


def test_too_few_cases_compare_nothing() -> None:
    told = [said(0.5, 1)] * 99
    assert judge.compare(told, told) is None


def test_what_neither_would_try_compares_nothing() -> None:
    told = [said(None, 0)] * 200
    assert judge.compare(told, told) is None


def test_calibration_is_cut_into_ten_bins_of_equal_size() -> None:
    told = [Foretold(number / 1000, number % 2 == 0, "limit") for number in range(1000)]
    bins = judge.calibration(told)["limit"]
    assert [b["tries"] for b in bins] == [100] * 10
    assert [b["paid"] for b in bins] == [50] * 10
    assert bins[0]["predicted"] == pytest.approx(0.0495)


def test_the_log_is_counted_on_the_customers_own_clock() -> None:
    curves = seen([case(0, (1, False), (15, True))])["soft_funds"]
    assert curves["hour"][6] == [2, 1]  # noon in UTC is six in Chicago
    assert curves["weekday"][1] == [2, 1]
    assert curves["day_of_month"][5] == [1, 0]
    assert curves["day_of_month"][19] == [1, 1]
    assert curves["age"][1] == [1, 0]
    assert curves["age"][14] == [1, 1]


def test_a_class_without_retries_is_not_shown() -> None:
    assert seen([case(0, code="lost_card")]) == {}
