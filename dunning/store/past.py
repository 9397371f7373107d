"""Queries on what imports read: charges, payments and invoices of the past, until they are joined."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, func, select, update

from dunning.core.billing import Card, Whose
from dunning.core.declines import Decline
from dunning.core.history import PastCharge, PastInvoice, PastPayment
from dunning.store import erasures
from dunning.store.tables import past_charges, past_invoices, past_payments
from dunning.store.upsert import insert_all_once, upsert_all

_KEY = ("account_id", "livemode", "id")
_INVOICE = tuple(field.name for field in fields(PastInvoice))


def keep_charges(connection: Connection, whose: Whose, import_id: str, charges: Sequence[PastCharge]) -> None:
    """Insert charges that are new to us, and find the invoices that their payments name."""
    rows = [{**_owner(whose), "import_id": import_id, **_columns(charge)} for charge in charges]
    gone = erasures.customers(connection)
    rows = [{**row, "last4": None} if row["customer_id"] in gone else row for row in rows]
    insert_all_once(connection, past_charges, rows)
    link(connection, whose, [charge.id for charge in charges])


def keep_payments(connection: Connection, whose: Whose, payments: Sequence[PastPayment]) -> None:
    """Insert payments that are new to us."""
    rows = [
        {
            **_owner(whose),
            "id": one.id,
            "invoice_id": one.invoice,
            "payment_intent_id": one.payment_intent,
            "charge_id": one.charge,
        }
        for one in payments
    ]
    insert_all_once(connection, past_payments, rows)


def keep_invoices(
    connection: Connection, whose: Whose, invoices: Sequence[PastInvoice], read_at: datetime
) -> None:
    """Insert invoices as read, or update those that we have."""
    rows = [
        {**_owner(whose), **{name: getattr(one, name) for name in _INVOICE}, "read_at": read_at}
        for one in invoices
    ]
    upsert_all(connection, past_invoices, _KEY, rows)


def link(connection: Connection, whose: Whose, ids: Sequence[str] | None = None) -> None:
    """Let charges name their invoices, where a payment leads there; without `ids` all that do not yet."""
    same = (
        past_payments.c.account_id == past_charges.c.account_id,
        past_payments.c.livemode == past_charges.c.livemode,
    )
    by_intent = select(past_payments.c.invoice_id).where(
        *same, past_payments.c.payment_intent_id == past_charges.c.payment_intent_id
    )
    by_charge = select(past_payments.c.invoice_id).where(
        *same, past_payments.c.charge_id == past_charges.c.id
    )
    found = func.coalesce(
        by_intent.limit(1).scalar_subquery(),
        by_charge.limit(1).scalar_subquery(),
    )
    some = [*_belongs(past_charges, whose), past_charges.c.invoice_id.is_(None)]
    if ids is not None:
        some.append(past_charges.c.id.in_(ids))
    connection.execute(update(past_charges).where(*some).values(invoice_id=found))


def failed_invoices(connection: Connection, whose: Whose, after: str | None, limit: int) -> Sequence[str]:
    """Return the invoices of which a charge failed, in the order of their ids, from the one after `after`."""
    failed = (
        select(past_charges.c.invoice_id)
        .where(
            *_belongs(past_charges, whose), ~past_charges.c.paid, past_charges.c.invoice_id > (after or "")
        )
        .distinct()
        .order_by(past_charges.c.invoice_id)
        .limit(limit)
    )
    return connection.execute(failed).scalars().all()


def count_failed_invoices(connection: Connection, whose: Whose) -> int:
    """Return how many invoices have a failed charge."""
    failed = select(func.count(past_charges.c.invoice_id.distinct())).where(
        *_belongs(past_charges, whose), ~past_charges.c.paid
    )
    return connection.execute(failed).scalar_one()


def counts(connection: Connection, whose: Whose) -> dict[str, int]:
    """Return how many invoices, payments and charges of the past are here."""
    tables = {"invoices": past_invoices, "payments": past_payments, "charges": past_charges}
    counted = {
        name: select(func.count()).select_from(table).where(*_belongs(table, whose))
        for name, table in tables.items()
    }
    return {name: connection.execute(query).scalar_one() for name, query in counted.items()}


def charges_of(
    connection: Connection, whose: Whose, invoice_ids: Sequence[str]
) -> dict[str, list[PastCharge]]:
    """Return the charges of some invoices, oldest first."""
    query = select(past_charges).where(
        *_belongs(past_charges, whose), past_charges.c.invoice_id.in_(invoice_ids)
    )
    found: dict[str, list[PastCharge]] = {}
    for row in connection.execute(query.order_by(past_charges.c.at, past_charges.c.id)):
        found.setdefault(row.invoice_id, []).append(_charge(row))
    return found


def invoices(connection: Connection, whose: Whose, ids: Sequence[str]) -> dict[str, PastInvoice]:
    """Return invoices as last read, by their ids."""
    columns = [past_invoices.c[name] for name in _INVOICE]
    query = select(*columns).where(*_belongs(past_invoices, whose), past_invoices.c.id.in_(ids))
    return {row["id"]: PastInvoice(**row) for row in connection.execute(query).mappings()}


def payment_ids(connection: Connection, whose: Whose, intents: Sequence[str]) -> dict[str, str]:
    """Return the ids of the invoice payments of some payment intents."""
    columns = (past_payments.c.payment_intent_id, past_payments.c.id)
    query = select(*columns).where(
        *_belongs(past_payments, whose), past_payments.c.payment_intent_id.in_(intents)
    )
    return {row.payment_intent_id: row.id for row in connection.execute(query)}


def stale_open(connection: Connection, whose: Whose, before: datetime, after: str) -> Sequence[str]:
    """Return invoices that failed and were still open when last read, before an instant."""
    failed = (
        select(past_charges.c.invoice_id)
        .where(*_belongs(past_charges, whose), ~past_charges.c.paid)
        .scalar_subquery()
    )
    query = (
        select(past_invoices.c.id)
        .where(
            *_belongs(past_invoices, whose),
            past_invoices.c.status == "open",
            past_invoices.c.read_at < before,
            past_invoices.c.id > after,
            past_invoices.c.id.in_(failed),
        )
        .order_by(past_invoices.c.id)
        .limit(100)
    )
    return connection.execute(query).scalars().all()


def _columns(charge: PastCharge) -> dict[str, Any]:
    card, decline = charge.card, charge.decline
    return {
        "id": charge.id,
        "at": charge.at,
        "currency": charge.currency,
        "amount": charge.amount,
        "paid": charge.paid,
        "payment_intent_id": charge.payment_intent,
        "invoice_id": charge.invoice,
        "customer_id": charge.customer,
        "card_id": card.id if card else None,
        "card_type": card.type if card else None,
        "fingerprint": card.fingerprint if card else None,
        "brand": card.brand if card else None,
        "funding": card.funding if card else None,
        "country": card.country if card else None,
        "last4": card.last4 if card else None,
        "decline_code": decline.code,
        "advice_code": decline.advice_code,
        "network_advice_code": decline.network_advice_code,
        "network_decline_code": decline.network_decline_code,
        "failure_code": decline.failure_code,
        "outcome_type": decline.outcome_type,
        "outcome_reason": decline.outcome_reason,
        "network_status": decline.network_status,
    }


def _charge(row: Any) -> PastCharge:
    decline = Decline(
        code=row.decline_code,
        advice_code=row.advice_code,
        network_advice_code=row.network_advice_code,
        network_decline_code=row.network_decline_code,
        failure_code=row.failure_code,
        outcome_type=row.outcome_type,
        outcome_reason=row.outcome_reason,
        network_status=row.network_status,
        brand=row.brand,
    )
    card = Card(
        id=row.card_id or "",
        type=row.card_type or "card",
        customer=row.customer_id,
        fingerprint=row.fingerprint,
        brand=row.brand,
        funding=row.funding,
        country=row.country,
        last4=row.last4,
    )
    known = row.card_id or row.fingerprint or row.brand
    return PastCharge(
        id=row.id,
        at=row.at,
        amount=row.amount,
        currency=row.currency,
        paid=row.paid,
        payment_intent=row.payment_intent_id,
        invoice=row.invoice_id,
        customer=row.customer_id,
        decline=decline,
        card=card if known else None,
    )


def _owner(whose: Whose) -> dict[str, Any]:
    return {"account_id": whose.account_id, "livemode": whose.livemode}


def _belongs(table: Table, whose: Whose) -> tuple[Any, Any]:
    return table.c.account_id == whose.account_id, table.c.livemode == whose.livemode
