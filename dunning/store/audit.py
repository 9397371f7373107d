"""The audit log: every change by a person, a program or a rule, chained so that tampering shows."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, func, insert, or_, select, update

from dunning.core.audit import START, Entry, Head, first_break, seal, written
from dunning.store.tables import audit_head, audit_log

SEARCHED: Final = ("actor", "action", "object", "before", "after")
BATCH: Final = 1000


def hold(connection: Connection) -> Head:
    """Hold the end of the chain until the transaction ends; what is held after it never waits for it.

    Flows that lock recoveries come here last, and those that change people come here first.
    """
    query = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1).with_for_update()
    row = connection.execute(query).one_or_none()
    return Head(row.seq, row.hash) if row is not None else Head(0, START)


def append(
    connection: Connection,
    *,
    at: datetime,
    by: str,
    action: str,
    about: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Enter a change, in the transaction that makes it; `about` names the object."""
    head = hold(connection)
    entry = Entry(head.seq + 1, at, by, action, about, written(before), written(after), head.hash)
    sealed = seal(entry)
    row = {name: getattr(entry, name) for name in Entry.__slots__}
    connection.execute(insert(audit_log).values(**row, hash=sealed))
    connection.execute(update(audit_head).where(audit_head.c.id == 1).values(seq=entry.seq, hash=sealed))


def broken(connection: Connection) -> str | None:
    """Return where the chain is broken, as a sentence, or None when it is whole."""
    query = select(audit_head.c.seq, audit_head.c.hash).where(audit_head.c.id == 1)
    row = connection.execute(query).one_or_none()
    return first_break(_entries(connection), Head(row.seq, row.hash) if row is not None else None)


def count(connection: Connection) -> int:
    """Return how many entries there are."""
    return int(connection.execute(select(func.count()).select_from(audit_log)).scalar_one())


def page(
    connection: Connection, *, q: str = "", before: int | None = None, limit: int = 50
) -> Sequence[RowMapping]:
    """Return entries that mention every word of `q`, newest first; `before` is a seq that all are under."""
    query = select(audit_log).order_by(audit_log.c.seq.desc()).limit(limit)
    if before is not None:
        query = query.where(audit_log.c.seq < before)
    for word in q.lower().split():
        query = query.where(or_(*(_mentions(name, word) for name in SEARCHED)))
    return connection.execute(query).mappings().all()


def _mentions(name: str, word: str) -> Any:
    return func.lower(audit_log.c[name]).contains(word, autoescape=True)


def _entries(connection: Connection) -> Iterator[tuple[Entry, str]]:
    last = -1
    while True:
        query = select(audit_log).where(audit_log.c.seq > last).order_by(audit_log.c.seq).limit(BATCH)
        rows = connection.execute(query).mappings().all()
        for row in rows:
            yield Entry(**{name: row[name] for name in Entry.__slots__}), row["hash"]
        if len(rows) < BATCH:
            return
        last = rows[-1]["seq"]
