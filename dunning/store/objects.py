"""Queries on the few facts that we keep of Stripe's customers, cards and invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, select, update

from dunning.core.billing import Card, Customer, Invoice, Whose
from dunning.store.rows import CardRow, CustomerRow
from dunning.store.tables import cards, customers, invoices
from dunning.store.upsert import insert_once, upsert

_KEY = ("account_id", "livemode", "id")


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """What we last applied of an invoice."""

    status: str | None
    amount_remaining: int
    next_payment_attempt_at: datetime | None
    plan: str | None
    number: str | None


def keep_customer(connection: Connection, whose: Whose, customer: Customer, now: datetime) -> None:
    """Insert or update a customer as just read; a deleted one keeps its last known words."""
    if customer.deleted:
        values: dict[str, Any] = {"deleted": True}
    else:
        values = {
            "email": customer.email,
            "name": customer.name,
            "country": customer.country,
            "locale": customer.locale,
            "timezone": customer.timezone,
            "deleted": False,
            "default_card_id": customer.default_card.id if customer.default_card else None,
        }
    upsert(connection, customers, _KEY, {**_id(whose, customer.id), **values, "read_at": now})


def customer(connection: Connection, whose: Whose, customer_id: str | None) -> CustomerRow | None:
    """Return a customer, if we know it."""
    row = connection.execute(_find(customers, whose, customer_id)).one_or_none()
    return CustomerRow.of(row) if row is not None else None


def keep_card(connection: Connection, whose: Whose, card: Card, **more: Any) -> None:
    """Insert or update a card; what Stripe did not say this time is kept as it was."""
    facts = {
        "customer_id": card.customer,
        "type": card.type,
        "fingerprint": card.fingerprint,
        "brand": card.brand,
        "funding": card.funding,
        "country": card.country,
        "last4": card.last4,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "added_at": card.created,
        **more,
    }
    said = {name: value for name, value in facts.items() if value is not None}
    upsert(connection, cards, _KEY, {**_id(whose, card.id), **said})


def card(connection: Connection, whose: Whose, card_id: str | None, *, lock: bool = False) -> CardRow | None:
    """Return a card, if we know it; `lock` holds it until the transaction ends."""
    query = _find(cards, whose, card_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return CardRow.of(row) if row is not None else None


def draw_ticket(connection: Connection, whose: Whose, invoice_id: str) -> int:
    """Return the ticket for one read of Stripe, drawn before it; an invoice new to us begins empty."""
    nothing_yet = Invoice(invoice_id, None, "", amount_due=0, amount_paid=0, amount_remaining=0)
    insert_once(connection, invoices, {**_id(whose, invoice_id), **_facts(nothing_yet)})
    row = _where(invoices, whose, invoice_id)
    connection.execute(update(invoices).where(*row).values(read_ticket=invoices.c.read_ticket + 1))
    ticket: int = connection.execute(select(invoices.c.read_ticket).where(*row)).scalar_one()
    return ticket


def apply_read(connection: Connection, whose: Whose, invoice: Invoice, ticket: int) -> bool:
    """Apply a read unless a later one was applied already; return whether it was the newest.

    Stripe's objects have no version, so an answer that left earlier must not overwrite a later one. The row
    stays held until the transaction ends: what follows from one read is decided before the next.
    """
    newest = update(invoices).where(
        *_where(invoices, whose, invoice.id),
        invoices.c.applied_ticket < ticket,
    )
    done = connection.execute(newest.values(**_facts(invoice), applied_ticket=ticket))
    return done.rowcount == 1


def invoice(connection: Connection, whose: Whose, invoice_id: str) -> InvoiceRow | None:
    """Return what we last applied of an invoice."""
    row = connection.execute(_find(invoices, whose, invoice_id)).one_or_none()
    if row is None:
        return None
    return InvoiceRow(row.status, row.amount_remaining, row.next_payment_attempt_at, row.plan, row.number)


def meet_invoice(connection: Connection, whose: Whose, invoice: Invoice) -> None:
    """Hold an invoice until the transaction ends; one that we do not know yet begins as given."""
    insert_once(connection, invoices, {**_id(whose, invoice.id), **_facts(invoice)})
    hold_invoice(connection, whose, invoice.id)


def forget_schedule(connection: Connection, whose: Whose, invoice_id: str) -> None:
    """Forget Stripe's own next try of an invoice that Stripe was just told not to collect."""
    row = _where(invoices, whose, invoice_id)
    connection.execute(update(invoices).where(*row).values(next_payment_attempt_at=None, auto_advance=False))


def hold_invoice(connection: Connection, whose: Whose, invoice_id: str) -> None:
    """Hold the invoice until the transaction ends; whoever changes a recovery holds its invoice first."""
    connection.execute(_find(invoices, whose, invoice_id).with_for_update())


def _facts(invoice: Invoice) -> dict[str, Any]:
    return {
        "customer_id": invoice.customer,
        "subscription_id": invoice.subscription,
        "number": invoice.number,
        "status": invoice.status,
        "invoice_class": invoice.invoice_class,
        "plan": invoice.plan,
        "currency": invoice.currency,
        "amount_due": invoice.amount_due,
        "amount_paid": invoice.amount_paid,
        "amount_remaining": invoice.amount_remaining,
        "amount_credited": invoice.amount_credited,
        "collection_method": invoice.collection_method,
        "auto_advance": invoice.auto_advance,
        "next_payment_attempt_at": invoice.next_payment_attempt,
        "created_at": invoice.created,
        "paid_at": invoice.paid_at,
    }


def _id(whose: Whose, object_id: str) -> dict[str, Any]:
    return {"account_id": whose.account_id, "livemode": whose.livemode, "id": object_id}


def _where(table: Table, whose: Whose, object_id: str | None) -> tuple[Any, ...]:
    return (
        table.c.account_id == whose.account_id,
        table.c.livemode == whose.livemode,
        table.c.id == object_id,
    )


def _find(table: Table, whose: Whose, object_id: str | None) -> Any:
    return select(table).where(*_where(table, whose, object_id))
