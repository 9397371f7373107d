"""Queries on contacts: whom else a customer wants written to, and numbers that want no more texts."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from dunning.core.billing import Whose
from dunning.core.vocabulary import SuppressionReason
from dunning.store import suppressions
from dunning.store.prepared import belongs, owner
from dunning.store.tables import contacts, messages
from dunning.store.upsert import upsert

SECOND: Final = "second_contact"
SMS: Final = "sms"
ROLES: Final = (SECOND, SMS)
_KEY: Final = ("account_id", "livemode", "customer_id", "role")
_OF: Final = select(contacts.c.role, contacts.c.address).where(
    *belongs(contacts), contacts.c.customer_id == bindparam("its_customer")
)
_DROP: Final = delete(contacts).where(
    *belongs(contacts),
    contacts.c.customer_id == bindparam("its_customer"),
    contacts.c.role == bindparam("its_role"),
)


def of_customer(connection: Connection, whose: Whose, customer_id: str | None) -> dict[str, str]:
    """Return a customer's contacts that are kept here: addresses by role."""
    found = connection.execute(_OF, {**owner(whose), "its_customer": customer_id})
    return {row.role: row.address for row in found}


def put(
    connection: Connection, whose: Whose, customer_id: str, role: str, address: str, *, at: datetime, by: str
) -> None:
    """Keep a contact of a customer; the one of the same role is replaced."""
    row = {"account_id": whose.account_id, "livemode": whose.livemode, "customer_id": customer_id}
    said = {"role": role, "address": address, "added_at": at, "added_by": by}
    upsert(connection, contacts, _KEY, {**row, **said})


def drop(connection: Connection, whose: Whose, customer_id: str, role: str) -> bool:
    """Forget a contact; return whether there was one."""
    given = {**owner(whose), "its_customer": customer_id, "its_role": role}
    return connection.execute(_DROP, given).rowcount == 1


def stop_texts(connection: Connection, number: str, at: datetime) -> None:
    """Suppress a number for every account that has written to it, and for the merchant's own."""
    wrote = select(messages.c.account_id).where(messages.c.address == number).distinct()
    for account_id in sorted({"self", *connection.execute(wrote).scalars()}):
        suppressions.add(connection, account_id, number, SuppressionReason.STOPPED_TEXTS, at=at)


def start_texts(connection: Connection, number: str, at: datetime) -> None:
    """Release a number that its owner had stopped; other reasons stand."""
    suppressions.release_all(connection, number, SuppressionReason.STOPPED_TEXTS, at=at, by="its owner")
