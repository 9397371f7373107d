"""Queries on imports: which there are, and how far each has come."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, update

from dunning.core.billing import Whose
from dunning.core.coverage import Coverage
from dunning.core.ids import derive_id
from dunning.store.tables import import_lists, imports, recoveries
from dunning.store.upsert import insert_once


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One import."""

    id: str
    whose: Whose
    joined_after: str | None
    finished_at: datetime | None


def begin(connection: Connection, whose: Whose, source: str, name: str, now: datetime) -> ImportRow:
    """Return the import from a source; the first call inserts it."""
    row = {
        "id": derive_id("imp", now, whose.account_id, whose.livemode, source),
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "source": source,
        "name": name,
        "started_at": now,
    }
    insert_once(connection, imports, row)
    found = connection.execute(
        select(imports).where(
            imports.c.account_id == whose.account_id,
            imports.c.livemode == whose.livemode,
            imports.c.source == source,
        ),
    ).one()
    return ImportRow(found.id, whose, found.joined_after, found.finished_at)


def change(connection: Connection, import_id: str, **values: Any) -> None:
    """Update an import."""
    connection.execute(update(imports).where(imports.c.id == import_id).values(**values))


def coverage(connection: Connection, import_id: str, list_name: str) -> Coverage:
    """Return how far a list was read."""
    insert_once(connection, import_lists, {"import_id": import_id, "list": list_name})
    columns = [import_lists.c[name] for name in Coverage.__slots__]
    row = connection.execute(select(*columns).where(*_list(import_id, list_name))).mappings().one()
    return Coverage(**row)


def keep_coverage(
    connection: Connection, import_id: str, list_name: str, seen: Coverage, now: Coverage
) -> bool:
    """Write down how far a list was read, unless somebody else has read on since `seen`."""
    mine = (*_list(import_id, list_name), import_lists.c.pages == seen.pages)
    done = connection.execute(update(import_lists).where(*mine).values(**asdict(now)))
    return done.rowcount == 1


def brought(connection: Connection, import_id: str) -> int:
    """Return how many recoveries an import has brought."""
    query = select(func.count()).select_from(recoveries).where(recoveries.c.import_id == import_id)
    return connection.execute(query).scalar_one()


def _list(import_id: str, list_name: str) -> tuple[Any, Any]:
    return import_lists.c.import_id == import_id, import_lists.c.list == list_name
