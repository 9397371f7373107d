import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.core.declines import TABLE, Decline, DeclineClass, classify
from dunning.timing import Attempt, Case, Choice, Planner

OPENED = datetime(2026, 10, 20, 8, tzinfo=UTC)  # clocks change within the window, in Europe and America
HOUR = timedelta(hours=1)
PLANNER = Planner.fit([], now=OPENED)
CODES = ["insufficient_funds", "do_not_honor", "processing_error", "card_velocity_exceeded", "odd", None]
hours = st.integers(min_value=-50, max_value=500)


def spans() -> st.SearchStrategy[tuple[datetime, datetime]]:
    return st.tuples(hours, hours).map(lambda pair: (OPENED + pair[0] * HOUR, OPENED + pair[1] * HOUR))


def cases() -> st.SearchStrategy[Case]:
    def build(code: str | None, gaps: list[int], **facts: object) -> Case:
        at, attempts = OPENED, [Attempt(OPENED, paid=False, decline_code=code)]
        for gap in gaps:
            at += gap * HOUR
            attempts.append(Attempt(at, paid=False, decline_code=code))
        return Case(amount=100, currency="eur", attempts=tuple(attempts), **facts)

    return st.builds(
        build,
        code=st.sampled_from(CODES),
        gaps=st.lists(st.integers(min_value=1, max_value=60), max_size=3),
        id=st.text(max_size=4),
        deadline=hours.map(lambda after: OPENED + after * HOUR),
        attempts_left=st.integers(min_value=-1, max_value=9),
        funding=st.sampled_from(["debit", "credit", None]),
        country=st.sampled_from(["US", "DE", "IN", "ZZ", None]),
        not_before=st.none() | hours.map(lambda after: OPENED + after * HOUR),
        vetoes=st.lists(spans(), max_size=4).map(tuple),
    )


def everything(choice: Choice | None) -> list[Choice]:
    return [choice, *choice.alternatives] if choice else []


def fitted() -> Planner:
    """A planner for whom some hours are all that counts, so that rules and lessons pull apart."""
    dice, past = random.Random(2), []
    for number in range(250):
        at = OPENED - timedelta(hours=400 + 20 * number)
        attempts = [Attempt(at, paid=False, decline_code=CODES[number % 4])]
        for gap in (13, 50, 75):
            at += timedelta(hours=gap + dice.randint(0, 20))
            attempts.append(
                Attempt(at, paid=at.hour < 4, decline_code=None if at.hour < 4 else CODES[number % 4])
            )
            if attempts[-1].paid:
                break
        case = replace(one_failure("odd"), id=f"past_{number}", country="DE", attempts=tuple(attempts))
        past.append(replace(case, deadline=at + 5 * HOUR, customer=f"cus_{number % 30}"))
    return Planner.fit(past, now=OPENED)


def hold(planner: Planner, case: Case, now: datetime) -> None:
    choice = planner.choose(case, now=now)
    if case.attempts_left <= 0 or case.deadline <= now:
        assert choice is None
    for found in everything(choice):
        assert now <= found.at < case.deadline
        assert case.not_before is None or found.at >= case.not_before
        assert not any(start <= found.at < end for start, end in case.vetoes)
        assert found.at - case.attempts[-1].at >= HOUR
        assert 0 <= found.probability <= 1
        assert 0 <= found.propensity <= 1
        assert found.reason.endswith(".")


@settings(max_examples=250, derandomize=True, deadline=None)
@given(case=cases(), wait=st.integers(min_value=0, max_value=300))
def test_no_rule_is_ever_broken(case: Case, wait: int) -> None:
    hold(PLANNER, case, OPENED + wait * HOUR)


def test_no_rule_is_broken_for_a_lesson_either() -> None:
    planner = fitted()

    @settings(max_examples=150, derandomize=True, deadline=None)
    @given(
        case=cases(), wait=st.integers(min_value=0, max_value=300), customer=st.sampled_from(["cus_1", None])
    )
    def holds(case: Case, wait: int, customer: str | None) -> None:
        hold(planner, replace(case, customer=customer), OPENED + wait * HOUR)

    holds()


@pytest.mark.parametrize("code", sorted(TABLE))
@pytest.mark.parametrize("brand", ["visa", "mastercard", None])
def test_every_code_that_stops_a_card_stops_the_planner(code: str, brand: str | None) -> None:
    case = one_failure(code, brand=brand)
    choice = PLANNER.choose(case, now=OPENED)
    stopped = classify(Decline(code=code)) in {
        DeclineClass.HARD,
        DeclineClass.FRAUD,
        DeclineClass.NEEDS_AUTHENTICATION,
    }
    assert (choice is None) == (stopped or TABLE[code].retries == 0)


def one_failure(code: str | None, brand: str | None = "mastercard", **advice: str) -> Case:
    return Case(
        id="in_1",
        amount=100,
        currency="usd",
        attempts=(replace(Attempt(OPENED, paid=False, decline_code=code), **advice),),
        deadline=OPENED + timedelta(days=14),
        attempts_left=8,
        brand=brand,
        funding="debit",
        country="US",
    )


@pytest.mark.parametrize(
    ("advice", "waits"), [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("30", 240)]
)
def test_mastercards_delay_is_kept(advice: str, waits: int) -> None:
    choice = PLANNER.choose(one_failure("insufficient_funds", network_advice_code=advice), now=OPENED)
    assert choice is not None
    assert choice.at >= OPENED + waits * HOUR


def test_another_networks_code_of_the_same_digits_is_no_delay() -> None:
    case = one_failure("insufficient_funds", brand="visa", network_advice_code="30")
    choice = PLANNER.choose(case, now=OPENED)
    assert choice is not None
    assert choice.at < OPENED + 240 * HOUR


@pytest.mark.parametrize(
    "advice",
    [{"network_advice_code": "03"}, {"network_advice_code": "21"}, {"advice_code": "do_not_try_again"}],
)
def test_a_stop_on_any_earlier_try_still_stops_the_card(advice: dict[str, str]) -> None:
    case = one_failure("insufficient_funds", **advice)
    later = Attempt(OPENED + 20 * HOUR, paid=False, decline_code="insufficient_funds")
    case = replace(case, attempts=(*case.attempts, later))
    assert PLANNER.choose(case, now=OPENED + 20 * HOUR) is None


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("expired_card", {}),
        ("do_not_honor", {"advice_code": "confirm_card_data"}),
        ("do_not_honor", {"network_advice_code": "01"}),
    ],
)
def test_a_card_to_be_replaced_gets_one_late_try(code: str, advice: dict[str, str]) -> None:
    case = one_failure(code, **advice)
    choice = PLANNER.choose(case, now=OPENED)
    assert choice is not None
    assert choice.at > OPENED + timedelta(days=7)
    again = replace(case.attempts[0], at=choice.at)
    assert PLANNER.choose(replace(case, attempts=(*case.attempts, again)), now=choice.at) is None


def test_a_card_is_not_tried_three_times_in_a_day() -> None:
    case = one_failure("processing_error")
    for _ in range(4):
        now = case.attempts[-1].at
        choice = PLANNER.choose(case, now=now)
        assert choice is not None
        next_try = Attempt(choice.at, paid=False, decline_code="processing_error")
        case = replace(case, attempts=(*case.attempts, next_try))
    times = [attempt.at for attempt in case.attempts]
    assert all(late - early >= timedelta(days=1) for early, late in zip(times, times[2:], strict=False))
