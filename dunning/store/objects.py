"""Queries on the few facts that we keep of Stripe's customers, cards and invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, bindparam, select, update

from dunning.core.billing import Card, Customer, Invoice, Whose
from dunning.store import erasures, queue_items
from dunning.store.prepared import ITS_ID, belongs, owner
from dunning.store.rows import CardRow, CustomerRow
from dunning.store.tables import cards, customers, invoices
from dunning.store.upsert import insert_once, upsert

_KEY = ("account_id", "livemode", "id")
PERSONAL: Final = ("email", "name", "country", "locale", "timezone")
FOUND_BY: Final = ("name", "email", "country")  # what the queue finds a customer by


def _its(table: Table) -> tuple[ColumnElement[bool], ...]:
    return (*belongs(table), table.c.id == ITS_ID)


_CUSTOMER: Final = select(customers).where(*_its(customers))
_CARD: Final = select(cards).where(*_its(cards))
_CARD_HELD: Final = _CARD.with_for_update()
_HOLD_INVOICE: Final = select(invoices.c.id).where(*_its(invoices)).with_for_update()
_NEXT_TICKET: Final = update(invoices).where(*_its(invoices)).values(read_ticket=invoices.c.read_ticket + 1)
_TICKET: Final = select(invoices.c.read_ticket).where(*_its(invoices))
_APPLY: Final = update(invoices).where(*_its(invoices), invoices.c.applied_ticket < bindparam("drawn"))


@dataclass(frozen=True, slots=True)
class InvoiceRow:
    """What we last applied of an invoice."""

    status: str | None
    amount_remaining: int
    auto_advance: bool | None
    next_payment_attempt_at: datetime | None
    plan: str | None
    number: str | None


_INVOICE: Final = select(*(invoices.c[name] for name in InvoiceRow.__slots__)).where(*_its(invoices))


def keep_customer(connection: Connection, whose: Whose, customer: Customer, now: datetime) -> None:
    """Insert or update a customer as just read; a deleted one keeps its last known words.

    Of a person who was erased nothing personal is kept again, whatever Stripe says.
    """
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
            "created_at": customer.created,
        }
    if erasures.erased(connection, whose, customer.id):
        values = {name: value for name, value in values.items() if name not in PERSONAL}
    before = None if customer.deleted else connection.execute(_CUSTOMER, _which(whose, customer.id)).first()
    upsert(connection, customers, _KEY, {**_id(whose, customer.id), **values, "read_at": now})
    if before is not None and any(
        getattr(before, name) != values[name] for name in FOUND_BY if name in values
    ):
        queue_items.ring_customer(connection, whose, customer.id, now)


def customer(connection: Connection, whose: Whose, customer_id: str | None) -> CustomerRow | None:
    """Return a customer, if we know it."""
    row = connection.execute(_CUSTOMER, _which(whose, customer_id)).one_or_none()
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
    if "last4" in said and erasures.erased(connection, whose, card.customer):
        del said["last4"]
    upsert(connection, cards, _KEY, {**_id(whose, card.id), **said})


def card(connection: Connection, whose: Whose, card_id: str | None, *, lock: bool = False) -> CardRow | None:
    """Return a card, if we know it; `lock` holds it until the transaction ends."""
    row = connection.execute(_CARD_HELD if lock else _CARD, _which(whose, card_id)).one_or_none()
    return CardRow.of(row) if row is not None else None


def draw_ticket(connection: Connection, whose: Whose, invoice_id: str) -> int:
    """Return the ticket for one read of Stripe, drawn before it; an invoice new to us begins empty."""
    which = _which(whose, invoice_id)
    if connection.execute(_NEXT_TICKET, which).rowcount == 0:
        nothing_yet = Invoice(invoice_id, None, "", amount_due=0, amount_paid=0, amount_remaining=0)
        insert_once(connection, invoices, {**_id(whose, invoice_id), **_facts(nothing_yet)})
        connection.execute(_NEXT_TICKET, which)
    ticket: int = connection.execute(_TICKET, which).scalar_one()
    return ticket


def apply_read(connection: Connection, whose: Whose, invoice: Invoice, ticket: int) -> bool:
    """Apply a read unless a later one was applied already; return whether it was the newest.

    Stripe's objects have no version, so an answer that left earlier must not overwrite a later one. The row
    stays held until the transaction ends: what follows from one read is decided before the next.
    """
    values = {**_facts(invoice), "applied_ticket": ticket}
    done = connection.execute(_APPLY, {**_which(whose, invoice.id), "drawn": ticket, **values})
    return done.rowcount == 1


def invoice(connection: Connection, whose: Whose, invoice_id: str) -> InvoiceRow | None:
    """Return what we last applied of an invoice."""
    row = connection.execute(_INVOICE, _which(whose, invoice_id)).one_or_none()
    return InvoiceRow(*row) if row is not None else None


def meet_invoice(connection: Connection, whose: Whose, invoice: Invoice) -> None:
    """Hold an invoice until the transaction ends; one that we do not know yet begins as given."""
    insert_once(connection, invoices, {**_id(whose, invoice.id), **_facts(invoice)})
    hold_invoice(connection, whose, invoice.id)


def forget_schedule(connection: Connection, whose: Whose, invoice_id: str) -> None:
    """Forget Stripe's own next try of an invoice that Stripe was just told not to collect."""
    values = {"next_payment_attempt_at": None, "auto_advance": False}
    connection.execute(update(invoices).where(*_its(invoices)), {**_which(whose, invoice_id), **values})


def hold_invoice(connection: Connection, whose: Whose, invoice_id: str) -> None:
    """Hold the invoice until the transaction ends; whoever changes a recovery holds its invoice first."""
    connection.execute(_HOLD_INVOICE, _which(whose, invoice_id))


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


def _which(whose: Whose, object_id: str | None) -> dict[str, Any]:
    return {**owner(whose), "its_id": object_id}
