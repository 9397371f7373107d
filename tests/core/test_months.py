"""Months of the books: their days, what may be closed, what may be opened again."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from dunning.core.months import BadMonth, bounds, days_of, may_close, may_reopen, next_month

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(("month", "after"), [("2026-12", "2027-01"), ("2028-02", "2028-03")])
def test_a_month_is_followed_by_the_next(month: str, after: str) -> None:
    assert next_month(month) == after
    assert days_of(month) == (date.fromisoformat(f"{month}-01"), date.fromisoformat(f"{after}-01"))


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "26-01", "", "2026-01-01", "٢٠٢٦-٠١", "2026-00"])
def test_what_is_no_month_is_refused_in_words(month: str) -> None:
    with pytest.raises(BadMonth, match="is no month: write it as"):
        days_of(month)


def test_a_month_has_the_hours_that_the_clocks_of_its_zone_give_it() -> None:
    begins, ends = bounds("2026-03", BERLIN)  # one hour less: summer time begins
    assert (begins, ends) == (
        datetime(2026, 2, 28, 23, tzinfo=UTC),
        datetime(2026, 3, 31, 22, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("month", "closed", "why", "said"),
    [
        ("2026-03", ["2026-02"], "a refund came late", "is not closed"),
        ("2026-02", ["2026-02", "2026-03"], "a refund came late", "reopen 2026-03 first"),
        ("2026-03", ["2026-02", "2026-03"], "  ", "Say why"),
    ],
)
def test_a_month_is_opened_again_from_the_last_one_on_and_with_a_reason(
    month: str, closed: list[str], why: str, said: str
) -> None:
    with pytest.raises(BadMonth, match=said):
        may_reopen(month, closed, why)
    may_reopen(closed[-1], closed, "a refund came late")


def test_a_month_that_is_not_over_is_not_closed() -> None:
    now = datetime(2026, 3, 31, 21, 59, tzinfo=UTC)
    with pytest.raises(BadMonth):
        may_close("2026-03", ["2026-02"], now, BERLIN)
