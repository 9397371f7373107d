"""The last time the laws were looked at: when, how long it took, and what broke them since when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, select

from dunning.core.clock import utc
from dunning.store import switches
from dunning.store.tables import switches as switches_table

NAME: Final = "laws"
FRESH: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Checked:
    """One look at all laws: rows that break each, seconds it took, and since when a law is broken."""

    at: datetime
    took_s: float
    counts: Mapping[str, int]
    since: Mapping[str, datetime]

    @property
    def broken(self) -> dict[str, int]:
        """Return the laws that rows break, with how many."""
        return {law: count for law, count in self.counts.items() if count}

    def is_fresh(self, now: datetime) -> bool:
        """Return whether this says how things are, and not how they were."""
        return now - self.at <= FRESH


def keep(connection: Connection, counts: Mapping[str, int], *, at: datetime, took_s: float) -> Checked:
    """Keep a look in the place of the one before; what was broken then is broken since then."""
    before = last(connection)
    known = before.since if before else {}
    since = {law: known.get(law, at) for law, count in counts.items() if count}
    value = {
        "counts": dict(counts),
        "took_s": round(took_s, 3),
        "since": {law: when.isoformat() for law, when in since.items()},
    }
    switches.put(connection, NAME, value, at=at, by="clock")
    return Checked(at, took_s, counts, since)


def last(connection: Connection) -> Checked | None:
    """Return the last look, or None before the first."""
    query = select(switches_table.c.value, switches_table.c.changed_at).where(switches_table.c.name == NAME)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    since = {law: utc(datetime.fromisoformat(when)) for law, when in row.value["since"].items()}
    return Checked(row.changed_at, row.value["took_s"], row.value["counts"], since)
