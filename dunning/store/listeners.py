"""Queries on listeners: who outside the house is told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, Table, insert, select, update

from dunning.core.announcement import Listener, ListenerKind, Topic
from dunning.store.prepared import ITS_ID
from dunning.store.rows import _Row
from dunning.store.tables import listeners

_HEARING: Final = select(listeners).where(listeners.c.removed_at.is_(None), listeners.c.off_at.is_(None))
_BY_ID: Final = select(listeners).where(listeners.c.id == ITS_ID)
# Weaker than FOR UPDATE: the announcements of a transaction elsewhere name the row, and do not wait for it.
_HELD: Final = _BY_ID.with_for_update(key_share=True)
_KNOWN: Final = frozenset(Topic)


@dataclass(frozen=True, slots=True)
class ListenerRow(_Row):
    """One listener."""

    table: ClassVar[Table] = listeners

    id: str
    kind: ListenerKind
    target: str
    topics: list[str]
    at_least: dict[str, int]
    secret_version: int
    old_secret_until: datetime | None
    failing_since: datetime | None
    quiet_until: datetime | None
    off_at: datetime | None
    off_why: str | None
    removed_at: datetime | None
    added_at: datetime

    @property
    def listener(self) -> Listener:
        """Return whom an announcement is matched with; a topic of another version is not heard."""
        topics = frozenset(Topic(word) for word in self.topics if word in _KNOWN)
        return Listener(self.id, self.kind, self.target, topics, self.at_least)


def hearing(connection: Connection) -> list[Listener]:
    """Return the listeners that are on; there are a handful at most."""
    return [ListenerRow.of(row).listener for row in connection.execute(_HEARING)]


def by_id(connection: Connection, listener_id: str, *, lock: bool = False) -> ListenerRow | None:
    """Return one listener, also a removed one; `lock` holds it until the transaction ends."""
    row = connection.execute(_HELD if lock else _BY_ID, {"its_id": listener_id}).one_or_none()
    return ListenerRow.of(row) if row is not None else None


def all_of(connection: Connection) -> Sequence[ListenerRow]:
    """Return the listeners that were not removed, oldest first."""
    query = select(listeners).where(listeners.c.removed_at.is_(None)).order_by(listeners.c.id)
    return [ListenerRow.of(row) for row in connection.execute(query)]


def add(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a listener."""
    connection.execute(insert(listeners), values)


def change(connection: Connection, listener_id: str, **values: Any) -> None:
    """Update a listener."""
    connection.execute(update(listeners).where(listeners.c.id == listener_id).values(values))
