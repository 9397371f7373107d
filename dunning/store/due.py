"""What is due: the clock's two queries.

A row is due when its `ring_at` has come. Ringing stamps the row with when to ring again, in the same
statement that finds it: the indexed column itself moves forward, so a poll never walks over rows that were
taken, and two clocks share the work. The stamp is no claim; the worker claims.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Select,
    Table,
    Update,
    bindparam,
    exists,
    func,
    literal,
    select,
    union_all,
    update,
)

from dunning.store.tables import (
    announcements,
    attempts,
    bulk_runs,
    errands,
    events,
    messages,
    notices,
    queue_items,
    recoveries,
)
from dunning.store.types import UTCDateTime

RING_AGAIN: Final = timedelta(seconds=100)  # lost bells are rung again within two minutes
KINDS: Final[dict[str, tuple[Table, str]]] = {
    "event": (events, "seq"),
    "attempt": (attempts, "id"),
    "recovery": (recoveries, "id"),
    "message": (messages, "id"),
    "errand": (errands, "id"),
    "announcement": (announcements, "id"),
    "notice": (notices, "id"),
    "placing": (queue_items, "recovery_id"),
    "bulk": (bulk_runs, "id"),
}


_ANYTHING: Final = union_all(
    *(
        select(literal(kind).label("kind")).where(
            exists().where(
                table.c.ring_at.is_not(None), table.c.ring_at <= bindparam("now", type_=UTCDateTime())
            ),
        )
        for kind, (table, _) in KINDS.items()
    ),
)
_NEXT: Final = union_all(
    *(select(func.min(table.c.ring_at)).where(table.c.ring_at.is_not(None)) for table, _ in KINDS.values()),
)


def _stamping(table: Table, key: Column[Any]) -> tuple[Select[Any], Update]:
    due = (
        select(key)
        .where(table.c.ring_at.is_not(None), table.c.ring_at <= bindparam("now"))
        .order_by(table.c.ring_at, key)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )
    return due, update(table).where(key.in_(bindparam("found", expanding=True)))


_STAMP: Final = {kind: _stamping(table, table.c[name]) for kind, (table, name) in KINDS.items()}


def kinds_due(connection: Connection, now: datetime) -> list[str]:
    """Return the kinds of which at least one row is due: one cheap look before anything is locked."""
    return list(connection.execute(_ANYTHING, {"now": now}).scalars())


def stamp(connection: Connection, kind: str, now: datetime, limit: int = 100) -> list[Any]:
    """Return the ids of up to `limit` due rows of a kind, oldest first, and move their due time forward."""
    due, again = _STAMP[kind]
    found = list(connection.execute(due, {"now": now, "most": limit}).scalars())
    if found:
        connection.execute(again, {"found": found, "ring_at": now + RING_AGAIN})
    return found


def push(connection: Connection, kind: str, row_id: Any, until: datetime) -> None:
    """Let a row that raised an error wait until `until`: it must not block its neighbours, nor spin."""
    table, id_column = KINDS[kind]
    row = (table.c[id_column] == row_id, table.c.ring_at.is_not(None))
    connection.execute(update(table).where(*row).values(ring_at=until))


def next_ring(connection: Connection) -> datetime | None:
    """Return when the next row of any kind is due."""
    nexts = connection.execute(_NEXT).scalars()
    return min((instant for instant in nexts if instant is not None), default=None)
