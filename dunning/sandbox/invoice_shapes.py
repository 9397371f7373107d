"""Invoices, their payments, payment intents and charges in Stripe's shape (2026-10-28.endive)."""

from dunning.sandbox.debit_shapes import charge_details
from dunning.sandbox.declines import Verdict
from dunning.sandbox.shapes import listing, nulls
from dunning.sandbox.state import Obj, World

_INVOICE_NULLS = nulls(
    "account_tax_ids application automatically_finalizes_at custom_fields customer_account customer_phone "
    "customer_shipping default_payment_method default_source description due_date footer from_invoice "
    "last_finalization_error latest_revision next_payment_attempt on_behalf_of receipt_number shipping_cost "
    "shipping_details statement_descriptor test_clock webhooks_delivered_at"
)
_INTENT_NULLS = nulls(
    "allowed_payment_method_types application application_fee_amount automatic_payment_methods canceled_at "
    "cancellation_reason customer_account excluded_payment_method_types last_payment_error latest_charge "
    "managed_payments next_action on_behalf_of payment_method payment_method_configuration_details "
    "payment_record processing receipt_email review shipping source statement_descriptor "
    "statement_descriptor_suffix transfer_group"
)
_CHARGE_NULLS = nulls(
    "application application_fee application_fee_amount balance_transaction calculated_statement_descriptor "
    "failure_balance_transaction failure_code failure_message on_behalf_of receipt_email receipt_number "
    "receipt_url review shipping source source_transfer statement_descriptor statement_descriptor_suffix "
    "transfer_data transfer_group"
)


def invoice(
    world: World,
    owner: Obj,
    subscription: Obj | None,
    *,
    amount: int,
    currency: str,
    period: tuple[int, int],
    reason: str,
) -> Obj:
    """Return a freshly finalized invoice; `amount` in minor units, `period` in Unix seconds."""
    invoice_id = world.new_id("in")
    now = world.stamp()
    number = owner["next_invoice_sequence"]
    owner["next_invoice_sequence"] = number + 1
    url = f"{world.base_url}/invoice/{invoice_id}"
    lines = _lines(world, invoice_id, subscription, amount=amount, currency=currency, period=period)
    return _blank(amount) | {
        "id": invoice_id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Example Merchant",
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": nulls("disabled_reason liability provider status") | {"enabled": False},
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": now,
        "currency": currency,
        "customer": owner["id"],
        "customer_address": owner["address"],
        "customer_email": owner["email"],
        "customer_name": owner["name"],
        "customer_tax_exempt": "none",
        "effective_at": now,
        "hosted_invoice_url": url,
        "invoice_pdf": f"{url}/pdf",
        "issuer": {"type": "self"},
        "lines": lines,
        "livemode": world.livemode,
        "metadata": {},
        "number": f"{owner['invoice_prefix']}-{number:04d}",
        "parent": _parent(subscription),
        "payment_settings": nulls("default_mandate payment_method_options payment_method_types"),
        "period_end": period[0],
        "period_start": period[0],
        "rendering": nulls("amount_tax_display pdf template template_version"),
        "status": "open",
        "status_transitions": nulls("marked_uncollectible_at paid_at voided_at") | {"finalized_at": now},
    }


def _blank(amount: int) -> Obj:
    """Return the fields of a fresh invoice that are null, zero, empty, or simply its amount."""
    zero = (
        "amount_overpaid amount_paid amount_shipping attempt_count ending_balance starting_balance "
        "post_payment_credit_notes_amount pre_payment_credit_notes_amount"
    )
    empty = (
        "customer_tax_ids default_tax_rates discounts total_discount_amounts total_pretax_credit_amounts "
        "total_taxes"
    )
    total = "amount_due amount_remaining subtotal subtotal_excluding_tax total total_excluding_tax"
    return (
        _INVOICE_NULLS
        | dict.fromkeys(zero.split(), 0)
        | {name: [] for name in empty.split()}
        | dict.fromkeys(total.split(), amount)
    )


def _parent(subscription: Obj | None) -> Obj | None:
    if subscription is None:
        return None
    details = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}


def _lines(
    world: World,
    invoice_id: str,
    subscription: Obj | None,
    *,
    amount: int,
    currency: str,
    period: tuple[int, int],
) -> Obj:
    item = subscription["items"]["data"][0] if subscription else None
    price = item["price"] if item else None
    line: Obj = {
        "id": world.new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": f"1 × {price['nickname']}" if price else "One-off work",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": world.livemode,
        "metadata": {},
        "parent": _line_parent(item),
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": _pricing(price),
        "quantity": 1,
        "quantity_decimal": "1",
        "subscription": item["subscription"] if item else None,
        "subtotal": amount,
        "taxes": [],
    }
    return listing([line], f"/v1/invoices/{invoice_id}/lines") | {"total_count": 1}


