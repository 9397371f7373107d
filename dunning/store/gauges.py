"""What /metrics and /readyz ask of the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Connection, func, select, text

from dunning.core.vocabulary import OPEN, UNFINISHED, AttemptState, EventState
from dunning.store import beats, breakers, checked, gaps, invariants, jobs, listeners, queue
from dunning.store.jobs import Work
from dunning.store.schema import listed
from dunning.store.tables import attempts, events, messages, recoveries


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is under way, and since when it waits: found by indexes, so that every scrape may ask."""

    work: list[Work]
    unfinished: dict[str, int]  # attempts by state
    events_unhandled: int
    unhandled_since: datetime | None
    last_event_at: datetime | None
    breakers_open: int
    safe_mode: bool
    contradictions: int
    attempts_abandoned: int
    listeners_off: int
    missed: dict[str, int]  # by kind, found in the seven days before `now`


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over whole tables, which are asked for now and then only."""

    open_recoveries: dict[str, int]
    attempts: dict[str, int]
    messages: dict[str, int]
    violations: Mapping[str, int]  # by law
    violations_at: datetime  # when they were counted


def read_gauges(connection: Connection, now: datetime) -> Gauges:
    """Return what is under way, over all accounts and both modes."""
    waits = (events.c.ring_at.is_not(None), events.c.state == EventState.NEW)
    unhandled = select(func.count()).select_from(events).where(*waits)
    last = select(events.c.received_at).order_by(events.c.seq.desc()).limit(1)
    return Gauges(
        work=jobs.work(connection, now, held_up=invariants.held_up(connection)),
        unfinished=_unfinished(connection),
        events_unhandled=connection.execute(unhandled).scalar_one(),
        unhandled_since=jobs.unhandled_since(connection),
        last_event_at=connection.execute(last).scalar_one_or_none(),
        breakers_open=len(breakers.all_open(connection)),
        safe_mode=beats.why_closed(connection, now, watching=False) is not None,
        contradictions=len(queue.contradicted(connection)),
        attempts_abandoned=len(queue.abandoned(connection)),
        listeners_off=sum(one.off_at is not None for one in listeners.all_of(connection)),
        missed=gaps.counts(connection, now),
    )


def read_totals(connection: Connection, now: datetime) -> Totals:
    """Return the totals, over all accounts and both modes; this walks whole tables."""
    still = select(recoveries.c.status, func.count()).where(recoveries.c.status.in_(OPEN))
    by_status = connection.execute(still.group_by(recoveries.c.status))
    look = checked.last(connection)
    known = look if look and look.is_fresh(now) else None  # else no clock runs: counted here
    return Totals(
        open_recoveries={status.value: count for status, count in by_status},
        attempts=_by_state(connection, attempts.c.state),
        messages=_by_state(connection, messages.c.state),
        violations=known.counts if known else invariants.check(connection, now),
        violations_at=known.at if known else now,
    )


def migration_of(connection: Connection) -> frozenset[str]:
    """Return the migrations that the database is at; empty for a database without tables."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())


def _unfinished(connection: Connection) -> dict[str, int]:
    """Return the unfinished attempts by state, the states word for word: so the partial index is found."""
    words = text(f"state IN ({listed(UNFINISHED)})")
    found = connection.execute(select(attempts.c.state, func.count()).where(words).group_by(attempts.c.state))
    counts = {state.value: count for state, count in found}
    return {state.value: counts.get(state.value, 0) for state in AttemptState if state in UNFINISHED}


def _by_state(connection: Connection, state: Column[Any]) -> dict[str, int]:
    found = connection.execute(select(state, func.count()).group_by(state))
    return {one.value: count for one, count in found}
