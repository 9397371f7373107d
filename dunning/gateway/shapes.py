"""Stripe's payloads read into core values, in any of the three shapes that are in the wild.

Endpoints pinned to an old version but rendered after April 2025 carry both sets of fields, so the new place
is read first and the old one second; the version label decides nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dunning.core.billing import Card, Customer, Failure, Invoice, Payment, Subscription
from dunning.core.declines import Decline
from dunning.core.vocabulary import InvoiceClass
from dunning.gateway.listen_shapes import dig, object_id, subscription_of

AUTHENTICATION_CODES = frozenset({"authentication_required", "invoice_payment_intent_requires_action"})


def instant(value: Any) -> datetime | None:
    """Return a Unix time as an aware UTC datetime, or None."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return datetime.fromtimestamp(value, UTC)


def read_invoice(raw: Mapping[str, Any]) -> Invoice:
    """Return an invoice; `payments` only where the answer was expanded or the old fields are there."""
    billed_from, billed_until = _billed(raw)
    return Invoice(
        id=str(raw["id"]),
        status=raw.get("status"),
        currency=str(raw["currency"]).lower(),
        amount_due=int(raw.get("amount_due") or 0),
        amount_paid=int(raw.get("amount_paid") or 0),
        amount_remaining=int(raw.get("amount_remaining") or 0),
        customer=object_id(raw.get("customer")),
        subscription=subscription_of(raw),
        number=raw.get("number"),
        plan=_plan(raw),
        invoice_class=_invoice_class(raw),
        billing_reason=raw.get("billing_reason"),
        billed_from=billed_from,
        billed_until=billed_until,
        default_card=object_id(raw.get("default_payment_method")),
        collection_method=raw.get("collection_method"),
        auto_advance=raw.get("auto_advance"),
        attempted=bool(raw.get("attempted")),
        attempt_count=int(raw.get("attempt_count") or 0),
        next_payment_attempt=instant(raw.get("next_payment_attempt")),
        created=instant(raw.get("created")),
        paid_at=instant(dig(raw, "status_transitions", "paid_at")),
        hosted_url=raw.get("hosted_invoice_url"),
        amount_credited=int(raw.get("pre_payment_credit_notes_amount") or 0),
        payments=tuple(_payment(p) for p in dig(raw, "payments", "data") or ()),
    )


def read_card(raw: Mapping[str, Any]) -> Card:
    """Return a payment method; anything but a card keeps its type and no card facts."""
    kind = str(raw.get("type") or "card")
    card = card_with(str(raw["id"]), kind, dig(raw, str(raw.get("type"))) or {})
    return replace(card, customer=object_id(raw.get("customer")), created=instant(raw.get("created")))


def card_with(card_id: str, kind: str, details: Mapping[str, Any]) -> Card:
    """Return a way to pay with what Stripe shows of it, inside a payment method or a charge."""
    return Card(
        id=card_id,
        type=kind,
        fingerprint=dig(details, "fingerprint"),
        brand=dig(details, "brand"),
        funding=dig(details, "funding"),
        country=dig(details, "country"),
        last4=dig(details, "last4"),
        exp_month=dig(details, "exp_month"),
        exp_year=dig(details, "exp_year"),
    )


def read_customer(raw: Mapping[str, Any]) -> Customer:
    """Return a customer; a deleted one keeps only its id."""
    if raw.get("deleted"):
        return Customer(id=str(raw["id"]), deleted=True)
    default = dig(raw, "invoice_settings", "default_payment_method")
    locales = tuple(map(str, raw.get("preferred_locales") or ()))
    return Customer(
        id=str(raw["id"]),
        email=raw.get("email") or None,
        name=raw.get("name") or None,
        country=dig(raw, "address", "country"),
        locale=locales[0] if locales else None,
        timezone=dig(raw, "metadata", "timezone"),
        default_card=read_card(default) if isinstance(default, Mapping) else None,
        created=instant(raw.get("created")),
        phone=raw.get("phone") or None,
        metadata={str(name): str(value) for name, value in (dig(raw, "metadata") or {}).items()},
        locales=locales,
    )


