"""Queries on recoveries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, and_, exists, func, insert, select, update

from dunning.core.billing import Whose
from dunning.core.vocabulary import OPEN
from dunning.store.rows import RecoveryRow
from dunning.store.tables import attempts, events, invoices, notes, plans, recoveries
from dunning.store.upsert import upsert

_OPEN = sorted(OPEN)
IDS_A_QUERY: Final = 500
_MADE: Final = func.coalesce(invoices.c.created_at, recoveries.c.failed_at).label("since")


def by_id(connection: Connection, recovery_id: str, *, lock: bool = False) -> RecoveryRow | None:
    """Return one recovery; `lock` holds it until the transaction ends."""
    return _one(connection, select(recoveries).where(recoveries.c.id == recovery_id), lock=lock)


def newest_of_invoice(
    connection: Connection,
    whose: Whose,
    invoice_id: str,
    *,
    lock: bool = False,
) -> RecoveryRow | None:
    """Return the invoice's open recovery, or else its newest closed one."""
    of_invoice = (
        select(recoveries)
        .where(*_belongs(whose), recoveries.c.invoice_id == invoice_id)
        .order_by(recoveries.c.opened_at.desc(), recoveries.c.id.desc())
        .limit(1)
    )
    return _one(connection, of_invoice, lock=lock)


def open_of_customer(connection: Connection, whose: Whose, customer_id: str) -> list[RecoveryRow]:
    """Return the customer's open recoveries, oldest first, held until the transaction ends."""
    found = (
        select(recoveries)
        .where(*_belongs(whose), recoveries.c.customer_id == customer_id, recoveries.c.status.in_(_OPEN))
        .order_by(recoveries.c.id)
        .with_for_update()
    )
    return [RecoveryRow.of(row) for row in connection.execute(found)]


def open_of_subscription(connection: Connection, whose: Whose, subscription_id: str) -> list[RecoveryRow]:
    """Return the subscription's open recoveries, oldest first, held until the transaction ends."""
    found = (
        select(recoveries)
        .where(
            *_belongs(whose),
            recoveries.c.subscription_id == subscription_id,
            recoveries.c.status.in_(_OPEN),
        )
        .order_by(recoveries.c.id)
        .with_for_update()
    )
    return [RecoveryRow.of(row) for row in connection.execute(found)]


def all_open_ids(connection: Connection) -> Sequence[str]:
    """Return the ids of every open recovery, oldest first."""
    found = select(recoveries.c.id).where(recoveries.c.status.in_(_OPEN)).order_by(recoveries.c.id)
    return connection.execute(found).scalars().all()


def known_invoices(connection: Connection, whose: Whose, invoice_ids: Sequence[str]) -> frozenset[str]:
    """Return which of these invoices have a recovery, open or closed."""
    found: set[str] = set()
    for start in range(0, len(invoice_ids), IDS_A_QUERY):
        some = recoveries.c.invoice_id.in_(invoice_ids[start : start + IDS_A_QUERY])
        found.update(
            connection.execute(select(recoveries.c.invoice_id).where(*_belongs(whose), some)).scalars()
        )
    return frozenset(found)


def open_invoices(connection: Connection, whose: Whose) -> Sequence[tuple[str, datetime]]:
    """Return the invoice of every open recovery and when it was made, oldest recovery first."""
    query = _with_invoice(recoveries.c.invoice_id, _MADE).where(
        *_belongs(whose), recoveries.c.status.in_(_OPEN)
    )
    return [(row.invoice_id, row.since) for row in connection.execute(query.order_by(recoveries.c.id))]


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
    connection.execute(insert(recoveries).values(**values))


def change(connection: Connection, recovery_id: str, **values: Any) -> None:
    """Update a recovery that this transaction holds."""
    connection.execute(
        update(recoveries)
        .where(recoveries.c.id == recovery_id)
        .values(**values, row_version=recoveries.c.row_version + 1),
    )


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
    connection.execute(insert(notes).values(**values))


def count_notes(connection: Connection, recovery_id: str) -> int:
    """Return how many lines the timeline has."""
    found = select(func.count()).select_from(notes).where(notes.c.recovery_id == recovery_id)
    return connection.execute(found).scalar_one()


def keep_plan(connection: Connection, recovery_id: str, made_at: datetime, values: dict[str, Any]) -> None:
    """Keep the planner's explanation of the next step; a newer one of the same instant replaces it."""
    row = {"recovery_id": recovery_id, "made_at": made_at, **values}
    upsert(connection, plans, ("recovery_id", "made_at"), row)


def newest_plan(connection: Connection, recovery_id: str) -> dict[str, Any]:
    """Return what the planner last said about the recovery's next step; empty before it was asked."""
    query = (
        select(plans.c.explanation)
        .where(plans.c.recovery_id == recovery_id)
        .order_by(plans.c.made_at.desc())
        .limit(1)
    )
    found: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return found or {}


def _with_invoice(*columns: Any) -> Select[Any]:
    own = (invoices.c.account_id == recoveries.c.account_id, invoices.c.livemode == recoveries.c.livemode)
    same = and_(*own, invoices.c.id == recoveries.c.invoice_id)
    return select(*columns).select_from(recoveries).join(invoices, same, isouter=True)


def _belongs(whose: Whose) -> tuple[Any, Any]:
    return recoveries.c.account_id == whose.account_id, recoveries.c.livemode == whose.livemode


def _one(connection: Connection, query: Select[Any], *, lock: bool) -> RecoveryRow | None:
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return RecoveryRow.of(row) if row is not None else None
