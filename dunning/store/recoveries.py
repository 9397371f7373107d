"""Queries on recoveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    bindparam,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from dunning.core.billing import Whose
from dunning.core.vocabulary import OPEN
from dunning.store.prepared import ITS_ID, belongs, owner
from dunning.store.rows import RecoveryRow
from dunning.store.tables import attempts, events, invoices, notes, plans, recoveries
from dunning.store.upsert import upsert

_OPEN = sorted(OPEN)
_BY_ID: Final = select(recoveries).where(recoveries.c.id == ITS_ID)
_NEWEST: Final = (
    select(recoveries)
    .where(*belongs(recoveries), recoveries.c.invoice_id == bindparam("its_invoice"))
    .order_by(recoveries.c.opened_at.desc(), recoveries.c.id.desc())
    .limit(1)
)
_HELD: Final = {_BY_ID: _BY_ID.with_for_update(), _NEWEST: _NEWEST.with_for_update()}
_OPEN_HELD: Final = (
    select(recoveries)
    .where(*belongs(recoveries), recoveries.c.status.in_(_OPEN))
    .order_by(recoveries.c.id)
    .with_for_update()
)
_OPEN_OF_CUSTOMER: Final = _OPEN_HELD.where(recoveries.c.customer_id == bindparam("its_customer"))
_OPEN_OF_SUBSCRIPTION: Final = _OPEN_HELD.where(recoveries.c.subscription_id == bindparam("its_subscription"))
_CHANGE: Final = (
    update(recoveries).where(recoveries.c.id == ITS_ID).values(row_version=recoveries.c.row_version + 1)
)
_OWES: Final = (
    select(recoveries.c.id)
    .where(
        *belongs(recoveries),
        recoveries.c.customer_id == bindparam("its_customer"),
        recoveries.c.status.in_(_OPEN),
    )
    .limit(1)
)
_WAITS: Final = (
    select(recoveries.c.id)
    .where(
        *belongs(recoveries),
        or_(
            recoveries.c.customer_id == bindparam("its_customer"),
            recoveries.c.subscription_id == bindparam("its_subscription"),
        ),
        recoveries.c.status.in_(_OPEN),
    )
    .limit(1)
)
_ADD_NOTE: Final = insert(notes)
_COUNT_NOTES: Final = select(func.count()).select_from(notes).where(notes.c.recovery_id == ITS_ID)
_NEWEST_PLAN: Final = (
    select(plans.c.explanation).where(plans.c.recovery_id == ITS_ID).order_by(plans.c.made_at.desc()).limit(1)
)
_KNOWN: Final = select(recoveries.c.invoice_id).where(
    *belongs(recoveries), recoveries.c.invoice_id.in_(bindparam("its_invoices", expanding=True))
)
IDS_A_QUERY: Final = 500
_MADE: Final = func.coalesce(invoices.c.created_at, recoveries.c.failed_at).label("since")


def by_id(connection: Connection, recovery_id: str, *, lock: bool = False) -> RecoveryRow | None:
    """Return one recovery; `lock` holds it until the transaction ends."""
    return _one(connection, _BY_ID, {"its_id": recovery_id}, lock=lock)


def newest_of_invoice(
    connection: Connection,
    whose: Whose,
    invoice_id: str,
    *,
    lock: bool = False,
) -> RecoveryRow | None:
    """Return the invoice's open recovery, or else its newest closed one."""
    return _one(connection, _NEWEST, {**owner(whose), "its_invoice": invoice_id}, lock=lock)


def open_of_customer(connection: Connection, whose: Whose, customer_id: str) -> list[RecoveryRow]:
    """Return the customer's open recoveries, oldest first, held until the transaction ends."""
    found = connection.execute(_OPEN_OF_CUSTOMER, {**owner(whose), "its_customer": customer_id})
    return [RecoveryRow.of(row) for row in found]


def owes(connection: Connection, whose: Whose, customer_id: str) -> bool:
    """Return whether a customer has an open recovery."""
    found = connection.execute(_OWES, {**owner(whose), "its_customer": customer_id})
    return found.first() is not None


def open_of_subscription(connection: Connection, whose: Whose, subscription_id: str) -> list[RecoveryRow]:
    """Return the subscription's open recoveries, oldest first, held until the transaction ends."""
    found = connection.execute(_OPEN_OF_SUBSCRIPTION, {**owner(whose), "its_subscription": subscription_id})
    return [RecoveryRow.of(row) for row in found]


def waits(
    connection: Connection, whose: Whose, *, customer_id: str | None, subscription_id: str | None
) -> bool:
    """Return whether an open recovery belongs to the customer or the subscription; nothing is held."""
    given = {**owner(whose), "its_customer": customer_id, "its_subscription": subscription_id}
    return connection.execute(_WAITS, given).first() is not None


def open_of_account(connection: Connection, whose: Whose) -> list[RecoveryRow]:
    """Return an account's open recoveries, oldest first, held until the transaction ends."""
    return [RecoveryRow.of(row) for row in connection.execute(_OPEN_HELD, owner(whose))]


