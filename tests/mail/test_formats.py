"""Money and dates as a customer reads them."""

from datetime import date

import pytest

from dunning.core.money import Money
from dunning.mail.formats import formats_for, plain


@pytest.mark.parametrize(
    ("locale", "amount", "shown"),
    [
        ("en", Money(4900, "usd"), "$49.00"),
        ("en-GB", Money(123456, "gbp"), "£1,234.56"),
        ("en", Money(4900, "jpy"), "¥4,900"),
        ("ja", Money(4900, "jpy"), "￥4,900"),
        ("en", Money(12345, "kwd"), "KWD\u00a012.345"),
        ("en", Money(500000, "isk"), "ISK\u00a05,000.00"),  # Stripe counts ISK in hundredths, CLDR in wholes
        ("fr", Money(123450, "eur"), "1\u202f234,50\u00a0€"),
        ("fr-CA", Money(123450, "cad"), "1\u00a0234,50\u00a0$"),
        ("it", Money(-5, "eur"), "-0,05\u00a0€"),
        ("nonsense!", Money(1, "usd"), "$0.01"),
    ],
)
def test_money_has_the_decimals_that_stripe_counts_in(locale: str, amount: Money, shown: str) -> None:
    assert formats_for(locale).show(amount) == shown


def test_one_amount_leaves_the_next_one_its_own_decimals() -> None:
    formats = formats_for("en")
    formats.show(Money(1, "kwd"))
    assert formats.show(Money(100, "usd")) == "$1.00"


@pytest.mark.parametrize(
    ("locale", "width", "shown"),
    [
        ("en", "long", "November 3, 2026"),
        ("en-GB", "long", "3 November 2026"),
        ("de", "medium", "03.11.2026"),
        ("it", "nonsense", "3 novembre 2026"),
    ],
)
def test_dates_are_written_out_in_the_locale(locale: str, width: str, shown: str) -> None:
    assert formats_for(locale).show(date(2026, 11, 3), width=width) == shown


def test_plain_text_is_one_line_without_controls_or_direction_marks() -> None:
    assert plain(" a\r\nBcc: x\u2028y\u202ez\x00\t\ue0000\ue001 ") == "a Bcc: x y z 0"


def test_long_values_are_cut_visibly() -> None:
    assert plain("x" * 600) == "x" * 499 + "…"
