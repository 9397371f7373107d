from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.core.declines import Decline
from dunning.core.network_rules import (
    BUDGETS,
    Budget,
    beyond_budget,
    budgets,
    earliest_after,
    next_free,
    stops_card,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("code", "hours"),
    [("02", 72), ("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)],
)
def test_mastercards_delays_are_literal(code: str, hours: int) -> None:
    decline = Decline(code="insufficient_funds", network_advice_code=code, brand="mastercard")
    assert earliest_after(decline, NOW) == NOW + hours * HOUR
    assert not stops_card(decline)


@pytest.mark.parametrize("code", [None, "", "00", "03", "31"])
def test_other_advice_is_no_delay(code: str | None) -> None:
    assert earliest_after(Decline(network_advice_code=code, brand="mastercard"), NOW) is None


def test_other_networks_send_no_delays() -> None:
    assert earliest_after(Decline(network_advice_code="30", brand="visa"), NOW) is None


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        earliest_after(Decline(network_advice_code="24"), NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    "decline",
    [
        Decline(code="do_not_honor", network_advice_code="03", brand="mastercard"),
        Decline(code="do_not_honor", network_advice_code="21"),
        Decline(code="do_not_honor", advice_code="do_not_try_again", brand="visa"),
        Decline(code="lost_card"),
        Decline(code="stop_payment_order"),
        Decline(code="fraudulent"),
    ],
)
def test_stop_codes_stop_the_card(decline: Decline) -> None:
    assert stops_card(decline)


@pytest.mark.parametrize("code", ["insufficient_funds", "expired_card", "authentication_required", None])
def test_what_can_still_be_cured_does_not_stop_the_card(code: str | None) -> None:
    assert not stops_card(Decline(code=code))


@pytest.mark.parametrize(
    ("brand", "expected"),
    [
        ("visa", {(15, 720)}),
        ("mastercard", {(10, 24), (35, 720)}),
        ("amex", {(15, 720)}),
        ("discover", {(15, 720)}),
        (None, {(15, 720)}),
        ("unionpay", {(15, 720)}),
        ("us_bank_account", {(2, 960)}),
        ("sepa_debit", {(2, 720)}),
        ("bacs_debit", {(2, 720)}),
        ("au_becs_debit", {(2, 720)}),
        ("acss_debit", {(1, 720)}),
        ("nz_bank_account", {(1, 720)}),
    ],
)
def test_each_network_has_its_budget(brand: str | None, expected: set[tuple[int, int]]) -> None:
    assert {(b.limit, b.window // HOUR) for b in budgets(brand)} == expected


def test_the_sixteenth_visa_try_waits_for_the_first_to_leave_the_window() -> None:
    times = [NOW - day * timedelta(days=1) for day in range(15)]
    assert next_free("visa", times[:14], NOW) == NOW
    assert next_free("visa", times, NOW) == min(times) + timedelta(days=30)


def test_mastercards_day_and_month_both_bind() -> None:
    burst = [NOW - minute * timedelta(minutes=1) for minute in range(10)]
    assert next_free("mastercard", burst, NOW) == min(burst) + timedelta(hours=24)
    month = [NOW - (day + 2) * timedelta(hours=20) for day in range(35)]
    assert next_free("mastercard", month, NOW) == min(month) + timedelta(days=30)


def test_old_attempts_are_forgotten() -> None:
    times = [NOW - timedelta(days=31)] * 20
    assert next_free("visa", times, NOW) == NOW
    assert not beyond_budget("visa", times, NOW)


def test_a_try_is_beyond_a_budget_when_its_window_is_full() -> None:
    hourly = [NOW + timedelta(hours=number) for number in range(10)]
    assert not beyond_budget("mastercard", hourly[:9], hourly[9])
    assert beyond_budget("mastercard", hourly, NOW + timedelta(hours=23))
    assert not beyond_budget("mastercard", hourly, NOW + timedelta(hours=24))
    assert beyond_budget("acss_debit", [NOW], NOW + timedelta(days=29))
    assert not beyond_budget(None, [NOW] * 14, NOW)
    assert beyond_budget(None, [NOW] * 15, NOW)


def inside(budget: Budget, times: list[datetime]) -> bool:
    times = sorted(times)
    return all(
        late - early >= budget.window for early, late in zip(times, times[budget.limit :], strict=False)
    )


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    brand=st.sampled_from([*BUDGETS, "jcb"]),
    gaps=st.lists(st.integers(min_value=0, max_value=4000), max_size=60),
)
def test_following_next_free_never_breaks_a_budget(brand: str, gaps: list[int]) -> None:
    times: list[datetime] = []
    now = NOW
    for gap in gaps:
        now = next_free(brand, times, now + timedelta(minutes=gap))
        times.append(now)
    assert all(inside(budget, times) for budget in budgets(brand))
