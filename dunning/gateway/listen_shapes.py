"""Where the three payload shapes keep the same fact (before basil, hybrid, from basil on).

Pure functions over plain JSON. Never branch on `api_version`: an endpoint pinned to an old version gets both
sets of fields, so the new place is read first and the old one is the fallback.
"""

from collections.abc import Mapping
from typing import Any


def dig(value: Any, *path: str) -> Any:
    """Return what lies at `path`, or None where it breaks off."""
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def object_id(value: Any) -> str | None:
    """Return the id of an expandable field: the id itself, or the object that carries it."""
    found = value.get("id") if isinstance(value, Mapping) else value
    return found if isinstance(found, str) and found else None


def subject(event: dict[str, Any]) -> dict[str, Any]:
    """Return the object that a snapshot shows; empty for a thin event, which shows none."""
    found = dig(event, "data", "object")
    return found if isinstance(found, dict) else {}


def invoice_of(event: dict[str, Any]) -> str | None:
    """Return the id of the invoice that an event is about.

    None when the payload does not say: an upcoming invoice has no id yet, and from basil on payment intents,
    charges and refunds no longer name theirs (`invoice_payment.*` does).
    """
    return _itself(event, "invoice") or _named(subject(event), "invoice")


def customer_of(event: dict[str, Any]) -> str | None:
    """Return the id of the customer that an event is about; of a detached card, its former customer."""
    former = object_id(dig(event, "data", "previous_attributes", "customer"))
    return _itself(event, "customer") or _named(subject(event), "customer") or former


def subscription_of(invoice: Mapping[str, Any]) -> str | None:
    """Return the id of the subscription that an invoice bills; None for a one-off invoice."""
    parent = object_id(dig(invoice, "parent", "subscription_details", "subscription"))
    return parent or object_id(invoice.get("subscription"))


def _itself(event: dict[str, Any], kind: str) -> str | None:
    """Return the id of the event's own object if it is of this kind."""
    if dig(subject(event), "object") == kind:
        return object_id(subject(event))
    if dig(event, "related_object", "type") == kind:
        return object_id(dig(event, "related_object"))
    return None


def _named(shown: dict[str, Any], field: str) -> str | None:
    """Return the id in a field of the object, or of the payment that came expanded inside it."""
    carriers = (shown, shown.get("charge"), shown.get("payment_intent"))
    return next((found for carrier in carriers if (found := object_id(dig(carrier, field)))), None)
