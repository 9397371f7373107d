"""What /metrics and /readyz ask of the database."""

from dataclasses import dataclass
from datetime import datetime

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, func, select

from dunning.core.vocabulary import OPEN, EventState
from dunning.store import breakers, gaps, listeners, queue
from dunning.store.tables import announcements, attempts, events, messages, notices, recoveries


@dataclass(frozen=True, slots=True)
class Gauges:
    """Counts of what is under way, and the oldest due time that nobody has taken up."""

    open_recoveries: dict[str, int]
    attempts: dict[str, int]
    events_unhandled: int
    oldest_due: dict[str, datetime]
    breakers_open: int
    contradictions: int
    attempts_abandoned: int
    listeners_off: int
    missed: dict[str, int]  # by kind, found in the seven days before `now`


def read_gauges(connection: Connection, now: datetime) -> Gauges:
    """Return the counts, over all accounts and both modes."""
    by_status = (
        select(recoveries.c.status, func.count())
        .where(recoveries.c.status.in_(OPEN))
        .group_by(recoveries.c.status)
    )
    by_state = select(attempts.c.state, func.count()).group_by(attempts.c.state)
    unhandled = select(func.count()).select_from(events).where(events.c.state == EventState.NEW)
    return Gauges(
        open_recoveries={status.value: n for status, n in connection.execute(by_status)},
        attempts={state.value: n for state, n in connection.execute(by_state)},
        events_unhandled=connection.execute(unhandled).scalar_one(),
        oldest_due=_oldest_due(connection),
        breakers_open=len(breakers.all_open(connection)),
        contradictions=len(queue.contradicted(connection)),
        attempts_abandoned=len(queue.abandoned(connection)),
        listeners_off=sum(one.off_at is not None for one in listeners.all_of(connection)),
        missed=gaps.counts(connection, now),
    )


def migration_of(connection: Connection) -> frozenset[str]:
    """Return the migrations that the database is at; empty for a database without tables."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())


def _oldest_due(connection: Connection) -> dict[str, datetime]:
    found = {}
    for table in (events, recoveries, attempts, messages, notices, announcements):
        ring_at = table.c.ring_at
        oldest = connection.execute(select(func.min(ring_at)).where(ring_at.is_not(None))).scalar_one()
        if oldest is not None:
            found[table.name] = oldest
    return found
