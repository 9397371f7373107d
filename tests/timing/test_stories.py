from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.timing import paydays, prior, stories
from dunning.timing.localtime import ZONES, moments, offsets, zone_of
from dunning.timing.marks import marks
from dunning.timing.plan import Slots, plan
from dunning.timing.sample import fair_sample
from dunning.timing.weights import informed

EPOCH = date(1970, 1, 1)


def seconds(*instants: datetime) -> np.ndarray:
    return np.array([int(at.timestamp()) for at in instants], dtype=np.int64)


def last(day: date) -> list[date]:
    found = paydays.last_paydays(np.array([(day - EPOCH).days]))[0]
    return [EPOCH + timedelta(days=int(payday)) for payday in found]


@settings(max_examples=80, derandomize=True, deadline=None)
@given(day=st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31)))
def test_the_last_payday_is_today_or_a_little_before(day: date) -> None:
    found = last(day)
    longest = {"weekly": 6, "fortnightly": 13, "twice": 17, "monthly": 30, "monthly_moved": 32, "working": 34}
    for kind, most in longest.items():
        ages = [(day - payday).days for payday, k in zip(found, paydays.KINDS, strict=True) if k == kind]
        assert all(0 <= age <= most for age in ages)
    assert sorted(payday.weekday() for payday in found[:7]) == list(range(7))


def test_the_end_of_a_leap_february_is_a_payday() -> None:
    end = int(np.flatnonzero(paydays.KINDS == "monthly")[-1])
    assert last(date(2028, 2, 29))[end] == date(2028, 2, 29)
    assert last(date(2028, 2, 28))[end] == date(2028, 1, 31)
    assert last(date(2027, 3, 1))[end] == date(2027, 2, 28)


def test_a_payday_on_a_weekend_comes_before_it_or_on_a_working_day() -> None:
    moved = int(np.flatnonzero(paydays.KINDS == "monthly_moved")[0])  # the first of the month
    working = int(np.flatnonzero(paydays.KINDS == "working")[4])  # the fifth working day
    sunday = date(2026, 2, 1)
    assert last(sunday)[moved] == date(2026, 1, 30)
    assert last(date(2026, 2, 6))[working] == date(2026, 2, 6)
    assert last(date(2026, 2, 5))[working] == date(2026, 1, 7)


def test_curves_are_chances_and_nothing_clears_at_the_failure_itself() -> None:
    opened = datetime(2026, 2, 27, 15, tzinfo=UTC)
    when = moments(
        ZoneInfo("America/Chicago"),
        seconds(*(opened + timedelta(hours=hour) for hour in range(0, 24 * 40, 5))),
        int(opened.timestamp()),
    )
    drawn = stories.curves(when)
    assert drawn.shape == (192, stories.STORIES)
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert not drawn[:, stories.BLOCK["never"]].any()
    anytime = np.isin(stories.GROUP, [stories.GROUPS.index(name) for name in ("mood", "luck", "clear")])
    waiting = drawn[0][~anytime]
    assert waiting.max() < 0.05


def test_limits_reset_at_midnight_on_monday_and_on_the_first() -> None:
    zone = ZoneInfo("Europe/Paris")
    opened = datetime(2026, 5, 28, 20, tzinfo=zone)  # a Thursday
    at = [datetime(2026, 5, day, 9, tzinfo=zone) for day in (29, 30)] + [
        datetime(2026, 6, day, 9, tzinfo=zone) for day in (1, 2)
    ]
    drawn = stories.curves(moments(zone, seconds(*at), int(opened.timestamp())))
    assert (drawn[:, stories.BLOCK["limit"]] > 0.5).tolist() == [
        [True, False, False],
        [True, False, False],
        [True, True, True],
        [True, True, True],
    ]