def _pricing(price: Obj | None) -> Obj | None:
    if price is None:
        return None
    details = {"price": price["id"], "product": price["product"]}
    return {
        "price_details": details,
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _line_parent(item: Obj | None) -> Obj | None:
    if item is None:
        return None
    details = {
        "invoice_item": None,
        "proration": False,
        "proration_details": {"credited_items": None},
        "subscription": item["subscription"],
        "subscription_item": item["id"],
    }
    return {
        "invoice_item_details": None,
        "subscription_item_details": details,
        "type": "subscription_item_details",
    }


def payment_intent(world: World, of: Obj) -> Obj:
    """Return the default payment intent of an invoice."""
    intent_id = world.new_id("pi")
    return _INTENT_NULLS | {
        "id": intent_id,
        "object": "payment_intent",
        "amount": of["amount_due"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_sandbox",
        "confirmation_method": "automatic",
        "created": of["created"],
        "currency": of["currency"],
        "customer": of["customer"],
        "description": "Subscription update" if of["parent"] else None,
        "livemode": world.livemode,
        "metadata": {},
        "payment_details": {"customer_reference": None, "order_reference": of["id"]},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "setup_future_usage": "off_session",
        "status": "requires_payment_method",
    }


def invoice_payment(world: World, of: Obj, intent: Obj) -> Obj:
    """Return the default payment of an invoice, made when it is finalized."""
    return {
        "id": world.new_id("inpay"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": of["amount_due"],
        "created": of["created"],
        "currency": of["currency"],
        "invoice": of["id"],
        "is_default": True,
        "livemode": world.livemode,
        "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def charge(world: World, intent: Obj, pm: Obj, verdict: Verdict, mandate: str | None = None) -> Obj:
    """Return the charge of one attempt; `mandate` is the one of the bank account it debits."""
    card = pm["type"] == "card"
    method = {"type": "card", "card": _card_details(pm["card"])} if card else charge_details(pm, mandate)
    return (
        _CHARGE_NULLS
        | {
            "id": world.new_id("ch"),
            "object": "charge",
            "amount": intent["amount"],
            "amount_refunded": 0,
            "billing_details": pm["billing_details"],
            "created": world.stamp(),
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "fraud_details": {},
            "livemode": world.livemode,
            "metadata": {},
            "payment_intent": intent["id"],
            "payment_method": pm["id"],
            "payment_method_details": method,
            "refunded": False,
        }
        | answered(verdict, intent["amount"])
    )


def answered(verdict: Verdict, amount: int) -> Obj:
    """Return the fields of a charge that say what came of it; `amount` in minor units."""
    paid, failed = verdict.outcome == "paid", verdict.outcome == "declined"
    return {
        "amount_captured": amount if paid else 0,
        "captured": paid,
        "failure_code": verdict.code if failed else None,
        "failure_message": verdict.message if failed else None,
        "outcome": _outcome(verdict),
        "paid": paid,
        "status": {"paid": "succeeded", "declined": "failed"}.get(verdict.outcome, "pending"),
    }


def _outcome(verdict: Verdict) -> Obj:
    blocked = verdict.network_status == "not_sent_to_network"
    risky = verdict.outcome_reason == "highest_risk_level"
    kind = "blocked" if blocked else "issuer_declined"
    return {
        "advice_code": verdict.advice_code,
        "network_advice_code": verdict.network_advice_code,
        "network_decline_code": verdict.network_decline_code,
        "network_status": verdict.network_status,
        "reason": verdict.outcome_reason,
        "risk_level": "highest" if risky else "normal",
        "risk_score": 91 if risky else 12,
        "seller_message": verdict.message,
        "type": kind if verdict.outcome == "declined" else "authorized",
    }


def _card_details(card: Obj) -> Obj:
    copied = {
        name: card[name] for name in "brand country exp_month exp_year fingerprint funding last4".split()
    }
    empty = nulls(
        "amount_authorized authorization_code electronic_commerce_indicator installments mandate "
        "network_transaction_id three_d_secure transaction_link_id wallet"
    )
    return (
        empty
        | copied
        | {"checks": card["checks"], "network": card["brand"], "regulated_status": card["regulated_status"]}
    )
