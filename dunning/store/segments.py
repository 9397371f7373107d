"""Queries on segments: versions that never change, of which the newest holds."""

from datetime import datetime

from sqlalchemy import Connection, insert, select

from dunning.core.segments import Segments
from dunning.store.tables import segments


def current(connection: Connection) -> Segments:
    """Return the segments as they stand; none before the first version."""
    newest = select(segments.c.version, segments.c.definition).order_by(segments.c.version.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return Segments.loads(row.definition, row.version) if row is not None else Segments()


def publish(connection: Connection, new: Segments, *, at: datetime, by: str) -> None:
    """Put the next version into force; `new.version` is the one that it was made from.

    The caller holds the switches (`switches.hold`), so that two never write one version.
    """
    row = {"version": new.version + 1, "definition": new.dumps(), "published_at": at, "published_by": by}
    connection.execute(insert(segments).values(**row))
