from dataclasses import replace
from datetime import UTC, datetime, timedelta

from dunning.timing import Attempt, Case, Planner

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
NOW = datetime(2026, 12, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def told(number: int, *answers: bool, code: str = "insufficient_funds") -> Case:
    """A failure on a Monday at 09:00 in London, tried again at the same hour on the days after."""
    at = START + timedelta(days=7 * number, hours=9)
    tries = (Attempt(at + (day + 1) * DAY, paid, None if paid else code) for day, paid in enumerate(answers))
    first = Attempt(at, paid=False, decline_code=code)
    return Case(
        id=f"in_{number}",
        amount=1000,
        currency="gbp",
        attempts=(first, *tries),
        deadline=at + 14 * DAY,
        attempts_left=4,
        funding="debit",
        country="GB",
        timezone="UTC",
    )


PLANNER = Planner.fit([told(0, False, True), told(1, True), told(2, False, False)], now=NOW)


def curve(feature: str) -> dict[str, tuple[int, int]]:
    found = next(each for each in PLANNER.lessons() if each.feature == feature)
    return {point.label: (point.tries, point.paid) for point in found.points if point.tries}


def test_what_was_learned_counts_every_retry_in_the_customers_time() -> None:
    assert curve("hour") == {"09:00": (5, 2)}
    assert curve("weekday") == {"Tuesday": (3, 1), "Wednesday": (2, 1)}
    assert curve("month_day") == {"3": (1, 0), "4": (1, 1), "10": (1, 1), "17": (1, 0), "18": (1, 0)}
    assert curve("age") == {"24–48 h": (3, 1), "48–96 h": (2, 1)}


def test_a_thin_bin_is_drawn_to_its_class() -> None:
    weekday = next(each for each in PLANNER.lessons() if each.feature == "weekday")
    assert all(0.35 < point.rate < 0.45 for point in weekday.points)


def test_every_class_has_every_curve_the_most_tried_first() -> None:
    cases = [told(0, False), told(1, False, code="processing_error"), told(2, True)]
    found = [(each.family, each.feature) for each in Planner.fit(cases, now=NOW).lessons()]
    assert found[:4] == [("soft_funds", name) for name in ("hour", "weekday", "month_day", "age")]
    assert found[4:] == [("technical", name) for name in ("hour", "weekday", "month_day", "age")]


def test_without_history_nothing_was_learned() -> None:
    assert Planner.fit([], now=NOW).lessons() == ()


def test_what_was_learned_comes_back_from_bytes() -> None:
    assert Planner.loads(PLANNER.dumps()).lessons() == PLANNER.lessons()


def test_a_choice_shows_its_interval_and_the_counts_behind_it() -> None:
    many = Planner.fit([replace(told(n % 30, n % 3 == 0), id=f"in_{n}") for n in range(300)], now=NOW)
    case = told(40)
    now = case.attempts[0].at
    rich, poor = many.choose(case, now=now), Planner.fit([], now=NOW).choose(case, now=now)
    assert rich is not None
    assert poor is not None
    assert poor.counted == (0, 0)
    for choice in (rich, poor):
        assert choice.interval is not None
        assert choice.interval[0] < choice.probability < choice.interval[1]
