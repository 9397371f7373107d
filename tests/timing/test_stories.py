from datetime import UTC, date, datetime, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.timing import prior, stories
from dunning.timing.localtime import ZONES, moments, offsets, zone_of
from dunning.timing.plan import Slots, plan
from dunning.timing.weights import informed, segment

EPOCH = date(1970, 1, 1)
PAST = {name: index for index, name in enumerate(["weekly", "fortnightly", "twice", "monthly"])}


def seconds(*instants: datetime) -> np.ndarray:
    return np.array([int(at.timestamp()) for at in instants], dtype=np.int64)


def last(day: date) -> list[date]:
    found = stories.last_paydays((day - EPOCH).days)
    return [EPOCH + timedelta(days=int(payday)) for payday in found]


@settings(max_examples=80, derandomize=True, deadline=None)
@given(day=st.dates(min_value=date(2020, 1, 1), max_value=date(2040, 12, 31)))
def test_the_last_payday_is_today_or_a_little_before(day: date) -> None:
    found = last(day)
    longest = {"weekly": 6, "fortnightly": 13, "twice": 17, "monthly": 30}
    for kind, most in longest.items():
        ages = [
            (day - payday).days for payday, k in zip(found, stories.KINDS, strict=True) if k == PAST[kind]
        ]
        assert all(0 <= age <= most for age in ages)
    assert sorted(payday.weekday() for payday in found[:7]) == list(range(7))


def test_the_end_of_a_leap_february_is_a_payday() -> None:
    assert last(date(2028, 2, 29))[-1] == date(2028, 2, 29)
    assert last(date(2028, 2, 28))[-1] == date(2028, 1, 31)
    assert last(date(2027, 3, 1))[-1] == date(2027, 2, 28)


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
    waiting = np.delete(drawn[0], stories.BLOCK["clear"])
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
        weight = informed().of(segment(family, funding), region)
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
    found = plan(slots, weight, 3)
    assert min(np.diff(found)) >= 2
    assert value(slots, weight, tuple(found)) >= 0.95 * best


def test_the_plan_does_not_put_two_tries_on_one_story() -> None:
    success = np.array([[0.9, 0], [0.9, 0], [0.9, 0], [0, 0.9]], dtype=np.float32)
    slots = Slots(np.arange(4, dtype=np.int64), success, np.ones(4), 0.0, gap=1)
    assert 3 in plan(slots, np.array([0.8, 0.2], dtype=np.float32), 2)


def test_a_try_that_costs_more_than_it_brings_is_not_planned() -> None:
    success = np.full((5, 1), 0.01, dtype=np.float32)
    slots = Slots(np.arange(5, dtype=np.int64), success, np.ones(5), 0.02, gap=1)
    assert plan(slots, np.ones(1, dtype=np.float32), 3) == []
