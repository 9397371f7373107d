"""Who left, why, and the three usual rates of it."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

from dunning.core.churn import Life, churn

MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


def life(
    name: str, customer: str = "", *, ended: int | None = None, why: str | None = None, **more: int
) -> Life:
    ends = None if ended is None else MAY + timedelta(days=ended)
    began = MAY - timedelta(days=more.get("age", 400))
    return Life(name, customer or name, "usd", more.get("monthly", 1000), began, ends, why)


def test_lost_customers_are_told_apart_by_why_their_last_subscription_ended() -> None:
    lives = [
        life("a"),
        life("b", ended=10, why="payment_failed", monthly=3000),
        life("c", ended=12, why="cancellation_requested"),
        life("d", ended=14),
        life("new", age=-3),
    ]
    found = churn(lives, MAY, JUNE)
    heads, money = found["customers"], found["usd"]
    assert (heads.start, heads.end, heads.involuntary, heads.voluntary) == (4, 2, 1, 2)
    assert heads.simple(heads.lost) == Fraction(3, 4)
    assert heads.adjusted(heads.lost) == Fraction(3, 3)
    assert (money.start, money.involuntary, money.voluntary) == (6000, 3000, 2000)
    assert money.simple(money.involuntary) == Fraction(1, 2)


def test_a_customer_who_keeps_another_subscription_has_not_left() -> None:
    found = churn([life("a", "cus", ended=5, why="payment_failed"), life("b", "cus")], MAY, JUNE)
    assert (found["customers"].lost, found["usd"].lost) == (0, 1000)


def test_the_predictive_rate_weighs_customers_by_how_long_they_stayed() -> None:
    past = [life(f"short{n}", ended=-380 + n, why="payment_failed") for n in range(8)]
    young = [life(f"young{n}", age=10) for n in range(5)]
    old = [life(f"old{n}", age=400) for n in range(5)]
    of_young = churn([*past, *old, *young], MAY, JUNE)["customers"].predictive
    of_old = churn([*past, *old], MAY, JUNE)["customers"].predictive
    assert of_young is not None
    assert of_old is not None
    assert of_young > of_old


def test_nobody_is_no_rate() -> None:
    assert churn([], MAY, JUNE) == {}
