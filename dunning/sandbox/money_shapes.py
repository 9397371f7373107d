"""Refunds, disputes, credit notes, warnings and balance transactions in Stripe's shape."""

from dunning.sandbox.shapes import nulls
from dunning.sandbox.state import Obj, World

_EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name customer_purchase_ip "
    "customer_signature duplicate_charge_documentation duplicate_charge_explanation duplicate_charge_id "
    "product_description receipt refund_policy refund_policy_disclosure refund_refusal_explanation "
    "service_date service_documentation shipping_address shipping_carrier shipping_date "
    "shipping_documentation shipping_tracking_number uncategorized_file uncategorized_text"
)


def refund(world: World, charge: Obj, amount: int, reason: str | None) -> Obj:
    """Return a refund of `amount` minor units of one charge."""
    return nulls("receipt_number source_transfer_reversal transfer_reversal customer_account") | {
        "id": world.new_id("re"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.stamp(),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "status": "succeeded",
    }


def dispute(world: World, charge: Obj, reason: str, amount: int) -> Obj:
    """Return a dispute over `amount` minor units of a charge; of bank debits Stripe tells no network."""
    now = world.stamp()
    return _network(charge) | {
        "id": world.new_id("du"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": nulls(_EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": now + 14 * 86400,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": world.livemode,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "status": "needs_response",
    }


def _network(charge: Obj) -> Obj:
    card = charge["payment_method_details"].get("card")
    if card is None:
        return {}
    told = {"case_type": "chargeback", "network_reason_code": "13.2"}
    told |= {"brand": card["brand"], "network": card["brand"]}
    return {"payment_method_details": {"card": told, "type": "card"}}


def fraud_warning(world: World, charge: Obj) -> Obj:
    """Return an early fraud warning about a charge."""
    return {
        "id": world.new_id("issfr"),
        "object": "radar.early_fraud_warning",
        "actionable": True,
        "charge": charge["id"],
        "created": world.stamp(),
        "fraud_type": "made_with_stolen_card",
        "livemode": world.livemode,
        "payment_intent": charge["payment_intent"],
    }


def credit_note(world: World, invoice: Obj, amount: int, reason: str | None) -> Obj:
    """Return a credit note over `amount` minor units; before payment it lowers what is due."""
    note_id = world.new_id("cn")
    open_invoice = invoice["status"] == "open"
    return nulls("customer_account customer_balance_transaction memo out_of_band_amount voided_at") | {
        "id": note_id,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": world.stamp(),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": world.stamp(),
        "invoice": invoice["id"],
        "livemode": world.livemode,
        "metadata": {},
        "number": f"{invoice['number']}-CN-{note_id[-4:].upper()}",
        "pdf": f"{invoice['hosted_invoice_url']}/credit",
        "post_payment_amount": 0 if open_invoice else amount,
        "pre_payment_amount": amount if open_invoice else 0,
        "reason": reason,
        "refunds": [],
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "total_taxes": [],
        "type": "pre_payment" if open_invoice else "post_payment",
    }


def balance_transaction(world: World, kind: str, source: Obj, amount: int) -> Obj:
    """Return what one movement did to the merchant's balance: `amount` less Stripe's fee."""
    now = world.stamp()
    fee = _fee(kind, amount)
    told = {"amount": fee, "application": None, "currency": source["currency"], "type": "stripe_fee"}
    return nulls("description exchange_rate") | {
        "id": world.new_id("txn"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": now,
        "balance_type": "payments",
        "created": now,
        "currency": source["currency"],
        "fee": fee,
        "fee_details": [told | {"description": "Stripe processing fees"}] if fee else [],
        "net": amount - fee,
        "reporting_category": kind,
        "source": source["id"],
        "status": "available",
        "type": {"dispute": "adjustment", "dispute_reversal": "adjustment"}.get(kind, kind),
    }


def _fee(kind: str, amount: int) -> int:
    """Return what Stripe takes, in minor units: 2.9 % and 30 of a charge, 1500 of a dispute, else nothing."""
    if kind == "charge":
        return (amount * 29 + 500) // 1000 + 30
    return 1500 if kind == "dispute" else 0
