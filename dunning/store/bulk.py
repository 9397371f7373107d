"""Queries on bulk actions: what each says it will do, how far it has come, and who has it in hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, func, insert, or_, select, update

from dunning.core.vocabulary import BulkRowState, BulkState
from dunning.store.tables import bulk_rows, bulk_runs, customers, queue_items, recoveries


def add(connection: Connection, run: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep a bulk action with its rows."""
    connection.execute(insert(bulk_runs), dict(run))
    if rows:
        connection.execute(insert(bulk_rows), [dict(row) for row in rows])


def by_id(connection: Connection, run_id: str) -> RowMapping | None:
    """Return a bulk action, or None."""
    return connection.execute(select(bulk_runs).where(bulk_runs.c.id == run_id)).mappings().one_or_none()


def counts(connection: Connection, run_id: str) -> Mapping[BulkRowState, int]:
    """Return how many rows are in each state."""
    query = select(bulk_rows.c.state, func.count()).where(bulk_rows.c.run_id == run_id)
    found = {row[0]: row[1] for row in connection.execute(query.group_by(bulk_rows.c.state))}
    return {state: found.get(state, 0) for state in BulkRowState}


def rows(connection: Connection, run_id: str) -> Sequence[RowMapping]:
    """Return the rows with whose each is, what is skipped first."""
    same = and_(
        customers.c.account_id == recoveries.c.account_id, customers.c.livemode == recoveries.c.livemode
    )
    query = (
        select(
            *bulk_rows.c,
            recoveries.c.amount,
            recoveries.c.currency,
            recoveries.c.invoice_id,
            func.coalesce(customers.c.name, customers.c.email, recoveries.c.invoice_id).label("who"),
        )
        .join(recoveries, recoveries.c.id == bulk_rows.c.recovery_id)
        .join(customers, and_(same, customers.c.id == recoveries.c.customer_id), isouter=True)
        .where(bulk_rows.c.run_id == run_id)
        .order_by(bulk_rows.c.state.desc(), bulk_rows.c.recovery_id.desc())
    )
    return connection.execute(query).mappings().all()


def open_ones(connection: Connection, recovery_ids: Sequence[str]) -> Mapping[str, bool]:
    """Return of each recovery that there is whether it is open."""
    query = select(queue_items.c.recovery_id, queue_items.c.open)
    found = connection.execute(query.where(queue_items.c.recovery_id.in_(recovery_ids)))
    return {row.recovery_id: row.open for row in found}


def start(connection: Connection, run_id: str, now: datetime) -> bool:
    """Let a bulk action begin; return whether it had not begun."""
    waits = and_(bulk_runs.c.id == run_id, bulk_runs.c.state == BulkState.SHOWN)
    done = connection.execute(update(bulk_runs).where(waits).values(state=BulkState.RUNNING, ring_at=now))
    return done.rowcount == 1


def claim(
    connection: Connection, run_id: str, lease_now: datetime, lease: timedelta, ring_at: datetime
) -> bool:
    """Take a running bulk action in hand; return whether nobody else has it."""
    free = or_(bulk_runs.c.lease_until.is_(None), bulk_runs.c.lease_until <= lease_now)
    mine = and_(bulk_runs.c.id == run_id, bulk_runs.c.state == BulkState.RUNNING, free)
    values = {"lease_until": lease_now + lease, "fence": bulk_runs.c.fence + 1, "ring_at": ring_at}
    return connection.execute(update(bulk_runs).where(mine).values(**values)).rowcount == 1


def planned(connection: Connection, run_id: str, most: int) -> Sequence[str]:
    """Return recoveries that are still to be done."""
    waits = (bulk_rows.c.run_id == run_id, bulk_rows.c.state == BulkRowState.PLANNED)
    query = select(bulk_rows.c.recovery_id).where(*waits).order_by(bulk_rows.c.recovery_id).limit(most)
    return connection.execute(query).scalars().all()


def end_row(
    connection: Connection, run_id: str, recovery_id: str, state: BulkRowState, sentence: str
) -> None:
    """Write down what became of one recovery."""
    mine = and_(bulk_rows.c.run_id == run_id, bulk_rows.c.recovery_id == recovery_id)
    connection.execute(update(bulk_rows).where(mine).values(state=state, sentence=sentence))


def let_go(connection: Connection, run_id: str, now: datetime, *, over: bool) -> None:
    """Lay a bulk action down: it is over, or rings again at once."""
    values = {"state": BulkState.DONE, "finished_at": now, "ring_at": None} if over else {"ring_at": now}
    connection.execute(update(bulk_runs).where(bulk_runs.c.id == run_id).values(lease_until=None, **values))
