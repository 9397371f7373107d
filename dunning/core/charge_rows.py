"""Rows of an export read as charges: our own layout, and that of Stripe's Dashboard where it is known.

| column | also called (Dashboard) | |
|---|---|---|
| `id` | | the charge's id, required |
| `invoice` | Invoice ID | rows without one are payments of no invoice, and are left out |
| `amount` | Amount | in major units, such as 29.00; or `amount_minor`, a whole number of minor units |
| `currency` | Currency | three letters |
| `at` | Created (UTC), Created date (UTC) | ISO 8601; with a zone, or in the zone that the import is told |
| `status` | Status | paid, failed, blocked; what has no outcome yet is left out |
| `customer`, `payment_intent`, `payment_method` | Customer ID, PaymentIntent ID, Card ID | |
| `decline_code` | Decline Reason | with `advice_code`, `network_advice_code`, `network_decline_code` |
| `brand`, `funding`, `country`, `fingerprint`, `last4` | Card Brand, Card Funding, … | |

Any other column is ignored.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Final

from dunning.core.billing import Card
from dunning.core.declines import Decline
from dunning.core.history import PastCharge
from dunning.core.money import exponent

OWN: Final = (
    "id",
    "invoice",
    "customer",
    "amount",
    "currency",
    "at",
    "status",
    "decline_code",
    "advice_code",
    "network_advice_code",
    "network_decline_code",
    "payment_intent",
    "payment_method",
    "brand",
    "funding",
    "country",
    "fingerprint",
    "last4",
)
EXAMPLE: Final = (
    OWN,
    (
        *("ch_1", "in_1", "cus_1", "29.00", "usd", "2026-01-05T09:00:00Z", "failed", "insufficient_funds"),
        *("try_again_later", "", "51", "pi_1", "pm_1", "visa", "debit", "US", "Xt5EWLLDS7FJjR1c", "4242"),
    ),
    (
        *("ch_2", "in_1", "cus_1", "29.00", "usd", "2026-01-08T09:00:00Z", "paid", ""),
        *("", "", "", "pi_1", "pm_1", "visa", "debit", "US", "Xt5EWLLDS7FJjR1c", "4242"),
    ),
)
_DASHBOARD: Final = {
    "invoice id": "invoice",
    "customer id": "customer",
    "created (utc)": "at_utc",
    "created date (utc)": "at_utc",
    "decline reason": "decline_code",
    "paymentintent id": "payment_intent",
    "payment intent id": "payment_intent",
    "card id": "payment_method",
    "card brand": "brand",
    "card type": "brand",  # in older exports
    "card funding": "funding",
    "card issue country": "country",
    "card fingerprint": "fingerprint",
    "card last4": "last4",
}
_KNOWN: Final = frozenset({*OWN, "amount_minor", "at_utc"})
_PAID: Final = frozenset(
    {"paid", "succeeded", "refunded", "partially refunded", "partial refund", "disputed"}
)
_FAILED: Final = frozenset({"failed", "declined", "blocked"})
_NO_OUTCOME: Final = frozenset(
    "pending processing canceled cancelled incomplete uncaptured requires_action requires_capture "
    "requires_confirmation requires_payment_method".split()
)
_BRANDS: Final = {"american express": "amex", "diners club": "diners", "union pay": "unionpay"}
_FIRST_YEAR: Final = 2000
_LONGEST: Final = 255
_MOST: Final = 10**15
_NUMBER: Final = re.compile(r"-?\d+([.,]\d+)?")


class BadHeader(ValueError):
    """The columns cannot be used; the message says which is missing or doubled."""


class BadRow(ValueError):
    """A row cannot be meant; the message says which cell and why."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column of a file holds what; `decimal_comma` in files of a country that writes 29,00."""

    places: Mapping[str, int]
    width: int
    decimal_comma: bool
    zone: tzinfo | None

    def cell(self, row: Sequence[str], name: str) -> str:
        """Return a cell by the name of its column; empty when there is no such column."""
        place = self.places.get(name)
        return row[place].strip() if place is not None else ""


def layout_of(head: Sequence[str], *, decimal_comma: bool = False, zone: tzinfo | None = None) -> Layout:
    """Return the layout that a header describes; `zone` is that of times which name none.

    Raises:
        BadHeader: a column is missing, or there twice.
    """
    places: dict[str, int] = {}
    for place, title in enumerate(head):
        plain = " ".join(title.strip().lower().split())
        name = _DASHBOARD.get(plain, plain.replace(" ", "_"))
        if name not in _KNOWN:
            continue
        if name in places:
            raise BadHeader(f"The column {title.strip()!r} is there twice: leave one of the two.")
        places[name] = place
    _check(places)
    return Layout(places, len(head), decimal_comma, zone)


