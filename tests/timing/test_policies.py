"""A ladder's steps pass every rule that the planner's times pass."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.timing import Attempt, Case, Planner
from dunning.timing.policies import PLAIN, ladder

START = datetime(2026, 1, 5, 12, tzinfo=UTC)
FAILED = Case(
    id="in_1",
    amount=900,
    currency="usd",
    attempts=(Attempt(START, paid=False, decline_code="insufficient_funds"),),
    deadline=START + timedelta(days=14),
    attempts_left=8,
)


def after(case: Case, days: float) -> Case:
    """The case once a try so many days after the failure was refused as well."""
    tried = Attempt(START + timedelta(days=days), paid=False, decline_code="insufficient_funds")
    return replace(case, attempts=(*case.attempts, tried))


def days_of(case: Case) -> list[float]:
    """Every step from here on, when all are refused."""
    found, now = [], START
    while (at := PLAIN.following(case, now)) is not None:
        found.append((at - START) / timedelta(days=1))
        case, now = after(case, found[-1]), at
    return found


def test_the_plain_ladder_climbs_to_the_end_of_the_window() -> None:
    assert days_of(FAILED) == [1, 3, 5, 7, 9, 11, 13]
    assert days_of(replace(FAILED, deadline=START + timedelta(days=7))) == [1, 3, 5]


def test_a_step_that_is_not_allowed_is_made_as_soon_as_it_is() -> None:
    assert days_of(replace(FAILED, not_before=START + timedelta(days=2)))[:2] == [2, 3]
    hole = (START + timedelta(days=3), START + timedelta(days=3, hours=12))
    assert days_of(replace(FAILED, vetoes=(hole,)))[:3] == [1, 3.5, 5]


@given(
    now=st.floats(0, 20),
    earliest=st.none() | st.floats(0, 20),
    hole=st.none() | st.tuples(st.floats(0, 20), st.floats(0, 5)),
    tried=st.lists(st.floats(0.01, 13), max_size=6, unique=True),
    left=st.integers(0, 8),
)
def test_no_step_ever_breaks_a_rule(
    now: float, earliest: float | None, hole: tuple[float, float] | None, tried: list[float], left: int
) -> None:
    case, at = FAILED, START + timedelta(days=now)
    for day in sorted(tried):
        case = after(case, day)
    moment = START + timedelta(days=earliest) if earliest is not None else None
    span = hole and (START + timedelta(days=hole[0]), START + timedelta(days=sum(hole)))
    case = replace(case, not_before=moment, vetoes=(span,) if span else (), attempts_left=left)
    step = PLAIN.following(case, at)
    if step is not None:
        assert left > 0
        assert max(at, moment or at) <= step < case.deadline
        assert span is None or not span[0] <= step < span[1]
        assert step >= case.attempts[-1].at + timedelta(hours=12)


def test_a_step_that_was_missed_is_made_now() -> None:
    now = START + timedelta(days=2)
    assert PLAIN.following(FAILED, now) == now


@pytest.mark.parametrize("code", ["stolen_card", "authentication_required"])
def test_a_ladder_stops_where_the_rules_stop(code: str) -> None:
    stopped = replace(FAILED, attempts=(Attempt(START, paid=False, decline_code=code),))
    said = PLAIN.explain(stopped, Planner.fit([], now=START), now=START)
    assert said.choice is None
    assert "card" in said.reason.lower()


def test_no_attempts_left_is_no_step() -> None:
    assert PLAIN.following(replace(FAILED, attempts_left=0), START) is None


def test_a_step_says_that_it_is_an_experiment_and_what_the_planner_thinks_of_it() -> None:
    said = PLAIN.explain(FAILED, Planner.fit([], now=START), now=START)
    assert said.choice is not None
    assert "Day 1 of the plain ladder" in said.reason
    assert 0 < said.choice.probability < 1
    assert said.choice.propensity == 1


@pytest.mark.parametrize("days", [(), (0,), (3, 1), (1, 1), (-1, 2), (1, float("nan")), (float("inf"),)])
def test_a_ladder_that_does_not_climb_is_refused(days: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="ascend"):
        ladder("mine", days)
