"""Coming renewals, read from Stripe's subscriptions: when each bills next, how much, and to which card.

Since 2025-03-31 the period stands on the items of a subscription, before that on the subscription itself.
Source: https://docs.stripe.com/changelog/basil/2025-03-31/deprecate-subscription-current-period-start-and-end
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dunning.core.billing import Card, Whose
from dunning.core.renewals import Renewal
from dunning.gateway.ask import Stripe
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import instant, read_card

PAGE: Final = 100
RENEWS: Final = frozenset({"active", "trialing"})
OF_A_LIST: Final = ("data.default_payment_method", "data.customer.invoice_settings.default_payment_method")
OF_ONE: Final = ("default_payment_method", "customer.invoice_settings.default_payment_method")


@dataclass(frozen=True, slots=True)
class RenewalPage:
    """One page of subscriptions that renew; `next_after` asks for the next one, None: it was the last."""

    renewals: tuple[Renewal, ...]
    next_after: str | None


def renewal_page(stripe: Stripe, whose: Whose, after: str | None = None) -> RenewalPage:
    """Return a page of the account's subscriptions, newest first, of which those that renew are read."""
    params: dict[str, Any] = {"limit": PAGE, "expand": list(OF_A_LIST)}
    params |= {"starting_after": after} if after else {}
    answer = stripe.read_list(whose, "/v1/subscriptions", params)
    data = answer["data"]
    found = tuple(one for raw in data if (one := read_renewal(raw)) is not None)
    return RenewalPage(found, str(data[-1]["id"]) if data and answer.get("has_more") else None)


def renewal(stripe: Stripe, whose: Whose, subscription_id: str) -> Renewal | None:
    """Return the next renewal of one subscription, or None when there is none to come.

    Raises:
        StripeError: as everywhere; Refused with status 404 for a subscription that Stripe does not know.
    """
    return read_renewal(
        stripe.read_list(whose, f"/v1/subscriptions/{subscription_id}", {"expand": list(OF_ONE)})
    )


def read_renewal(raw: Mapping[str, Any]) -> Renewal | None:
    """Return the next renewal of a subscription with its customer and cards expanded; None: none comes."""
    items = dig(raw, "items", "data") or ()
    ends = [instant(item.get("current_period_end")) for item in items] or [None]
    renews_at = min((end for end in ends if end is not None), default=instant(raw.get("current_period_end")))
    customer = object_id(raw.get("customer"))
    if raw.get("status") not in RENEWS or renews_at is None or customer is None:
        return None
    return Renewal(
        subscription=str(raw["id"]),
        customer=customer,
        renews_at=renews_at,
        currency=str(raw.get("currency") or "").lower(),
        amount=_amount(items),
        plan=_plan(items),
        card=_card(raw),
        bills_by_hand=raw.get("collection_method") == "send_invoice",
        ends_before=bool(
            raw.get("cancel_at_period_end") or raw.get("cancel_at") or raw.get("pause_collection")
        ),
    )


def _amount(items: Any) -> int | None:
    """Return the sum of the prices, before taxes, discounts and usage; None where one has no fixed amount."""
    prices = [(dig(item, "price", "unit_amount"), item.get("quantity")) for item in items]
    if not prices or any(amount is None for amount, _ in prices):
        return None
    return sum(int(amount) * int(1 if quantity is None else quantity) for amount, quantity in prices)


def _plan(items: Any) -> str | None:
    named = dig(items[0], "price", "nickname") if items else None
    return named if isinstance(named, str) else None


def _card(raw: Mapping[str, Any]) -> Card | None:
    """Return what would be charged: the subscription's own, else its customer's; a source has no date."""
    customer = raw.get("customer")
    own, theirs = (
        raw.get("default_payment_method"),
        dig(customer, "invoice_settings", "default_payment_method"),
    )
    for method, source in ((own, raw.get("default_source")), (theirs, dig(customer, "default_source"))):
        if isinstance(method, Mapping):
            return read_card(method)
        if object_id(source) is not None:
            return Card(str(object_id(source)), type="source", customer=object_id(customer))
    return None
