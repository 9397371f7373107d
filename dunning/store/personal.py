"""Which columns hold personal data, whose row it is, and what stands there once a person is erased.

Every column that can hold words is in `ERASED` or in `NOT_PERSONAL`; a test holds it to the tables. Where
triggers refuse changes (the ledger, the audit log, closed months) nothing personal may ever be written.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, and_, func, or_, select

from dunning.core.billing import Whose
from dunning.store import tables

GONE: Final = "Erased at the person’s request."
NOBODY: Final = "erased"
DELETED: Final = "a row of its own: deleted"

# table -> column -> what stands there afterwards
ERASED: Final[Mapping[str, Mapping[str, Any]]] = {
    "announcements": {"body": '{"erased":true}', "answer": None},
    "api_answers": {"body": DELETED},
    "approvals": {"why": GONE},
    "attempts": {"note": None},
    "bulk_rows": {"sentence": GONE},
    "bulk_runs": {"parameters": {}},
    "cards": {"last4": None},
    "contacts": {"address": DELETED},
    "customers": {"email": None, "name": None, "country": None, "locale": None, "timezone": None},
    "erasures": {"why": None, "waits_for": None},
    "errands": {"note": None},
    "events": {"payload": None, "note": None},
    "mail_events": {"address": NOBODY, "detail": ""},
    "messages": dict.fromkeys(("address", "subject", "body_text", "body_html", "note")),
    "notes": {"sentence": GONE},
    "notices": dict.fromkeys(("address", "subject", "body_text", "body_html", "note")),
    "past_charges": {"last4": None},
    "queue_items": {"country": None, "snooze_reason": None, "named": ""},
    "recoveries": {"pause_reason": None, "why": GONE},
    "saved_views": {"name": DELETED, "query": DELETED},
    "search_words": {"word": DELETED},
    "staff_changes": {"said": GONE, "before": {}},
    "staff_tasks": {"what": GONE, "note": None},
    "suppressions": {"address": "a digest", "detail": None},
}
# Held of a person, found otherwise than by their ids, or not at all theirs alone.
APART: Final = frozenset({"api_answers", "bulk_runs", "erasures", "events", "saved_views", "suppressions"})


@dataclass(frozen=True, slots=True)
class Person:
    """A customer, with what their rows are found by."""

    whose: Whose
    customer_id: str
    recoveries: tuple[str, ...]
    objects: tuple[str, ...]  # ids of Stripe's objects that are about them
    addresses: tuple[str, ...]  # mail addresses and numbers, lower case, that are no other customer's
    names: tuple[str, ...]


def person(connection: Connection, whose: Whose, customer_id: str) -> Person:
    """Return a customer with everything that they are known by here."""
    recoveries = _column(
        connection, tables.recoveries.c.id, whose, tables.recoveries.c.customer_id, customer_id
    )
    people = [
        column == customer_id
        for column in (tables.customers.c.id, tables.contacts.c.customer_id, tables.notices.c.customer_id)
    ]
    wrote = tables.messages.c.recovery_id.in_(recoveries) & (tables.messages.c.recipient != "staff")
    found: set[str | None] = set()
    for column, where in (
        (tables.customers.c.email, people[0]),
        (tables.contacts.c.address, people[1]),
        (tables.notices.c.address, people[2]),
        (tables.messages.c.address, wrote),
    ):
        of = column.table.c
        query = select(column).where(of.account_id == whose.account_id, of.livemode == whose.livemode, where)
        found.update(connection.execute(query).scalars())
    addresses = {one.lower() for one in found if one and one != customer_id}
    addresses -= _of_others(connection, addresses, customer_id)
    names = _column(connection, tables.customers.c.name, whose, tables.customers.c.id, customer_id)
    objects = {customer_id, *_objects(connection, whose, customer_id)}
    return Person(whose, customer_id, recoveries, tuple(sorted(objects)), tuple(sorted(addresses)), names)


def rows(table: Table, one: Person) -> ColumnElement[bool] | None:
    """Return the condition that a row of a table is about a person; None where no row is anybody's."""
    column = table.c
    if table is tables.suppressions:
        return column.address.in_(one.addresses)
    if table is tables.mail_events:
        theirs = select(tables.messages.c.id).where(tables.messages.c.recovery_id.in_(one.recoveries))
        return or_(column.address.in_(one.addresses), column.message_id.in_(theirs))
    if table is tables.audit_log:
        return column.object.in_((*one.recoveries, one.customer_id))
    mine = next((column[name] for name in ("customer_id", "customer") if name in column), None)
    mine = column.id if table is tables.customers else mine
    if mine is not None:
        account = (column.account_id == one.whose.account_id, column.livemode == one.whose.livemode)
        return and_(*account, mine == one.customer_id)
    if "recovery_id" in column:
        return column.recovery_id.in_(one.recoveries)
    if table is tables.events:
        account = (column.account_id == one.whose.account_id, column.livemode == one.whose.livemode)
        return and_(*account, column.object_id.in_(one.objects))
    return None


def _objects(connection: Connection, whose: Whose, customer_id: str) -> set[str]:
    found: set[str | None] = set()
    for column in (
        tables.invoices.c.id,
        tables.subscriptions.c.id,
        tables.cards.c.id,
        tables.attempts.c.charge_id,
        tables.attempts.c.payment_intent_id,
        tables.past_charges.c.id,
        tables.past_charges.c.payment_intent_id,
    ):
        found.update(_column(connection, column, whose, column.table.c.customer_id, customer_id))
    return {one for one in found if one}


def _column(
    connection: Connection, wanted: Any, whose: Whose, column: Any, customer_id: str
) -> tuple[str, ...]:
    of = column.table.c
    account = (of.account_id == whose.account_id, of.livemode == whose.livemode)
    found = connection.execute(select(wanted).where(*account, column == customer_id)).scalars()
    return tuple(one for one in found if one)


def _of_others(connection: Connection, addresses: Collection[str], customer_id: str) -> set[str]:
    """Return the addresses that another customer has, too: they are that person's as well."""
    column = tables.customers.c
    email = func.lower(column.email)
    query = select(email).where(email.in_(addresses), column.id != customer_id)
    return set(connection.execute(query).scalars())


def find(connection: Connection, words: str) -> list[tuple[Whose, str]]:
    """Return the customers whose id, address, or contact's address this is."""
    customers, contacts = tables.customers.c, tables.contacts.c
    bare = words.strip()
    mine = or_(customers.id == bare, func.lower(customers.email) == bare.lower())
    theirs = select(contacts.account_id, contacts.livemode, contacts.customer_id)
    own = select(customers.account_id, customers.livemode, customers.id).where(mine)
    reached = theirs.where(func.lower(contacts.address) == bare.lower())
    named = select(
        tables.recoveries.c.account_id, tables.recoveries.c.livemode, tables.recoveries.c.customer_id
    )
    owing = named.where(tables.recoveries.c.customer_id == bare)
    found = {tuple(row) for query in (own, reached, owing) for row in connection.execute(query)}
    return [(Whose(account, livemode=live), name) for account, live, name in sorted(found)]
