from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from dunning.timing import Attempt, Case, Planner

OPENED = datetime(2026, 3, 3, 14, tzinfo=UTC)
NOW = datetime(2027, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def case(number: int = 1, at: datetime = OPENED, **changes: object) -> Case:
    base = Case(
        id=f"in_{number}",
        amount=2900,
        currency="usd",
        attempts=(Attempt(at, paid=False, decline_code="insufficient_funds"),),
        deadline=at + 14 * DAY,
        attempts_left=4,
        brand="visa",
        funding="debit",
        country="US",
        timezone="America/Chicago",
    )
    return replace(base, **changes)


def tried(told: Case, *answers: tuple[timedelta, bool]) -> Case:
    code, at = told.attempts[0].decline_code, told.attempts[0].at
    tries = (Attempt(at + after, paid, None if paid else code) for after, paid in answers)
    return replace(told, attempts=(*told.attempts, *tries))


FAILURES = [tried(case(n, OPENED + n * HOUR), *((d * DAY, False) for d in (1, 3, 5, 7))) for n in range(60)]
HISTORIES = {
    "one that paid": [tried(case(), (DAY, True))],
    "one that failed": [tried(case(), (DAY, False))],
    "only failures": FAILURES,
    "only payments": [tried(case(n, OPENED + n * HOUR), (2 * DAY, True)) for n in range(60)],
    "never tried again": [case(n) for n in range(5)],
    "no attempts at all": [replace(case(), attempts=())],
    "the same case twice": [FAILURES[0], FAILURES[0]],
    "strange marks": [
        replace(
            FAILURES[0], country="??", funding="gold", brand="", currency="", amount=-(10**15), timezone="x"
        )
    ],
    "all in one second": [tried(case(), (0 * DAY, False), (0 * DAY, False), (0 * DAY, True))],
    "forty years long": [
        tried(case(), (40 * 365 * DAY, False)),
        tried(case(2, OPENED - 50 * 365 * DAY), (DAY, True)),
    ],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_any_history_gives_a_planner_that_chooses(name: str) -> None:
    planner = Planner.fit(HISTORIES[name], now=NOW)
    choice = planner.choose(case(99), now=OPENED)
    assert choice is not None
    assert OPENED <= choice.at < OPENED + 14 * DAY
    assert 0 < choice.probability < 1
    assert Planner.loads(planner.dumps()).choose(case(99), now=OPENED) == choice


def test_a_history_of_failures_only_expects_little() -> None:
    choice = Planner.fit(FAILURES, now=NOW).choose(case(99), now=OPENED)
    assert choice is not None
    assert choice.probability < 0.2


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 0},
        {"amount": 10**30},
        {"amount": -5},
        {"deadline": datetime(9999, 12, 31, tzinfo=UTC)},
        {"attempts_left": 10**9},
        {"country": "no such country", "timezone": None},
        {"vetoes": ((OPENED + DAY, OPENED - DAY),)},
        {"id": ""},
    ],
)
def test_odd_facts_of_a_case_are_borne(changes: dict[str, object]) -> None:
    choice = Planner.fit([], now=NOW).choose(case(**changes), now=OPENED)
    assert choice is not None
    assert choice.at >= OPENED


@pytest.mark.parametrize(
    "opened",
    [
        datetime(2028, 2, 20, 7, tzinfo=UTC),
        datetime(2026, 10, 20, 5, tzinfo=UTC),
        datetime(1971, 1, 2, tzinfo=UTC),
    ],
)
def test_leap_days_and_changes_of_the_clock_are_ordinary(opened: datetime) -> None:
    found = case(at=opened)
    choice = Planner.fit(FAILURES, now=NOW).choose(found, now=opened)
    assert choice is not None
    assert opened <= choice.at < found.deadline


def recovered(
    choose: Callable[[Case, datetime], list[datetime]], opens: Callable[[Case, datetime], bool]
) -> float:
    dice = np.random.default_rng(8)
    cases = [case(n, OPENED + int(hour) * HOUR) for n, hour in enumerate(dice.integers(0, 2000, 60))]
    return sum(any(opens(each, at) for at in choose(each, each.attempts[0].at)) for each in cases) / len(
        cases
    )


def evening(told: Case, at: datetime) -> bool:
    """Money comes on a Tuesday or Wednesday at 18:00 UTC, which the case decides, and is gone at midnight."""
    return at.weekday() == 1 + len(told.id) % 2 and at.hour >= 18


def test_paydays_that_no_prior_expects_are_found() -> None:
    dice = np.random.default_rng(2)
    past = []
    for number in range(500):
        told = case(number, OPENED - int(dice.integers(500, 9000)) * HOUR, timezone="UTC")
        for hours in np.sort(dice.choice(np.arange(12, 330), 6, replace=False)):
            at = told.attempts[0].at + int(hours) * HOUR
            told = tried_at(told, at, paid=evening(told, at))
            if told.attempts[-1].paid:
                break
        past.append(told)
    planner = Planner.fit(past, now=OPENED)

    def planned(asked: Case, now: datetime) -> list[datetime]:
        found: list[datetime] = []
        asked = replace(asked, timezone="UTC")
        while (choice := planner.choose(asked, now=now)) is not None:
            found, now = [*found, choice.at], choice.at
            asked = tried_at(asked, choice.at, paid=False)
        return found

    def even(asked: Case, now: datetime) -> list[datetime]:
        return [now + timedelta(hours=80) * step for step in (1, 2, 3, 4)]

    assert recovered(planned, evening) > recovered(even, evening) + 0.3


def tried_at(told: Case, at: datetime, *, paid: bool) -> Case:
    attempt = Attempt(at, paid, None if paid else told.attempts[0].decline_code)
    return replace(told, attempts=(*told.attempts, attempt), attempts_left=told.attempts_left - 1)
