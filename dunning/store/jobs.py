"""The work by kind of row: what is due, in hand and set aside, how old the oldest is, and trying it again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, RowMapping, Table, bindparam, func, select, update

from dunning.core.announcement import TellingState
from dunning.core.vocabulary import AttemptState, ErrandState, EventState, MessageState, Status
from dunning.store.due import KINDS, RING_AGAIN
from dunning.store.tables import announcements, attempts, errands, events, messages, notices, recoveries

SHOWN: Final = 20
MONEY_AND_MAIL: Final = frozenset({"attempt", "recovery", "message", "notice"})  # a kill switch holds these


@dataclass(frozen=True, slots=True)
class Dead:
    """Rows that nothing takes up again by itself: their state, what was said, when, and the state before."""

    state: Any
    note: Column[Any]
    since: Column[Any]
    anew: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """One kind: rows that are due, that were rung or are in hand, and that are set aside."""

    kind: str
    due: int
    taken: int
    dead: int
    oldest_due: datetime | None


DEAD: Final[dict[str, Dead]] = {
    "event": Dead(
        EventState.PARKED, events.c.note, events.c.handled_at, {"state": EventState.NEW, "handled_at": None}
    ),
    "message": Dead(MessageState.FAILED, messages.c.note, messages.c.due_at, {"state": MessageState.PLANNED}),
    "notice": Dead(MessageState.FAILED, notices.c.note, notices.c.due_at, {"state": MessageState.PLANNED}),
    "errand": Dead(
        ErrandState.REFUSED,
        errands.c.note,
        errands.c.finished_at,
        {"state": ErrandState.PLANNED, "finished_at": None},
    ),
    "announcement": Dead(
        TellingState.DEAD,
        announcements.c.answer,
        announcements.c.tried_at,
        {"state": TellingState.PLANNED, "tries": 0, "told_at": None},
    ),
}
# When work was due by its own account: ringing moves `ring_at` on, also where no worker hears the bell.
OWN_DUE: Final = (
    ("event", events.c.received_at, events.c.state == EventState.NEW),
    ("attempt", attempts.c.at, attempts.c.state.in_([AttemptState.PLANNED, AttemptState.ASKING])),
    ("recovery", recoveries.c.next_attempt_at, recoveries.c.status == Status.SCHEDULED),
)


def work(connection: Connection, now: datetime, *, held_up: bool) -> list[Work]:
    """Return the work of every kind; `held_up`: a kill switch or a breaker keeps charges and mail waiting."""
    oldest = oldest_due(connection, now, held_up=held_up)
    return [
        Work(kind, *_counts(connection, table, now), _dead(connection, kind), oldest.get(kind))
        for kind, (table, _) in KINDS.items()
    ]


def oldest_due(connection: Connection, now: datetime, *, held_up: bool) -> dict[str, datetime]:
    """Return, by kind, since when the oldest due row waits: for a bell, or for a worker that hears it."""
    found: dict[str, datetime] = {}
    for kind, (table, _) in KINDS.items():
        ring_at = table.c.ring_at
        query = select(func.min(ring_at)).where(ring_at.is_not(None), ring_at <= now)
        _note(found, kind, connection.execute(query).scalar_one())
    for kind, since, unfinished in OWN_DUE:
        if not (held_up and kind in MONEY_AND_MAIL):
            rung = KINDS[kind][0].c.ring_at
            query = select(func.min(since)).where(rung <= now + RING_AGAIN, unfinished, since <= now)
            _note(found, kind, connection.execute(query).scalar_one())
    return found


def unhandled_since(connection: Connection) -> datetime | None:
    """Return when the oldest event came that is not handled yet, however often it was tried."""
    query = select(func.min(events.c.received_at)).where(
        events.c.ring_at.is_not(None), events.c.state == EventState.NEW
    )
    since: datetime | None = connection.execute(query).scalar_one()
    return since


def dead_rows(connection: Connection, kind: str) -> Sequence[RowMapping]:
    """Return the newest dead rows of a kind: `id`, `since` and `note`."""
    table, dead = KINDS[kind][0], DEAD[kind]
    query = (
        select(table.c.id.label("id"), dead.since.label("since"), dead.note.label("note"))
        .where(_is_dead(kind))
        .order_by(dead.since.desc(), table.c.id)
        .limit(SHOWN)
    )
    return connection.execute(query).mappings().all()


def redrive(connection: Connection, kind: str, now: datetime) -> int:
    """Let every dead row of a kind be tried again; return how many."""
    table, dead = KINDS[kind][0], DEAD[kind]
    anew = {**dead.anew, "ring_at": now, "lease_until": None, "fence": table.c.fence + 1}
    return connection.execute(update(table).where(_is_dead(kind)).values(anew)).rowcount


def _counts(connection: Connection, table: Table, now: datetime) -> tuple[int, int]:
    ring_at = table.c.ring_at
    due = select(func.count()).select_from(table).where(ring_at.is_not(None), ring_at <= now)
    taken = select(func.count()).select_from(table).where(ring_at > now, ring_at <= now + RING_AGAIN)
    return connection.execute(due).scalar_one(), connection.execute(taken).scalar_one()


def _dead(connection: Connection, kind: str) -> int:
    query = select(func.count()).select_from(KINDS[kind][0])
    if kind == "attempt":  # a person concludes these: only the Dashboard knows what became of the charge
        return connection.execute(query.where(attempts.c.abandoned_at.is_not(None))).scalar_one()
    return connection.execute(query.where(_is_dead(kind))).scalar_one() if kind in DEAD else 0


def _is_dead(kind: str) -> ColumnElement[bool]:
    """Return the condition word for word: with a parameter in it, the partial index would not be found."""
    column = KINDS[kind][0].c.state
    return column == bindparam(None, DEAD[kind].state, type_=column.type, literal_execute=True)


def _note(found: dict[str, datetime], kind: str, since: datetime | None) -> None:
    if since is not None:
        found[kind] = min(since, found.get(kind, since))
