"""When the regular chores last ran; any clock may take one, and only one gets it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from dunning.core.clock import utc
from dunning.store import switches
from dunning.store.tables import switches as switches_table


def take(connection: Connection, name: str, every: timedelta, now: datetime) -> bool:
    """Return whether a chore is due, and stamp it as taken; the first call of all only sets the stamp."""
    key = f"chore:{name}"
    stamp = select(switches_table.c.value).where(switches_table.c.name == key).with_for_update()
    last = connection.execute(stamp).scalar_one_or_none()
    if last is not None and utc(datetime.fromisoformat(last)) + every > now:
        return False
    switches.put(connection, key, now.isoformat(), at=now, by="clock")
    return last is not None