@pytest.mark.parametrize("family", prior.FAMILIES)
@pytest.mark.parametrize("region", prior.REGIONS)
def test_every_prior_is_a_distribution(family: str, region: str) -> None:
    for funding in prior.FUNDINGS:
        country = {"often": "US", "britain": "GB", "monthly": "DE", "unknown": ""}[region]
        what = marks(family, None, funding=funding, brand=None, country=country, currency="", amount=0)
        weight = informed().of(what)
        assert prior.region_of(country) == region
        assert weight.min() >= 0
        assert weight.sum() == pytest.approx(1)


def test_no_weekday_or_day_of_month_is_ruled_out_by_the_prior() -> None:
    assert all(prior.patterns(region).min() > 0 for region in prior.REGIONS)


@pytest.mark.parametrize("country", sorted(ZONES))
def test_every_country_has_a_zone(country: str) -> None:
    assert zone_of(None, country).key == ZONES[country]


def test_offsets_follow_the_clock_when_it_changes() -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = datetime(2026, 3, 28, 12, tzinfo=UTC)
    found = offsets(zone, seconds(start, start + timedelta(hours=6), start + timedelta(days=1)))
    assert found.tolist() == [3600, 3600, 7200]


def value(slots: Slots, weight: np.ndarray, chosen: tuple[int, ...]) -> float:
    left, total = weight, 0.0
    for index in chosen:
        success = slots.success[index]
        total += float(slots.worth[index] * (left * success).sum() - slots.cost * left.sum())
        left = left * (1 - success)
    return total


@pytest.mark.parametrize("seed", range(12))
def test_the_plan_is_close_to_the_best_of_all_plans(seed: int) -> None:
    dice = np.random.default_rng(seed)
    success = (dice.random((14, 9)) * (dice.random((14, 9)) < 0.4)).astype(np.float32)
    times = np.arange(14, dtype=np.int64) * 10
    slots = Slots(times, success, 0.99 ** np.arange(14), 0.001, gap=20)
    weight = dice.dirichlet(np.ones(9)).astype(np.float32)
    legal = [c for c in combinations(range(14), 3) if min(np.diff(c)) >= 2]
    best = max(value(slots, weight, c) for c in legal)
    found = plan(slots, weight, 3).chosen
    assert min(np.diff(found)) >= 2
    assert value(slots, weight, tuple(found)) >= 0.95 * best


def test_the_plan_does_not_put_two_tries_on_one_story() -> None:
    success = np.array([[0.9, 0], [0.9, 0], [0.9, 0], [0, 0.9]], dtype=np.float32)
    slots = Slots(np.arange(4, dtype=np.int64), success, np.ones(4), 0.0, gap=1)
    assert 3 in plan(slots, np.array([0.8, 0.2], dtype=np.float32), 2).chosen


def test_a_try_that_costs_more_than_it_brings_is_not_planned() -> None:
    success = np.full((5, 1), 0.01, dtype=np.float32)
    slots = Slots(np.arange(5, dtype=np.int64), success, np.ones(5), 0.02, gap=1)
    assert plan(slots, np.ones(1, dtype=np.float32), 3).chosen == []


def test_the_failure_itself_speaks_against_money_that_had_just_come() -> None:
    at = datetime(2026, 5, 1, 15, tzinfo=UTC)  # a Friday and a first
    found = stories.refusal(moments(ZoneInfo("UTC"), seconds(at), int(at.timestamp())))[0]
    first = int(np.flatnonzero(paydays.KINDS == "monthly")[0])
    mine = np.flatnonzero(first == stories.PATTERN)
    assert found[mine].min() < 0.2
    assert found[stories.BLOCK["never"]] == 1


@pytest.mark.parametrize("spread", [0.2, 1.0, 30.0])
def test_a_fair_sample_weighs_as_much_on_either_side(spread: float) -> None:
    weight = np.random.default_rng(3).dirichlet(np.full(2000, spread))
    columns, share = fair_sample(weight, 100)
    assert len(columns) <= 100
    assert (np.diff(columns) > 0).all()
    assert share.sum() == pytest.approx(1, abs=1e-5)
    assert share[columns < 1000].sum() == pytest.approx(weight[:1000].sum(), abs=0.03)