def read_subscription(raw: Mapping[str, Any]) -> Subscription:
    """Return a subscription; its own default card only where one is set."""
    return Subscription(
        id=str(raw["id"]),
        status=raw.get("status"),
        customer=object_id(raw.get("customer")),
        default_card=object_id(raw.get("default_payment_method")),
        trial_end=instant(raw.get("trial_end")),
        ended_at=instant(raw.get("ended_at")),
        cancelled_for=dig(raw, "cancellation_details", "reason"),
        collection_paused=bool(raw.get("pause_collection")),
    )


def read_failure(error: Mapping[str, Any], payment_intent: str | None = None) -> Failure:
    """Return the failure inside a `last_payment_error` or inside the error of a refused `pay`."""
    method = error.get("payment_method")
    card = read_card(method) if isinstance(method, Mapping) else None
    code = error.get("decline_code") or error.get("code")
    needs_action = error.get("code") in AUTHENTICATION_CODES or code in AUTHENTICATION_CODES
    return Failure(
        decline=Decline(
            code="authentication_required" if needs_action else code,
            advice_code=error.get("advice_code"),
            network_advice_code=error.get("network_advice_code"),
            network_decline_code=error.get("network_decline_code"),
            failure_code=error.get("code"),
            brand=card.network if card else None,
        ),
        charge=object_id(error.get("charge")),
        payment_intent=payment_intent or object_id(error.get("payment_intent")),
        card=card,
        needs_action=needs_action,
    )


def with_outcome(failure: Failure, charge: Mapping[str, Any]) -> Failure:
    """Return the failure with what only the charge tells: whether it was blocked, and why."""
    names = ("advice_code", "network_advice_code", "network_decline_code", "network_status")
    told = {name: dig(charge, "outcome", name) for name in names}
    told |= {f"outcome_{name}": dig(charge, "outcome", name) for name in ("type", "reason")}
    said = {name: value for name, value in told.items() if isinstance(value, str)}
    return replace(failure, decline=replace(failure.decline, **said))


def _payment(raw: Mapping[str, Any]) -> Payment:
    intent = dig(raw, "payment", "payment_intent")
    return Payment(
        id=str(raw["id"]),
        status=str(raw.get("status")),
        amount_paid=int(raw.get("amount_paid") or 0),
        created=instant(raw.get("created")) or datetime.fromtimestamp(0, UTC),
        paid_at=instant(dig(raw, "status_transitions", "paid_at")),
        is_default=bool(raw.get("is_default")),
        payment_intent=object_id(intent),
        intent_status=dig(intent, "status"),
        charge=object_id(dig(intent, "latest_charge") or dig(raw, "payment", "charge")),
        card_id=object_id(dig(intent, "payment_method")),
        failure=_failure(intent),
    )


def _failure(intent: Any) -> Failure | None:
    """Return what went wrong with a payment; one that waits for its customer need not carry an error."""
    error = dig(intent, "last_payment_error")
    if error:
        return read_failure(error, object_id(intent))
    if dig(intent, "status") != "requires_action":
        return None
    card_id = object_id(dig(intent, "payment_method"))
    return Failure(
        decline=Decline(code="authentication_required"),
        payment_intent=object_id(intent),
        card=Card(card_id) if card_id else None,
        needs_action=True,
    )


def _billed(raw: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return the newest period that a subscription's own lines bill; prorations are older."""
    lines = (line for line in dig(raw, "lines", "data") or () if isinstance(line, Mapping))
    periods = [dig(line, "period") for line in lines if _bills_a_period(line)]
    known = [(start, instant(dig(one, "end"))) for one in periods if (start := instant(dig(one, "start")))]
    return max(known, key=lambda period: period[0], default=(None, None))


def _bills_a_period(line: Mapping[str, Any]) -> bool:
    details = dig(line, "parent", "subscription_item_details")
    if details is not None:
        return not dig(details, "proration")
    return line.get("type") == "subscription" and not line.get("proration")  # before basil


def _plan(raw: Mapping[str, Any]) -> str | None:
    lines = dig(raw, "lines", "data") or ()
    first = lines[0] if lines else None
    named = dig(first, "price", "nickname") or dig(first, "plan", "nickname") or dig(first, "description")
    return named if isinstance(named, str) else None


def _invoice_class(raw: Mapping[str, Any]) -> InvoiceClass:
    reason = raw.get("billing_reason")
    if reason == "subscription_create":
        return InvoiceClass.FIRST
    if subscription_of(raw) is None:
        return InvoiceClass.ONE_OFF
    return InvoiceClass.RENEWAL
