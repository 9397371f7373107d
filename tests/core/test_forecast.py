"""The forecast of open recoveries, and whether its interval holds what it promises."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dunning.core.forecast import NORMAL, Case, backtest, forecast

START = datetime(2026, 1, 1, tzinfo=UTC)
KINDS = {"soft_funds": 0.7, "soft_issuer": 0.45, "hard": 0.1}
DAY = timedelta(days=1)


def cases(seed: int, days: int, a_day: int, mood: float = 0.0) -> Iterator[Case]:
    """Yield finished recoveries; `mood` moves all chances of a week together, as outages do."""
    chance = random.Random(seed)
    for day in range(days):
        week = random.Random(f"{seed} {day // 7}").uniform(-mood, mood)
        for _ in range(a_day):
            kind = chance.choice(sorted(KINDS))
            paid = chance.random() < KINDS[kind] + week
            lasts = timedelta(days=chance.uniform(0.2, 14) if paid else 14)
            failed = START + day * DAY + timedelta(hours=chance.uniform(0, 24))
            amount = chance.choice((1900, 4900, 24900))
            yield Case(kind, "usd", amount, failed, failed + lasts, paid)


def test_nothing_is_foretold_of_nothing() -> None:
    assert forecast([], [], START, NORMAL) == {}
    assert backtest([], START).coverage is None


def test_without_a_past_the_interval_reaches_from_nothing_to_all() -> None:
    found = forecast([], [Case("hard", "usd", 5000, START)], START + DAY, NORMAL)["usd"]
    assert (found.at_risk, found.low, found.high, found.count) == (5000, 0, 5000, 1)
    assert found.expected == 2500


def test_the_chance_falls_with_age_and_differs_by_class() -> None:
    past = list(cases(1, 120, 12))
    now = START + 150 * DAY

    def expected(kind: str, age: int) -> int:
        return forecast(past, [Case(kind, "usd", 10_000, now - age * DAY)], now, NORMAL)["usd"].expected

    assert expected("soft_funds", 0) > expected("soft_issuer", 0) > expected("hard", 0)
    assert expected("soft_funds", 0) > expected("soft_funds", 7) > expected("soft_funds", 13)


def test_currencies_are_foretold_apart() -> None:
    past = list(cases(1, 60, 5))
    now = START + 90 * DAY
    open_now = [Case("hard", code, 100, now - DAY) for code in ("usd", "jpy")]
    assert set(forecast(past, open_now, now, NORMAL)) == {"usd", "jpy"}


def test_four_of_five_past_forecasts_held_whether_weeks_are_alike_or_moody() -> None:
    for mood in (0.0, 0.15):
        held = judged = 0
        for seed in range(8):
            found = backtest(list(cases(seed, 330, 6, mood)), START + 360 * DAY)
            held, judged = held + found.held, judged + found.forecasts
        assert judged > 130
        assert 0.74 <= held / judged <= 0.90, (mood, held / judged)


def test_moody_weeks_need_a_wider_interval() -> None:
    calm, moody = (
        sum(backtest(list(cases(seed, 330, 8, mood)), START + 360 * DAY).width for seed in range(6))
        for mood in (0.0, 0.25)
    )
    assert moody > calm
