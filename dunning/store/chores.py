"""When the regular chores last ran; any clock may take one, and only one gets it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, select

from dunning.core.clock import utc
from dunning.store import switches
from dunning.store.tables import switches as switches_table

PREFIX = "chore:"
_STAMPS: Final = select(switches_table.c.name, switches_table.c.value).where(
    switches_table.c.name.in_(bindparam("names", expanding=True)),
)


def due(connection: Connection, every: Mapping[str, timedelta], now: datetime) -> list[str]:
    """Return the chores that were never stamped, or whose time has come again."""
    rows = connection.execute(_STAMPS, {"names": [PREFIX + name for name in every]})
    last: dict[str, str] = {row.name: row.value for row in rows}
    return [name for name, gap in every.items() if _is_due(last.get(PREFIX + name), gap, now)]


def take(connection: Connection, name: str, every: timedelta, now: datetime) -> bool:
    """Return whether a chore is due, and stamp it as taken; the first call of all only sets the stamp."""
    stamp = select(switches_table.c.value).where(switches_table.c.name == PREFIX + name).with_for_update()
    last = connection.execute(stamp).scalar_one_or_none()
    if not _is_due(last, every, now):
        return False
    switches.put(connection, PREFIX + name, now.isoformat(), at=now, by="clock")
    return last is not None


def _is_due(last: str | None, every: timedelta, now: datetime) -> bool:
    return last is None or utc(datetime.fromisoformat(last)) + every <= now
