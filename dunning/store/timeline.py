"""One recovery with everything that happened to it, and the campaign it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, RowMapping, Select, Table, and_, select

from dunning.store.tables import (
    attempts,
    campaigns,
    cards,
    customers,
    errands,
    invoices,
    ledger_entries,
    messages,
    notes,
    plans,
    recoveries,
    staff_tasks,
    subscriptions,
)


@dataclass(frozen=True, slots=True)
class Story:
    """A recovery's rows; those of the past are oldest first."""

    recovery: RowMapping
    invoice: RowMapping | None
    customer: RowMapping | None
    card: RowMapping | None
    fresh_card: RowMapping | None
    plan: RowMapping | None  # the newest
    attempts: Sequence[RowMapping]
    messages: Sequence[RowMapping]
    notes: Sequence[RowMapping]
    ledger: Sequence[RowMapping]
    errands: Sequence[RowMapping]
    tasks: Sequence[RowMapping]
    subscription: RowMapping | None
    campaign: dict[str, Any] | None


def story(connection: Connection, recovery_id: str) -> Story | None:
    """Return everything about one recovery, or None when there is no such recovery."""
    found = connection.execute(select(recoveries).where(recoveries.c.id == recovery_id)).mappings()
    recovery = found.one_or_none()
    if recovery is None:
        return None
    return Story(
        recovery=recovery,
        invoice=_mirror(connection, invoices, recovery, "invoice_id"),
        customer=_mirror(connection, customers, recovery, "customer_id"),
        card=_mirror(connection, cards, recovery, "card_id"),
        fresh_card=_mirror(connection, cards, recovery, "fresh_card_id"),
        plan=_rows(connection, _of(plans, recovery_id).order_by(plans.c.made_at.desc()).limit(1)),
        attempts=_all(connection, attempts, recovery_id, attempts.c.at),
        messages=_all(connection, messages, recovery_id, messages.c.due_at),
        notes=_all(connection, notes, recovery_id, notes.c.at),
        ledger=_all(connection, ledger_entries, recovery_id, ledger_entries.c.at),
        errands=_all(connection, errands, recovery_id, errands.c.planned_at),
        tasks=_all(connection, staff_tasks, recovery_id, staff_tasks.c.due_at),
        subscription=_mirror(connection, subscriptions, recovery, "subscription_id"),
        campaign=_campaign(connection, recovery),
    )


def message(connection: Connection, recovery_id: str, message_id: str) -> RowMapping | None:
    """Return one message of a recovery, or None."""
    query = _of(messages, recovery_id).where(messages.c.id == message_id)
    return connection.execute(query).mappings().one_or_none()


def _mirror(connection: Connection, table: Table, recovery: RowMapping, column: str) -> RowMapping | None:
    query = select(table).where(
        table.c.account_id == recovery["account_id"],
        table.c.livemode == recovery["livemode"],
        table.c.id == recovery[column],
    )
    return connection.execute(query).mappings().one_or_none()


def _campaign(connection: Connection, recovery: RowMapping) -> dict[str, Any] | None:
    query = select(campaigns.c.definition).where(
        and_(
            campaigns.c.key == recovery["campaign_key"],
            campaigns.c.version == recovery["campaign_version"],
        ),
    )
    definition: dict[str, Any] | None = connection.execute(query).scalar_one_or_none()
    return definition


def _all(connection: Connection, table: Table, recovery_id: str, order: Column[Any]) -> Sequence[RowMapping]:
    key = table.c.id
    return connection.execute(_of(table, recovery_id).order_by(order, key)).mappings().all()


def _of(table: Table, recovery_id: str) -> Select[Any]:
    return select(table).where(table.c.recovery_id == recovery_id)


def _rows(connection: Connection, query: Select[Any]) -> RowMapping | None:
    return connection.execute(query).mappings().one_or_none()
