"""Stripe's lists, page by page, in core values: what imports and sweeps read.

The answers are read as plain JSON: building the SDK's objects costs more than the network for pages of 100.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeVar

from dunning.core.billing import Card, Invoice, Whose
from dunning.core.declines import Decline
from dunning.core.history import PastCharge, PastInvoice, PastPayment
from dunning.gateway.ask import Stripe
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import card_with, instant, read_invoice

T = TypeVar("T")
PAGE: Final = 100  # the most that Stripe gives
FINISHED: Final = frozenset({"succeeded", "failed"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page: what was made in [since, until), after the object `after`, newest first (aware UTC)."""

    since: datetime
    until: datetime | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page; `last_id` is where the next begins, `unfinished_at` the oldest object that is to change."""

    items: tuple[T, ...]
    more: bool
    newest_at: datetime | None = None
    last_at: datetime | None = None
    last_id: str | None = None
    unfinished_at: datetime | None = None


def charges(stripe: Stripe, whose: Whose, asked: Asked) -> Page[PastCharge]:
    """Return a page of finished charges; one that is still pending is told by `unfinished_at`."""
    return read_page(stripe, whose, "/v1/charges", asked, read_charge)


def invoices(stripe: Stripe, whose: Whose, asked: Asked) -> Page[PastInvoice]:
    """Return a page of invoices, drafts left out."""
    return read_page(stripe, whose, "/v1/invoices", asked, read_past_invoice)


def payments(stripe: Stripe, whose: Whose, asked: Asked) -> Page[PastPayment]:
    """Return a page of invoice payments, which lead from a payment intent to its invoice."""
    return read_page(stripe, whose, "/v1/invoice_payments", asked, read_payment)


def open_invoices(stripe: Stripe, whose: Whose, asked: Asked) -> Page[Invoice]:
    """Return a page of the invoices that are open now, without their payments."""
    return read_page(stripe, whose, "/v1/invoices", asked, read_invoice, status="open")


def charges_of(stripe: Stripe, whose: Whose, payment_intent: str) -> tuple[PastCharge, ...]:
    """Return the finished charges of one payment intent, oldest first; the newest hundred."""
    params = {"payment_intent": payment_intent, "limit": PAGE}
    raw = stripe.read_list(whose, "/v1/charges", params)
    read = [found for one in raw["data"] if (found := read_charge(one)) is not None]
    return tuple(sorted(read, key=lambda one: (one.at, one.id)))


def past_invoice(stripe: Stripe, whose: Whose, invoice_id: str) -> PastInvoice | None:
    """Return one invoice as it stands now; None for a draft."""
    return read_past_invoice(stripe.read_list(whose, f"/v1/invoices/{invoice_id}", {}))


def read_charge(raw: Mapping[str, Any]) -> PastCharge | None:
    """Return a charge, or None while it has no outcome.

    A charge has no `decline_code`: the issuer's word is `outcome.reason`, and `failure_code` says the rest.
    """
    if raw.get("status") not in FINISHED:
        return None
    return PastCharge(
        id=str(raw["id"]),
        at=_created(raw),
        amount=int(raw.get("amount") or 0),
        currency=str(raw["currency"]).lower(),
        paid=raw.get("status") == "succeeded",
        payment_intent=object_id(raw.get("payment_intent")),
        invoice=object_id(raw.get("invoice")),
        customer=object_id(raw.get("customer")),
        decline=_decline(raw),
        card=_card(raw),
    )


def read_payment(raw: Mapping[str, Any]) -> PastPayment | None:
    """Return an invoice payment, or None when it names no invoice."""
    invoice = object_id(raw.get("invoice"))
    if invoice is None:
        return None
    intent, charge = dig(raw, "payment", "payment_intent"), dig(raw, "payment", "charge")
    return PastPayment(str(raw["id"]), invoice, object_id(intent), object_id(charge), _created(raw))


def read_past_invoice(raw: Mapping[str, Any]) -> PastInvoice | None:
    """Return an invoice, or None for a draft, on which nothing was charged."""
    if raw.get("status") in {None, "draft"}:
        return None
    read = read_invoice(raw)
    return PastInvoice(
        id=read.id,
        created=_created(raw),
        status=read.status,
        currency=read.currency,
        customer=read.customer,
        subscription=read.subscription,
        invoice_class=read.invoice_class,
        collection_method=read.collection_method,
        attempt_count=read.attempt_count,
        amount_credited=read.amount_credited,
        paid_at=read.paid_at,
        voided_at=instant(dig(raw, "status_transitions", "voided_at")),
        uncollectible_at=instant(dig(raw, "status_transitions", "marked_uncollectible_at")),
    )


def read_page(
    stripe: Stripe,
    whose: Whose,
    path: str,
    asked: Asked,
    read: Callable[[Mapping[str, Any]], T | None],
    **wanted: Any,
) -> Page[T]:
    """Return a page of `path`, each object read by `read`, which may leave some out.

    Raises:
        StripeError: the list could not be read.
    """
    created = {"gte": int(asked.since.timestamp())}
    created |= {"lt": int(asked.until.timestamp())} if asked.until else {}
    params: dict[str, Any] = {"limit": PAGE, "created": created, **wanted}
    params |= {"starting_after": asked.after} if asked.after else {}
    answer = stripe.read_list(whose, path, params)
    raw: list[Mapping[str, Any]] = answer["data"]
    found = [(one, read(one)) for one in raw]
    unread = [_created(one) for one, value in found if value is None]
    return Page(
        items=tuple(value for _, value in found if value is not None),
        more=bool(answer.get("has_more")) and bool(raw),
        newest_at=_created(raw[0]) if raw else None,
        last_at=_created(raw[-1]) if raw else None,
        last_id=str(raw[-1]["id"]) if raw else None,
        unfinished_at=min(unread, default=None),
    )


def _created(raw: Mapping[str, Any]) -> datetime:
    return instant(raw.get("created")) or datetime.fromtimestamp(0, UTC)


def _decline(raw: Mapping[str, Any]) -> Decline:
    outcome = raw.get("outcome") or {}
    if raw.get("status") == "succeeded":
        return Decline(network_status=outcome.get("network_status"))
    reason, failure_code = outcome.get("reason"), raw.get("failure_code")
    by_issuer = outcome.get("type") == "issuer_declined"
    return Decline(
        code=(reason if by_issuer else None) or failure_code or reason,
        advice_code=outcome.get("advice_code"),
        network_advice_code=outcome.get("network_advice_code"),
        network_decline_code=outcome.get("network_decline_code"),
        failure_code=failure_code,
        outcome_type=outcome.get("type"),
        outcome_reason=reason,
        network_status=outcome.get("network_status"),
        brand=dig(raw, "payment_method_details", "card", "brand"),
    )


def _card(raw: Mapping[str, Any]) -> Card | None:
    kind = dig(raw, "payment_method_details", "type")
    details = dig(raw, "payment_method_details", str(kind)) or {}
    method = object_id(raw.get("payment_method"))
    if method is None or not kind:
        return None
    return replace(card_with(method, str(kind), details), customer=object_id(raw.get("customer")))