def read_row(layout: Layout, row: Sequence[str], now: datetime) -> PastCharge | None:
    """Return the charge of a row, or None when it has no outcome or belongs to no invoice.

    Raises:
        BadRow: with a sentence that names the cell.
    """
    if len(row) != layout.width:
        raise BadRow(f"it has {len(row)} cells, and the header {layout.width}.")
    charge_id, status = _text(layout, row, "id"), layout.cell(row, "status").lower()
    if not charge_id:
        raise BadRow("id is empty.")
    if status not in _PAID | _FAILED | _NO_OUTCOME:
        raise BadRow(f"status {status!r} is unknown: write paid or failed.")
    invoice = _text(layout, row, "invoice")
    at, (amount, currency) = _instant(layout, row, now), _money(layout, row)
    card, decline = _card(layout, row), _decline(layout, row, status)
    if invoice is None or status in _NO_OUTCOME:
        return None
    return PastCharge(
        id=charge_id,
        at=at,
        amount=amount,
        currency=currency,
        paid=status in _PAID,
        payment_intent=_text(layout, row, "payment_intent"),
        invoice=invoice,
        customer=_text(layout, row, "customer"),
        decline=decline,
        card=card,
    )


def _check(places: Mapping[str, int]) -> None:
    missing = [name for name in ("id", "invoice", "currency", "status") if name not in places]
    missing += [] if {"amount", "amount_minor"} & places.keys() else ["amount"]
    missing += [] if {"at", "at_utc"} & places.keys() else ["at"]
    if missing:
        raise BadHeader(f"The first row names no column {', '.join(missing)}.")


def _text(layout: Layout, row: Sequence[str], name: str) -> str | None:
    found = layout.cell(row, name)
    if len(found) > _LONGEST or "\x00" in found:
        raise BadRow(f"{name} is longer than {_LONGEST} characters, or holds a zero byte.")
    return found or None


def _money(layout: Layout, row: Sequence[str]) -> tuple[int, str]:
    currency, minor = layout.cell(row, "currency").lower(), layout.cell(row, "amount_minor")
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise BadRow(f"currency {currency!r} is no code of three letters.")
    text = minor or layout.cell(row, "amount")
    if not _NUMBER.fullmatch(text) or ("," in text and not layout.decimal_comma):
        raise BadRow(f"amount {text!r} is not a number such as 29.00, without thousands separators.")
    try:
        amount = Decimal(text.replace(",", "."))
    except InvalidOperation:
        raise BadRow(f"amount {text!r} is not a number.") from None
    units = amount if minor else amount.scaleb(exponent(currency))
    if units != units.to_integral_value() or not 0 <= units < _MOST:
        raise BadRow(f"amount {text} is not a sum of {currency.upper()} with its {_places(currency)}.")
    return int(units), currency


def _places(currency: str) -> str:
    count = exponent(currency)
    return "no decimal places" if count == 0 else f"{count} decimal places"


def _instant(layout: Layout, row: Sequence[str], now: datetime) -> datetime:
    given, stated = layout.cell(row, "at_utc"), layout.cell(row, "at")
    try:
        found = datetime.fromisoformat(given or stated)
    except ValueError:
        raise BadRow(f"at {given or stated!r} is no date such as 2026-01-05T09:00:00Z.") from None
    zone = UTC if given else layout.zone
    if found.tzinfo is None and zone is None:
        raise BadRow(f"at {stated} names no zone: add one, or say which with --timezone.")
    aware = (found.replace(tzinfo=zone) if found.tzinfo is None else found).astimezone(UTC)
    if aware.year < _FIRST_YEAR or aware > now + timedelta(days=1):
        raise BadRow(f"at {given or stated} lies before {_FIRST_YEAR} or in the future.")
    return aware


def _decline(layout: Layout, row: Sequence[str], status: str) -> Decline:
    if status in _PAID:
        return Decline()
    blocked = status == "blocked"
    return Decline(
        code=_text(layout, row, "decline_code"),
        advice_code=_text(layout, row, "advice_code"),
        network_advice_code=_text(layout, row, "network_advice_code"),
        network_decline_code=_text(layout, row, "network_decline_code"),
        failure_code="card_declined",
        outcome_type="blocked" if blocked else None,
        network_status="not_sent_to_network" if blocked else None,
        brand=_brand(layout, row),
    )


def _card(layout: Layout, row: Sequence[str]) -> Card | None:
    country = layout.cell(row, "country").upper()
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise BadRow(f"country {country!r} is no code of two letters.")
    facts = {name: _text(layout, row, name) for name in ("fingerprint", "funding", "last4")}
    method, brand = _text(layout, row, "payment_method"), _brand(layout, row)
    if not any((method, brand, country, *facts.values())):
        return None
    funding = (facts["funding"] or "").lower() or None
    return Card(
        id=method or "",
        customer=_text(layout, row, "customer"),
        fingerprint=facts["fingerprint"],
        brand=brand,
        funding=funding,
        country=country or None,
        last4=facts["last4"],
    )


def _brand(layout: Layout, row: Sequence[str]) -> str | None:
    said = (_text(layout, row, "brand") or "").lower()
    return _BRANDS.get(said, said) or None
