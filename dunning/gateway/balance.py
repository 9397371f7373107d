"""Stripe's balance transactions, page by page: what the ledger is proved against."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from dunning.core.balance import Line
from dunning.core.billing import Whose
from dunning.gateway.ask import Stripe
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.lists import Asked, Page, read_page
from dunning.gateway.shapes import instant


def balance_transactions(stripe: Stripe, whose: Whose, asked: Asked) -> Page[Line]:
    """Return a page of the balance transactions that come of a customer's payment; payouts are left out.

    Raises:
        StripeError: the list could not be read.
    """
    return read_page(stripe, whose, "/v1/balance_transactions", asked, read_line, expand=["data.source"])


def read_line(raw: Mapping[str, Any]) -> Line | None:
    """Return a balance transaction, or None when no charge is behind it."""
    source = raw.get("source")
    at = instant(raw.get("created"))
    if not isinstance(source, Mapping) or at is None:
        return None
    charge = source.get("id") if source.get("object") == "charge" else object_id(source.get("charge"))
    if charge is None:
        return None
    line = partial(
        Line,
        id=str(raw["id"]),
        kind=str(raw.get("type")),
        source_id=str(source["id"]),
        charge_id=str(charge),
        currency=str(raw["currency"]).lower(),
        amount=int(raw.get("amount") or 0),
        fee=int(raw.get("fee") or 0),
        net=int(raw.get("net") or 0),
        at=at,
    )
    paid = _paid(raw, source)
    return line(paid_currency=paid[0], paid_amount=paid[1])


def _paid(raw: Mapping[str, Any], source: Mapping[str, Any]) -> tuple[str, int]:
    """Return what the customer paid or got back; the object tells, where the balance has another currency."""
    amount = int(raw.get("amount") or 0)
    currency = str(dig(source, "currency") or raw["currency"]).lower()
    if currency == str(raw["currency"]).lower():
        return currency, amount
    own = int(dig(source, "amount") or 0)
    return currency, own if amount >= 0 else -own
