"""Queries on what staff are asked to do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from dunning.core.vocabulary import TaskState
from dunning.store.tables import customers, messages, recoveries, staff_tasks
from dunning.store.upsert import insert_once

_OPEN = staff_tasks.c.state == TaskState.OPEN


def add(connection: Connection, values: dict[str, Any]) -> bool:
    """Open a task unless its message has one of the kind already; return whether it was opened."""
    return insert_once(connection, staff_tasks, values)


def by_id(connection: Connection, task_id: str) -> RowMapping | None:
    """Return one task."""
    query = select(staff_tasks).where(staff_tasks.c.id == task_id)
    return connection.execute(query).mappings().one_or_none()


def close(
    connection: Connection, task_id: str, state: TaskState, *, at: datetime, by: str, note: str | None = None
) -> bool:
    """Close a task that is open; return whether it was."""
    closed = {"state": state, "closed_at": at, "closed_by": by, "note": note}
    done = connection.execute(update(staff_tasks).where(staff_tasks.c.id == task_id, _OPEN).values(closed))
    return done.rowcount == 1


def drop_of_recovery(connection: Connection, recovery_id: str, why: str, *, at: datetime, by: str) -> None:
    """Close what is open of a recovery: nobody needs to do it any more."""
    dropped = {"state": TaskState.DROPPED, "closed_at": at, "closed_by": by, "note": why}
    connection.execute(
        update(staff_tasks).where(staff_tasks.c.recovery_id == recovery_id, _OPEN).values(dropped)
    )


def drop_of_message(connection: Connection, message_id: str, why: str, *, at: datetime) -> None:
    """Close what is open of a message that does not go out."""
    dropped = {"state": TaskState.DROPPED, "closed_at": at, "closed_by": "dunning", "note": why}
    connection.execute(
        update(staff_tasks).where(staff_tasks.c.message_id == message_id, _OPEN).values(dropped)
    )


def listed(
    connection: Connection, *, livemode: bool, state: TaskState = TaskState.OPEN, most: int = 200
) -> Sequence[RowMapping]:
    """Return tasks with what they are about: the open ones by when they are due, closed ones newest first."""
    order = staff_tasks.c.due_at if state is TaskState.OPEN else staff_tasks.c.closed_at.desc()
    query = (
        select(
            staff_tasks,
            recoveries.c.amount,
            recoveries.c.currency,
            recoveries.c.customer_id,
            recoveries.c.invoice_id,
            recoveries.c.status,
            messages.c.template,
            customers.c.name.label("customer_name"),
            customers.c.email.label("customer_email"),
        )
        .join(recoveries, recoveries.c.id == staff_tasks.c.recovery_id)
        .join(messages, messages.c.id == staff_tasks.c.message_id)
        .outerjoin(
            customers,
            (customers.c.account_id == recoveries.c.account_id)
            & (customers.c.livemode == recoveries.c.livemode)
            & (customers.c.id == recoveries.c.customer_id),
        )
        .where(staff_tasks.c.state == state, staff_tasks.c.livemode == livemode)
        .order_by(order, staff_tasks.c.id)
        .limit(most)
    )
    return connection.execute(query).mappings().all()


def of_recovery(connection: Connection, recovery_id: str) -> Sequence[RowMapping]:
    """Return the tasks of one recovery, by when they are due."""
    query = select(staff_tasks).where(staff_tasks.c.recovery_id == recovery_id)
    return connection.execute(query.order_by(staff_tasks.c.due_at, staff_tasks.c.id)).mappings().all()
