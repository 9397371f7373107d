"""Queries on the views of the queue that staff saved, and on what its filters can choose from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, and_, delete, select

from dunning.store.tables import queue_items, saved_views
from dunning.store.upsert import upsert

LOOKED_AT: Final = 2000  # of the newest open lines, for what a filter offers
OFFERED: Final = ("currency", "country", "plan", "owner", "campaign_key", "segment")


def save(connection: Connection, view_id: str, *, name: str, query: str, by: str, now: datetime) -> None:
    """Keep a view of the queue, in the place of one with the same id."""
    values = {"id": view_id, "name": name, "query": query, "by": by, "saved_at": now}
    upsert(connection, saved_views, ("id",), values)


def remove(connection: Connection, view_id: str) -> Mapping[str, str] | None:
    """Forget a view; return its name and query, or None where there is none."""
    gone = delete(saved_views).where(saved_views.c.id == view_id)
    returned = gone.returning(saved_views.c.name, saved_views.c.query)
    row = connection.execute(returned).mappings().one_or_none()
    return dict(row) if row is not None else None


def all_views(connection: Connection) -> Sequence[RowMapping]:
    """Return every view, by name."""
    return (
        connection.execute(select(saved_views).order_by(saved_views.c.name, saved_views.c.id))
        .mappings()
        .all()
    )


def offered(connection: Connection, *, livemode: bool) -> Mapping[str, Sequence[str]]:
    """Return what the filters can choose from, as the newest open lines have it."""
    columns = [queue_items.c[name] for name in OFFERED]
    mine = and_(queue_items.c.livemode == livemode, queue_items.c.open.is_(True))
    newest = select(*columns).where(mine).order_by(queue_items.c.recovery_id.desc()).limit(LOOKED_AT)
    rows = connection.execute(newest).all()
    return {name: sorted({row[place] for row in rows if row[place]}) for place, name in enumerate(OFFERED)}
