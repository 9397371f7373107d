import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dunning.timing import Attempt, Case, Planner

START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = datetime(2027, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MADRID = ZoneInfo("Europe/Madrid")


def opened(number: int, at: datetime, code: str = "insufficient_funds", days: int = 14) -> Case:
    return Case(
        id=f"in_{number}",
        amount=1000,
        currency="eur",
        attempts=(Attempt(at, paid=False, decline_code=code),),
        deadline=at + days * DAY,
        attempts_left=4,
        brand="visa",
        funding="debit",
        country="ES",
        timezone="Europe/Madrid",
    )


def tried(case: Case, at: datetime, *, paid: bool) -> Case:
    code = None if paid else case.attempts[0].decline_code
    return replace(case, attempts=(*case.attempts, Attempt(at, paid, code)))


def history(size: int, pays: object, code: str = "insufficient_funds") -> list[Case]:
    """Failures all year, tried at random hours up to four times; `pays` is the world's law."""
    chance, cases = random.Random(5), []
    for number in range(size):
        at = START + chance.random() * 300 * DAY
        case = opened(number, at, code)
        for _ in range(4):
            at += timedelta(hours=chance.randint(14, 80))
            paid = pays(at.astimezone(MADRID), chance)
            case = tried(case, at, paid=paid)
            if paid:
                break
        cases.append(case)
    return cases


def test_where_only_nine_oclock_pays_the_planner_goes_there() -> None:
    planner = Planner.fit(history(900, lambda at, dice: at.hour == 9 and dice.random() < 0.8), now=NOW)
    hours = []
    for number in range(12):
        choice = planner.choose(opened(number, START + number * 9.3 * DAY), now=START + number * 9.3 * DAY)
        assert choice is not None
        hours.append(choice.at.astimezone(MADRID).hour)
    assert hours.count(9) >= 10


def test_where_only_mondays_pay_the_planner_goes_there() -> None:
    planner = Planner.fit(history(900, lambda at, dice: at.weekday() == 0 and dice.random() < 0.7), now=NOW)
    days = []
    for number in range(12):
        at = START + number * 9.3 * DAY
        choice = planner.choose(opened(number, at), now=at)
        assert choice is not None
        days.append(choice.at.astimezone(MADRID).weekday())
    assert days.count(0) >= 10


def test_where_month_end_pays_the_planner_waits_for_it() -> None:
    def pays(at: datetime, dice: random.Random) -> bool:
        return (at + 3 * DAY).month != at.month and dice.random() < 0.8

    planner = Planner.fit(history(900, pays), now=NOW)
    at = datetime(2026, 6, 20, 12, tzinfo=UTC)
    choice = planner.choose(opened(1, at), now=at)
    assert choice is not None
    assert choice.at.astimezone(MADRID).day >= 28


def test_classes_are_learned_apart() -> None:
    funds = history(500, lambda at, dice: at.hour >= 18 and dice.random() < 0.7)
    issuer = history(500, lambda at, dice: 6 <= at.hour < 12 and dice.random() < 0.7, "do_not_honor")
    planner = Planner.fit([*funds, *issuer], now=NOW)
    evening = planner.choose(replace(opened(1, START), attempts_left=1), now=START)
    morning = planner.choose(replace(opened(1, START, "do_not_honor"), attempts_left=1), now=START)
    assert evening is not None
    assert morning is not None
    assert evening.at.astimezone(MADRID).hour >= 18
    assert 6 <= morning.at.astimezone(MADRID).hour < 12


def test_the_chance_follows_what_happened() -> None:
    rich = Planner.fit(history(600, lambda _, dice: dice.random() < 0.6), now=NOW)
    poor = Planner.fit(history(600, lambda _, dice: dice.random() < 0.05), now=NOW)
    better, worse = rich.choose(opened(1, START), now=START), poor.choose(opened(1, START), now=START)
    assert better is not None
    assert worse is not None
    assert better.probability > 0.4
    assert worse.probability < 0.2


def test_the_reason_counts_our_own_retries() -> None:
    planner = Planner.fit(history(600, lambda at, dice: at.hour == 9 and dice.random() < 0.8), now=NOW)
    choice = planner.choose(opened(1, START), now=START)
    assert choice is not None
    assert "such retries at this time of day paid" in choice.reason


def test_the_future_is_not_learned_from() -> None:
    cases = history(200, lambda at, _: at.hour == 9)
    assert Planner.fit(cases, now=START).dumps() == Planner.fit([], now=START).dumps()


def test_the_order_of_history_does_not_matter() -> None:
    cases = history(120, lambda at, _: at.hour == 9)
    assert Planner.fit(cases, now=NOW).dumps() == Planner.fit(cases[::-1], now=NOW).dumps()


def test_a_customers_own_payday_is_remembered() -> None:
    friday = datetime(2026, 5, 1, 9, tzinfo=UTC)
    past = []
    for number in range(2):
        case = replace(opened(number, friday - (20 + 28 * number) * DAY), customer="cus_1")
        for day in range(1, 12):
            at = case.attempts[0].at + day * DAY
            case = tried(case, at, paid=at.weekday() == 4)
            if case.attempts[-1].paid:
                break
        past.append(case)
    planner = Planner.fit(past, now=friday)
    monday = friday + 3 * DAY
    last = replace(opened(9, monday), attempts_left=1)
    known = planner.choose(replace(last, customer="cus_1"), now=monday)
    stranger = planner.choose(replace(last, customer="cus_2"), now=monday)
    assert known is not None
    assert stranger is not None
    assert known.at.weekday() in {4, 5}
    assert known.probability > stranger.probability


def test_a_customers_unusual_payday_counts_more_than_what_everybody_elses_are() -> None:
    others = history(400, lambda at, dice: at.weekday() == 0 and dice.random() < 0.7)
    past = []
    for month in (2, 4, 5):
        case = replace(
            opened(month, datetime(2026, month, 5, 9, tzinfo=UTC)), id=f"own_{month}", customer="cus_1"
        )
        for day in (7, 9, 11):
            case = tried(case, datetime(2026, month, day, 12, tzinfo=UTC), paid=day == 11)
        past.append(case)
    now = datetime(2026, 9, 4, 9, tzinfo=UTC)
    planner = Planner.fit([*others, *past], now=now)
    choice = planner.choose(replace(opened(9, now), customer="cus_1", attempts_left=1), now=now)
    assert choice is not None
    assert choice.at.astimezone(MADRID).day in {11, 12}


def test_a_case_does_not_remember_itself() -> None:
    case = tried(replace(opened(1, START), customer="cus_1"), START + 2 * DAY, paid=False)
    planner = Planner.fit([case], now=START + 3 * DAY)
    anonymous = replace(case, customer=None)
    now = START + 3 * DAY
    assert planner.choose(case, now=now) == planner.choose(anonymous, now=now)


def test_a_planner_comes_back_from_bytes() -> None:
    cases = [
        replace(case, customer=f"cus_{n % 40}")
        for n, case in enumerate(history(150, lambda at, _: at.hour == 9))
    ]
    planner = Planner.fit(cases, now=NOW, seed=3)
    data = planner.dumps()
    again = Planner.loads(data)
    assert again.dumps() == data
    json.loads(data)
    for number in range(5):
        case = replace(opened(number, START), customer=f"cus_{number}")
        assert again.explain(case, now=START) == planner.explain(case, now=START)


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"format": "dunning-timing", "version": 99}', b"\x80\x04N."]
)
def test_bytes_that_are_no_planner_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Planner.loads(data)
