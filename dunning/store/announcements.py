"""Queries on announcements: what was, or is to be, told to each listener."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, Table, bindparam, delete, func, or_, select, update

from dunning.core.announcement import TellingState
from dunning.store.prepared import ITS_FENCE, ITS_ID
from dunning.store.rows import _Owned, _Row
from dunning.store.tables import announcements
from dunning.store.upsert import insert_all_once

OVER: Final = frozenset({TellingState.TOLD, TellingState.UNKNOWN, TellingState.DEAD, TellingState.DROPPED})
_BY_ID: Final = select(announcements).where(announcements.c.id == ITS_ID)
_HELD: Final = _BY_ID.with_for_update()
_CHANGE: Final = update(announcements).where(announcements.c.id == ITS_ID, announcements.c.fence == ITS_FENCE)
_WAITING: Final = (
    select(announcements)
    .where(
        announcements.c.listener_id == bindparam("its_listener"),
        announcements.c.state == TellingState.PLANNED,
        or_(announcements.c.tries == 0, announcements.c.id == ITS_ID),
    )
    .order_by(announcements.c.made_at, announcements.c.id)
    .limit(bindparam("most"))
    .with_for_update()
)


@dataclass(frozen=True, slots=True)
class AnnouncementRow(_Row, _Owned):
    """One announcement to one listener."""

    table: ClassVar[Table] = announcements

    id: str
    account_id: str
    livemode: bool
    listener_id: str
    announcement_id: str
    topic: str
    recovery_id: str | None
    body: str
    state: TellingState
    tries: int
    made_at: datetime
    tried_at: datetime | None
    told_at: datetime | None
    answer: str | None
    lease_until: datetime | None
    fence: int
    ring_at: datetime | None


def add(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Insert announcements; one that a listener has already is left as it is."""
    insert_all_once(connection, announcements, rows)


def by_id(connection: Connection, row_id: str, *, lock: bool = False) -> AnnouncementRow | None:
    """Return one announcement to one listener; `lock` holds it until the transaction ends."""
    row = connection.execute(_HELD if lock else _BY_ID, {"its_id": row_id}).one_or_none()
    return AnnouncementRow.of(row) if row is not None else None


def waiting(connection: Connection, row: AnnouncementRow, most: int) -> list[AnnouncementRow]:
    """Return a row with what else its listener was never told, oldest first, held until the end."""
    found = connection.execute(_WAITING, {"its_listener": row.listener_id, "its_id": row.id, "most": most})
    return [AnnouncementRow.of(row) for row in found]


def change(connection: Connection, row_id: str, seen: int, **values: Any) -> bool:
    """Update an announcement unless a later claim outdates the fence `seen`; return whether it was ours."""
    return connection.execute(_CHANGE, {"its_id": row_id, "its_fence": seen, **values}).rowcount == 1


def recent(connection: Connection, listener_id: str, most: int) -> list[AnnouncementRow]:
    """Return a listener's newest announcements, newest first."""
    query = (
        select(announcements)
        .where(announcements.c.listener_id == listener_id)
        .order_by(announcements.c.made_at.desc(), announcements.c.id.desc())
        .limit(most)
    )
    return [AnnouncementRow.of(row) for row in connection.execute(query)]


def count(connection: Connection, listener_id: str) -> int:
    """Return how many announcements of a listener are kept."""
    query = select(func.count()).where(announcements.c.listener_id == listener_id)
    return connection.execute(query).scalar_one()


def again(connection: Connection, now: datetime, *, row_id: str = "", listener_id: str = "") -> int:
    """Let one announcement, or every dead one of a listener, be told again; return how many.

    An announcement that is being told just now is left alone.
    """
    one = (announcements.c.id == row_id, announcements.c.state.in_(sorted(OVER)))
    dead = (announcements.c.listener_id == listener_id, announcements.c.state == TellingState.DEAD)
    anew = {"state": TellingState.PLANNED, "tries": 0, "ring_at": now, "lease_until": None, "told_at": None}
    which = update(announcements).where(*(one if row_id else dead))
    return connection.execute(which.values(**anew, fence=announcements.c.fence + 1)).rowcount


def drop(connection: Connection, listener_id: str, why: str) -> None:
    """Give up what waits to be told to a listener."""
    waits = (announcements.c.listener_id == listener_id, announcements.c.state == TellingState.PLANNED)
    dropped = {"state": TellingState.DROPPED, "answer": why, "ring_at": None}
    connection.execute(update(announcements).where(*waits).values(**dropped, fence=announcements.c.fence + 1))


def forget(connection: Connection, before: datetime) -> int:
    """Delete the announcements that are over and were made before `before`; return how many."""
    old = (announcements.c.made_at < before, announcements.c.ring_at.is_(None))
    return connection.execute(delete(announcements).where(*old)).rowcount
