"""Rows of an export: each quirk is read, or refused with a sentence that names the cell."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dunning.core.charge_rows import EXAMPLE, OWN, BadHeader, BadRow, layout_of, read_row
from dunning.core.declines import DeclineClass
from dunning.core.history import PastCharge

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GOOD = dict(zip(OWN, EXAMPLE[1], strict=True))


def read(how: dict[str, Any] | None = None, **cells: str) -> PastCharge | None:
    row = {**GOOD, **cells}
    return read_row(layout_of(list(row), **(how or {})), list(row.values()), NOW)


def sure(how: dict[str, Any] | None = None, **cells: str) -> PastCharge:
    found = read(how, **cells)
    assert found is not None
    return found


def test_the_example_is_read_as_it_says() -> None:
    charges = [read_row(layout_of(EXAMPLE[0]), row, NOW) for row in EXAMPLE[1:]]
    failed, paid = charges
    assert failed is not None
    assert paid is not None
    assert (failed.paid, failed.amount, failed.invoice) == (False, 2900, "in_1")
    assert failed.failure.decline_class() is DeclineClass.SOFT_FUNDS
    assert (paid.paid, paid.at - failed.at) == (True, timedelta(days=3))


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("29.00", "usd", 2900),
        ("29", "USD", 2900),
        ("29.5", "eur", 2950),
        ("2900", "jpy", 2900),
        ("2900.00", "jpy", 2900),
        ("1.234", "kwd", 1234),
        ("0", "usd", 0),
        ("10", "isk", 1000),  # two decimals in Stripe's table
    ],
)
def test_amounts_follow_stripes_table_of_decimals(amount: str, currency: str, minor: int) -> None:
    assert sure(amount=amount, currency=currency).amount == minor
    assert sure(amount="", amount_minor=str(minor), currency=currency).amount == minor


@pytest.mark.parametrize(
    ("cells", "named"),
    [
        ({"id": ""}, "id is empty"),
        ({"amount": "29.005"}, "2 decimal places"),
        ({"amount": "29.5", "currency": "jpy"}, "no decimal places"),
        ({"amount": "1,234.00"}, "thousands"),
        ({"amount": "29,00"}, "thousands"),
        ({"amount": "-29"}, "sum of USD"),
        ({"amount": "1e3"}, "number"),
        ({"amount": "NaN"}, "number"),
        ({"amount": ""}, "number"),
        ({"amount": "9" * 40}, "sum of USD"),
        ({"amount_minor": "29.5"}, "sum of USD"),
        ({"currency": "dollars"}, "three letters"),
        ({"currency": "us1"}, "three letters"),
        ({"at": "2026-01-05 09:00"}, "--timezone"),
        ({"at": "05/01/2026"}, "no date"),
        ({"at": "45000.5"}, "no date"),
        ({"at": ""}, "no date"),
        ({"at": "2099-01-01T00:00:00Z"}, "future"),
        ({"at": "1970-01-01T00:00:00Z"}, "before 2000"),
        ({"status": "maybe"}, "'maybe' is unknown"),
        ({"country": "USA"}, "two letters"),
        ({"customer": "c" * 300}, "255"),
        ({"fingerprint": "a\x00b"}, "zero byte"),
    ],
)
def test_a_cell_that_cannot_be_meant_is_named(cells: dict[str, str], named: str) -> None:
    with pytest.raises(BadRow) as refused:
        read(**cells)
    assert named in str(refused.value)


def test_a_row_of_another_width_is_refused() -> None:
    layout = layout_of(OWN)
    for row in (EXAMPLE[1][:-1], (*EXAMPLE[1], "")):
        with pytest.raises(BadRow, match="cells"):
            read_row(layout, row, NOW)


def test_decimal_commas_are_read_where_the_file_is_of_such_a_country() -> None:
    assert sure({"decimal_comma": True}, amount="29,50").amount == 2950


def test_times_without_a_zone_are_of_the_one_that_is_told() -> None:
    told = sure({"zone": ZoneInfo("Europe/Paris")}, at="2026-01-05 09:00")
    assert told.at == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert sure(at="2026-01-05T09:00:00+01:00").at == told.at


@pytest.mark.parametrize("status", ["Paid", "succeeded", "Refunded", "Partially refunded"])
def test_money_that_came_counts_as_paid_whatever_became_of_it(status: str) -> None:
    assert sure(status=status).paid


@pytest.mark.parametrize("cells", [{"status": "pending"}, {"status": "canceled"}, {"invoice": ""}])
def test_what_has_no_outcome_or_no_invoice_is_left_out(cells: dict[str, str]) -> None:
    assert read(**cells) is None


def test_a_blocked_charge_never_reached_the_network() -> None:
    assert sure(status="blocked").decline.network_status == "not_sent_to_network"


def test_a_refusal_without_a_code_is_no_missing_card() -> None:
    bare = dict.fromkeys(OWN[7:], "")
    assert sure(**bare).failure.decline_class() is not DeclineClass.NEEDS_CARD


DASHBOARD = (
    "id,Description,Seller Message,Created (UTC),Amount,Amount Refunded,Currency,Fee,Mode,Status,Customer ID,"
    "Captured,Card ID,Card Last4,Card Brand,Card Funding,Card Issue Country,Card Fingerprint,Invoice ID,"
    "PaymentIntent ID,Decline Reason"
).split(",")


def test_the_dashboards_own_export_is_understood() -> None:
    row = (
        "ch_1,Subscription,The bank said no,2026-01-05 09:00,29.00,0.00,usd,0,Live,Failed,cus_1,"
        "false,card_1,0341,American Express,Credit,US,fp1,in_1,pi_1,insufficient_funds"
    ).split(",")
    found = read_row(layout_of(DASHBOARD), row, NOW)
    assert found is not None
    assert (found.at, found.amount, found.invoice) == (datetime(2026, 1, 5, 9, tzinfo=UTC), 2900, "in_1")
    assert found.card is not None
    assert (found.card.brand, found.card.funding, found.card.id) == ("amex", "credit", "card_1")
    assert found.decline.code == "insufficient_funds"


@pytest.mark.parametrize(
    ("head", "named"),
    [
        ([name for name in OWN if name != "invoice"], "invoice"),
        ([name for name in OWN if name != "amount"], "amount"),
        ([name for name in OWN if name != "at"], "at"),
        ([*OWN, "ID"], "twice"),
        (["nothing", "known"], "id, invoice"),
    ],
)
def test_a_header_that_lacks_or_doubles_a_column_is_refused(head: list[str], named: str) -> None:
    with pytest.raises(BadHeader, match=named):
        layout_of(head)