def open_ids_of(connection: Connection, customer_id: str) -> list[str]:
    """Return the open recoveries of a customer in any account, newest first."""
    query = select(recoveries.c.id).where(
        recoveries.c.customer_id == customer_id, recoveries.c.status.in_(_OPEN)
    )
    return list(connection.execute(query.order_by(recoveries.c.id.desc())).scalars())


def all_open_ids(connection: Connection) -> Sequence[str]:
    """Return the ids of every open recovery, oldest first."""
    found = select(recoveries.c.id).where(recoveries.c.status.in_(_OPEN)).order_by(recoveries.c.id)
    return connection.execute(found).scalars().all()


def known_invoices(connection: Connection, whose: Whose, invoice_ids: Sequence[str]) -> frozenset[str]:
    """Return which of these invoices have a recovery, open or closed."""
    found: set[str] = set()
    for start in range(0, len(invoice_ids), IDS_A_QUERY):
        given = {**owner(whose), "its_invoices": list(invoice_ids[start : start + IDS_A_QUERY])}
        found.update(connection.execute(_KNOWN, given).scalars())
    return frozenset(found)


def open_invoices(connection: Connection, whose: Whose) -> Sequence[tuple[str, datetime]]:
    """Return the invoice of every open recovery and when it was made, oldest recovery first."""
    query = (
        _with_invoice(recoveries.c.invoice_id, _MADE)
        .where(*belongs(recoveries), recoveries.c.status.in_(_OPEN))
        .order_by(recoveries.c.id)
    )
    return [(row.invoice_id, row.since) for row in connection.execute(query, owner(whose))]


def quiet(connection: Connection, before: datetime) -> Sequence[RowMapping]:
    """Return the open recoveries of whose invoices neither events nor attempts told since `before`.

    Columns: account_id, livemode, invoice_id, since (when the invoice was made, or else the recovery).
    """
    heard = exists().where(
        events.c.account_id == recoveries.c.account_id,
        events.c.livemode == recoveries.c.livemode,
        events.c.object_id == recoveries.c.invoice_id,
        events.c.received_at > before,
    )
    tried = exists().where(attempts.c.recovery_id == recoveries.c.id, attempts.c.at > before)
    own = (recoveries.c.account_id, recoveries.c.livemode, recoveries.c.invoice_id)
    query = (
        _with_invoice(*own, _MADE)
        .where(recoveries.c.status.in_(_OPEN), recoveries.c.opened_at <= before, ~heard, ~tried)
        .order_by(recoveries.c.id)
    )
    return connection.execute(query).mappings().all()


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a recovery."""
    connection.execute(insert(recoveries), values)


def change(connection: Connection, recovery_id: str, **values: Any) -> None:
    """Update a recovery that this transaction holds."""
    connection.execute(_CHANGE, {"its_id": recovery_id, **values})


def note(
    connection: Connection,
    note_id: str,
    recovery_id: str,
    *,
    at: datetime,
    by: str,
    kind: str,
    sentence: str,
) -> None:
    """Write one line of the timeline."""
    values = {
        "id": note_id,
        "recovery_id": recovery_id,
        "at": at,
        "by": by,
        "kind": kind,
        "sentence": sentence,
    }
    connection.execute(_ADD_NOTE, values)


def count_notes(
    connection: Connection,
    recovery_id: str,
    kind: str | None = None,
    *,
    since: datetime | None = None,
) -> int:
    """Return how many lines the timeline has, of all kinds or one, from the beginning or since an instant."""
    found = _COUNT_NOTES
    if kind is not None:
        found = found.where(notes.c.kind == kind)
    if since is not None:
        found = found.where(notes.c.at > since)
    return connection.execute(found, {"its_id": recovery_id}).scalar_one()


def keep_plan(connection: Connection, recovery_id: str, made_at: datetime, values: dict[str, Any]) -> None:
    """Keep the planner's explanation of the next step; a newer one of the same instant replaces it."""
    row = {"recovery_id": recovery_id, "made_at": made_at, **values}
    upsert(connection, plans, ("recovery_id", "made_at"), row)


def newest_plan(connection: Connection, recovery_id: str) -> dict[str, Any]:
    """Return what the planner last said about the recovery's next step; empty before it was asked."""
    said = connection.execute(_NEWEST_PLAN, {"its_id": recovery_id})
    found: dict[str, Any] | None = said.scalar_one_or_none()
    return found or {}


def _with_invoice(*columns: Any) -> Select[Any]:
    own = (invoices.c.account_id == recoveries.c.account_id, invoices.c.livemode == recoveries.c.livemode)
    same = and_(*own, invoices.c.id == recoveries.c.invoice_id)
    return select(*columns).select_from(recoveries).join(invoices, same, isouter=True)


def _one(
    connection: Connection, query: Select[Any], given: dict[str, Any], *, lock: bool
) -> RecoveryRow | None:
    row = connection.execute(_HELD[query] if lock else query, given).one_or_none()
    return RecoveryRow.of(row) if row is not None else None
