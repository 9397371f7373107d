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
    ScalarSelect,
    Select,
    Table,
    bindparam,
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
    erasures,
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
    "erasure": (erasures, "id"),
}


def _soonest(table: Table) -> ScalarSelect[Any]:
    return select(func.min(table.c.ring_at)).where(table.c.ring_at.is_not(None)).scalar_subquery()


# By the soonest of each kind: asked whether any row is due, PostgreSQL believes that many are, and walks
# the table.
_ANYTHING: Final = union_all(
    *(
        select(literal(kind).label("kind")).where(_soonest(table) <= bindparam("now", type_=UTCDateTime()))
        for kind, (table, _) in KINDS.items()
    ),
)
_NEXT: Final = union_all(*(select(_soonest(table)) for table, _ in KINDS.values()))


def _finding(table: Table, key: Column[Any], *order: Column[Any]) -> Select[Any]:
    return (
        select(key)
        .where(table.c.ring_at.is_not(None), table.c.ring_at <= bindparam("now"))
        .order_by(table.c.ring_at, *order)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
    )


# SQLite's runs can be repeated to the letter, so there ties have an order. PostgreSQL would sort a whole
# backlog that fell due at one instant for each hundred of it.
_DUE: Final = {
    kind: {
        "postgresql": _finding(table, table.c[name]),
        "sqlite": _finding(table, table.c[name], table.c[name]),
    }
    for kind, (table, name) in KINDS.items()
}
_AGAIN: Final = {
    kind: update(table).where(table.c[name].in_(bindparam("found", expanding=True)))
    for kind, (table, name) in KINDS.items()
}


def kinds_due(connection: Connection, now: datetime) -> list[str]:
    """Return the kinds of which at least one row is due: one cheap look before anything is locked."""
    return list(connection.execute(_ANYTHING, {"now": now}).scalars())


def stamp(connection: Connection, kind: str, now: datetime, limit: int = 100) -> list[Any]:
    """Return the ids of up to `limit` due rows of a kind, longest due first, and move their time forward."""
    due = _DUE[kind][connection.dialect.name]
    found = list(connection.execute(due, {"now": now, "most": limit}).scalars())
    if found:
        connection.execute(_AGAIN[kind], {"found": found, "ring_at": now + RING_AGAIN})
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
