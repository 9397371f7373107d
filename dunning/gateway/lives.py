"""Subscriptions as lives: who was a customer from when to when, for how much a month."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from dunning.core.billing import Whose
from dunning.core.churn import Life
from dunning.gateway.ask import Stripe
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.lists import Asked, Page, read_page
from dunning.gateway.shapes import instant

A_MONTH: Final = {"day": Fraction(365, 12), "week": Fraction(52, 12), "year": Fraction(1, 12)}


def subscriptions(stripe: Stripe, whose: Whose, asked: Asked) -> Page[Life]:
    """Return a page of all subscriptions, ended ones too; those that never began are left out.

    Raises:
        StripeError: the list could not be read.
    """
    return read_page(stripe, whose, "/v1/subscriptions", asked, read_life, status="all")


def read_life(raw: Mapping[str, Any]) -> Life | None:
    """Return a subscription's life, or None while it is incomplete, in trial or without a customer."""
    customer, started = object_id(raw.get("customer")), instant(raw.get("start_date") or raw.get("created"))
    if customer is None or started is None or raw.get("status") in {"incomplete", "incomplete_expired"}:
        return None
    return Life(
        id=str(raw["id"]),
        customer=customer,
        currency=str(raw.get("currency") or "").lower(),
        monthly=round(sum((_monthly(item) for item in dig(raw, "items", "data") or ()), Fraction(0))),
        started_at=started,
        ended_at=instant(raw.get("ended_at")),
        ended_for=dig(raw, "cancellation_details", "reason"),
    )


def _monthly(item: Mapping[str, Any]) -> Fraction:
    """Return what an item is billed a month, whatever its interval; metered ones tell no amount."""
    amount, rhythm = int(dig(item, "price", "unit_amount") or 0), dig(item, "price", "recurring") or {}
    every = A_MONTH.get(str(rhythm.get("interval")), Fraction(1)) / int(rhythm.get("interval_count") or 1)
    return amount * int(item.get("quantity") or 1) * every
