"""The same objects in the three shapes that are in the wild: before basil, hybrid, and from basil on.

The world keeps every object as the newest version shows it. An older version gets the fields that basil took
away; since April 2025 Stripe sends it the new ones beside them (hybrid), before that it did not.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from dunning.sandbox.shapes import nulls
from dunning.sandbox.state import Obj, World

_BASIL = "2025-03-31"
_DATE = len(_BASIL)
_NEW = {
    "invoice": "parent amount_overpaid total_taxes payments confirmation_secret status_details",
    "line_item": "parent pricing taxes",
    "payment_intent": "payment_details",
    "subscription": "billing_mode billing_schedules managed_payments",
    "subscription_item": "current_period_start current_period_end current_trial",
}


class Shape(StrEnum):
    """Which set of fields an object carries."""

    OLD = "old"
    HYBRID = "hybrid"
    NEW = "new"


def shape_of(version: str | None, *, hybrid: bool) -> Shape:
    """Return the shape of an API version; `hybrid` says whether old ones carry the new fields as well."""
    if version is None or version[:_DATE] >= _BASIL:
        return Shape.NEW
    return Shape.HYBRID if hybrid else Shape.OLD


def rendered(world: World, value: Any, shape: Shape) -> Any:
    """Return a copy of an object, and of every object within, in this shape; the new one is as it is kept."""
    if shape is Shape.NEW:
        return value
    if isinstance(value, list):
        return [rendered(world, one, shape) for one in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("object")
    copy = {name: rendered(world, inside, shape) for name, inside in value.items()}
    if not isinstance(kind, str):
        return copy
    copy = older_fields(world, value) | copy
    if shape is Shape.OLD:
        for name in _NEW.get(kind, "").split():
            copy.pop(name, None)
    return copy


def older_fields(world: World, obj: Obj) -> Obj:
    """Return the fields of this object that basil took away."""
    older = _OLDER.get(str(obj.get("object")))
    return older(world, obj) if older else {}


def _invoice(world: World, invoice: Obj) -> Obj:
    payment = world.get(f"inpay{invoice['id'][2:]}")
    intent = world.get(payment["payment"]["payment_intent"]) if payment else None
    parent = (invoice.get("parent") or {}).get("subscription_details")
    return nulls("application_fee_amount discount quote tax transfer_data") | {
        "charge": intent and intent["latest_charge"],
        "paid": invoice["status"] == "paid",
        "paid_out_of_band": bool(invoice.get("amount_paid_off_stripe")),
        "payment_intent": intent and intent["id"],
        "subscription": parent and parent["subscription"],
        "subscription_details": {"metadata": parent["metadata"] if parent else None},
        "total_tax_amounts": [],
    }


def _line(world: World, line: Obj) -> Obj:
    details = (line["parent"] or {}).get("subscription_item_details")
    price = world.get(line["pricing"]["price_details"]["price"]) if line["pricing"] else None
    return {
        "plan": None,
        "price": price,
        "proration": False,
        "subscription_item": details and details["subscription_item"],
        "tax_amounts": [],
        "tax_rates": [],
        "type": "subscription" if details else "invoiceitem",
    }


def _intent(world: World, intent: Obj) -> Obj:  # noqa: ARG001 - one signature for every kind
    return {"invoice": intent["payment_details"]["order_reference"]}


def _charge(world: World, charge: Obj) -> Obj:
    intent = world.get(charge["payment_intent"])
    return {"invoice": intent and intent["payment_details"]["order_reference"]}


def _subscription(world: World, subscription: Obj) -> Obj:  # noqa: ARG001 - the same
    item = subscription["items"]["data"][0]
    return {
        "current_period_end": item["current_period_end"],
        "current_period_start": item["current_period_start"],
        "discount": None,
        "plan": item["plan"],
        "quantity": item["quantity"],
    }


_OLDER: dict[str, Callable[[World, Obj], Obj]] = {
    "invoice": _invoice,
    "line_item": _line,
    "payment_intent": _intent,
    "charge": _charge,
    "subscription": _subscription,
}
