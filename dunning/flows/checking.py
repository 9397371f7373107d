"""Looking after the laws: every five minutes all of them are asked, and the result is kept for all to see."""

import time
from datetime import timedelta
from typing import Final

from dunning import logs
from dunning.flows.house import House
from dunning.store import checked, invariants

LATELY: Final = timedelta(days=2)  # charges before that were looked at when they were new
REST: Final = 20  # times as long as a look took: looking takes a twentieth of a database's time at most

log = logs.get(__name__)


def look(house: House) -> int:
    """Ask every law and keep the result; return how many laws are broken now."""
    now = house.clock.now()
    with house.store.read() as connection:
        before = checked.last(connection)
        if before is not None and timedelta(0) <= now - before.at < timedelta(seconds=REST * before.took_s):
            return len(before.broken)
        began = time.monotonic()
        counts = invariants.check(connection, now, now - LATELY)
    with house.store.write() as connection:
        found = checked.keep(connection, counts, at=now, took_s=time.monotonic() - began)
    for law, count in found.broken.items():
        log.error("law_broken", law=law, rows=count, since=found.since[law].isoformat())
    return len(found.broken)
