"""Customers, cards, prices and subscriptions in Stripe's shape (2026-10-28.endive)."""

from typing import Any

from dunning.sandbox.state import Obj, World


def nulls(names: str) -> Obj:
    """Return the named fields, all null: Stripe sends most fields even when they are empty."""
    return dict.fromkeys(names.split())


def listing(data: list[Any], url: str, *, has_more: bool = False) -> Obj:
    """Return a Stripe list object."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def address(country: str | None, state: str | None = None) -> Obj:
    """Return an address of which only the country (and perhaps the state) is known."""
    return nulls("city line1 line2 postal_code") | {"country": country, "state": state}


def customer(
    world: World,
    *,
    email: str,
    name: str,
    country: str,
    currency: str,
    locale: str = "en",
    state: str | None = None,
) -> Obj:
    """Return a new customer."""
    customer_id = world.new_id("cus")
    return nulls("default_source description discount phone shipping test_clock customer_account") | {
        "id": customer_id,
        "object": "customer",
        "address": address(country, state),
        "balance": 0,
        "created": world.stamp(),
        "currency": currency,
        "delinquent": False,
        "email": email,
        "invoice_prefix": customer_id[-8:].upper(),
        "invoice_settings": nulls("custom_fields default_payment_method footer rendering_options"),
        "livemode": world.livemode,
        "metadata": {},
        "name": name,
        "next_invoice_sequence": 1,
        "preferred_locales": [locale],
        "tax_exempt": "none",
    }


def card(
    world: World,
    owner: Obj,
    *,
    brand: str = "visa",
    funding: str = "credit",
    country: str = "US",
    last4: str = "4242",
    exp_year: int | None = None,
    exp_month: int = 8,
) -> Obj:
    """Return a new card payment method of this customer, with a fingerprint of its own."""
    pm_id = world.new_id("pm")
    year = exp_year or world.now().year + 3
    details = nulls("generated_from wallet") | {
        "brand": brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": "pass",
            "cvc_check": "pass",
        },
        "country": country,
        "display_brand": brand,
        "exp_month": exp_month,
        "exp_year": year,
        "fingerprint": "fp" + pm_id[-14:],
        "funding": funding,
        "last4": last4,
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
    }
    return {
        "id": pm_id,
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": billing_details(owner),
        "card": details,
        "created": world.stamp(),
        "customer": owner["id"],
        "customer_account": None,
        "livemode": world.livemode,
        "metadata": {},
        "type": "card",
    }


def debit(world: World, owner: Obj, kind: str) -> Obj:
    """Return a new bank-debit payment method of this customer, such as `sepa_debit`."""
    made = card(world, owner)
    fingerprint = made.pop("card")["fingerprint"]
    return made | {"type": kind, kind: {"fingerprint": fingerprint, "last4": "3000"}}


def billing_details(owner: Obj) -> Obj:
    """Return the billing details that a customer would type."""
    return {
        "address": owner["address"],
        "email": owner["email"],
        "name": owner["name"],
        "phone": None,
        "tax_id": None,
    }


def price(world: World, *, nickname: str, amount: int, currency: str) -> Obj:
    """Return a monthly price; `amount` is in minor units."""
    price_id = world.new_id("price")
    return nulls("custom_unit_amount lookup_key tiers_mode transform_quantity") | {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": world.stamp(),
        "currency": currency,
        "livemode": world.livemode,
        "metadata": {},
        "nickname": nickname,
        "product": "prod_" + price_id[-14:],
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "type": "recurring",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }


def plan(of: Obj) -> Obj:
    """Return the legacy plan that Stripe still renders beside a price."""
    return nulls("meter tiers_mode transform_usage trial_period_days") | {
        "id": of["id"],
        "object": "plan",
        "active": True,
        "amount": of["unit_amount"],
        "amount_decimal": of["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": of["created"],
        "currency": of["currency"],
        "interval": "month",
        "interval_count": 1,
        "livemode": of["livemode"],
        "metadata": {},
        "nickname": of["nickname"],
        "product": of["product"],
        "usage_type": "licensed",
    }


_SUBSCRIPTION_NULLS = nulls(
    "application application_fee_percent billing_thresholds cancel_at canceled_at customer_account "
    "days_until_due default_payment_method default_source description ended_at latest_invoice "
    "next_pending_invoice_item_invoice on_behalf_of pause_collection pending_invoice_item_interval "
    "pending_setup_intent pending_update schedule test_clock transfer_data trial_end trial_start "
    "billing_cycle_anchor_config"
)


def subscription(world: World, owner: Obj, of: Obj, *, start: int, period_end: int) -> Obj:
    """Return an active monthly subscription to one price; stamps are Unix seconds."""
    sub_id = world.new_id("sub")
    item: Obj = {
        "id": world.new_id("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": start,
        "current_period_end": period_end,
        "current_period_start": start,
        "current_trial": None,
        "discounts": [],
        "metadata": {},
        "plan": plan(of),
        "price": of,
        "quantity": 1,
        "subscription": sub_id,
        "tax_rates": [],
    }
    return _SUBSCRIPTION_NULLS | {
        "id": sub_id,
        "object": "subscription",
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": start,
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": nulls("comment feedback feedback_option reason"),
        "collection_method": "charge_automatically",
        "created": start,
        "currency": of["currency"],
        "customer": owner["id"],
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": nulls("account_tax_ids custom_fields description footer")
        | {"issuer": {"type": "self"}},
        "items": listing([item], f"/v1/subscription_items?subscription={sub_id}"),
        "livemode": world.livemode,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "payment_settings": nulls("payment_method_options payment_method_types save_default_payment_method"),
        "start_date": start,
        "status": "active",
        "trial_settings": {
            "end_behavior": {"missing_payment_method": "create_invoice", "billing_cycle_anchor": None}
        },
    }
