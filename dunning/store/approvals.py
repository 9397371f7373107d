"""Queries on what waits for a second person's yes or no."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from dunning.store.tables import approvals
from dunning.store.upsert import insert_once


def ask(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Keep a question, unless one of the recovery waits already; return whether it was kept."""
    return insert_once(connection, approvals, values)


def waiting(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return what waits for an answer about a recovery, or None."""
    asked = approvals.c.recovery_id == recovery_id
    found = select(approvals).where(asked, approvals.c.decided_at.is_(None))
    return connection.execute(found).mappings().one_or_none()


def decide(connection: Connection, approval_id: str, *, by: str, approved: bool, now: datetime) -> None:
    """Write down an answer."""
    values = {"decided_by": by, "decided_at": now, "approved": approved}
    connection.execute(update(approvals).where(approvals.c.id == approval_id).values(**values))
