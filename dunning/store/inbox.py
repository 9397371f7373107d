"""Queries on kept events that wait to be handled."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, literal_column, select, update

from dunning.core.billing import Whose
from dunning.core.clock import utc
from dunning.core.retention import PRUNED
from dunning.core.vocabulary import AttemptState, EventState
from dunning.store import switches, tables
from dunning.store.prepared import ITS_FENCE, ITS_ID, belongs, owner
from dunning.store.rows import EventRow
from dunning.store.tables import attempts, events

PARKED_FOR: Final = timedelta(hours=1)
LONGEST_WAIT: Final = timedelta(hours=1)
IDS_A_QUERY: Final = 500
RECONCILED: Final = "reconciled"
_BY_SEQ: Final = select(events).where(events.c.seq == ITS_ID)
_CLAIM: Final = (
    update(events)
    .where(
        events.c.seq == ITS_ID,
        events.c.state == EventState.NEW,
        (events.c.lease_until.is_(None)) | (events.c.lease_until <= bindparam("lease_now")),
    )
    .values(fence=events.c.fence + 1, tries=events.c.tries + 1)
)
_STATE_OF_CHARGE: Final = select(attempts.c.state).where(
    *belongs(attempts),
    attempts.c.invoice_id == bindparam("its_invoice"),
    attempts.c.ordinal == bindparam("its_ordinal"),
)
_CHANGE: Final = update(events).where(events.c.seq == ITS_ID, events.c.fence == ITS_FENCE)


def claim(connection: Connection, seq: int, now: datetime, lease: timedelta) -> EventRow | None:
    """Take one new event for `lease`; None when it is done or somebody else holds it."""
    taken = {"its_id": seq, "lease_now": now, "lease_until": now + lease}
    if connection.execute(_CLAIM, taken).rowcount != 1:
        return None
    return EventRow.of(connection.execute(_BY_SEQ, {"its_id": seq}).one())


def finish(
    connection: Connection, event: EventRow, state: EventState, at: datetime, note: str | None
) -> bool:
    """Record the end of an event's handling, unless a later claim outdates ours."""
    return _change(connection, event, state=state, handled_at=at, note=note, ring_at=None, lease_until=None)


def postpone(connection: Connection, event: EventRow, until: datetime, note: str, **more: Any) -> bool:
    """Let go of an event that could not be handled now; the clock rings again at `until`.

    `more` are columns that change with it.
    """
    again = {"state": EventState.NEW, "handled_at": None, "ring_at": until, "lease_until": None}
    return _change(connection, event, note=note, **again, **more)


def put_off(
    connection: Connection,
    event: EventRow,
    now: datetime,
    note: str,
    *,
    longest: timedelta = LONGEST_WAIT,
    **more: Any,
) -> bool:
    """Postpone an event for twice as long after each try, from ten seconds up to `longest`."""
    wait = min(timedelta(seconds=5 * 2 ** min(event.tries, 12)), longest)
    return postpone(connection, event, now + wait, note, **more)


def unpark(connection: Connection, now: datetime, most_tries: int) -> int:
    """Let events parked more than an hour ago be tried again, up to `most_tries` in all; return how many."""
    parked: tuple[ColumnElement[bool], ...] = (
        literal_column("state = 'parked'"),  # word for word: a parameter would not find the partial index
        events.c.handled_at <= now - PARKED_FOR,
        events.c.tries < most_tries,
    )
    renewed = {"state": EventState.NEW, "handled_at": None, "ring_at": now}
    return connection.execute(update(events).where(*parked).values(renewed)).rowcount


def state_of_charge(
    connection: Connection, whose: Whose, invoice_id: str, ordinal: int
) -> AttemptState | None:
    """Return how far the charge has come that we asked under `ordinal`; only a look, nothing is held."""
    given = {**owner(whose), "its_invoice": invoice_id, "its_ordinal": ordinal}
    state: AttemptState | None = connection.execute(_STATE_OF_CHARGE, given).scalar_one_or_none()
    return state


def types_of_key(connection: Connection, whose: Whose, key: str) -> Sequence[str]:
    """Return the types of the kept events that one request caused, told by its idempotency key."""
    found = select(events.c.type).where(*_of(whose), events.c.idempotency_key == key)
    return connection.execute(found).scalars().all()


def payloads(
    connection: Connection,
    whose: Whose,
    event_type: str,
    *,
    key: str | None = None,
    object_id: str | None = None,
) -> Sequence[bytes]:
    """Return the bodies of the kept events of a type that one key caused, or that are about one object."""
    named = events.c.object_id == object_id if key is None else events.c.idempotency_key == key
    found = select(events.c.payload).where(*_of(whose), events.c.type == event_type, named)
    return connection.execute(found.order_by(events.c.seq)).scalars().all()


def last_created(connection: Connection, whose: Whose) -> datetime | None:
    """Return when Stripe made the newest event that we have."""
    newest = (
        select(events.c.created_at)
        .where(events.c.account_id == whose.account_id, events.c.livemode == whose.livemode)
        .order_by(events.c.created_at.desc().nulls_last())
        .limit(1)
    )
    return connection.execute(newest).scalar_one_or_none()


def waits_for(connection: Connection, whose: Whose, object_id: str) -> bool:
    """Return whether an event about an object is kept and not handled yet."""
    waiting = select(events.c.seq).where(
        *_of(whose), events.c.object_id == object_id, events.c.state == EventState.NEW
    )
    return connection.execute(waiting.limit(1)).first() is not None


def listening_since(connection: Connection) -> datetime | None:
    """Return when the first event was kept; None while none has come."""
    first = select(events.c.received_at).order_by(events.c.seq).limit(1)
    return connection.execute(first).scalar_one_or_none()


def _of(whose: Whose) -> tuple[Any, Any]:
    return events.c.account_id == whose.account_id, events.c.livemode == whose.livemode


def _change(connection: Connection, event: EventRow, **values: Any) -> bool:
    mine = {"its_id": event.seq, "its_fence": event.fence}
    return connection.execute(_CHANGE, {**mine, **values}).rowcount == 1


def known(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    """Return which of these event ids are kept already."""
    found: set[str] = set()
    for start in range(0, len(ids), IDS_A_QUERY):
        some = select(events.c.id).where(events.c.id.in_(ids[start : start + IDS_A_QUERY]))
        found.update(connection.execute(some).scalars())
    return frozenset(found)


def reconciled(connection: Connection) -> datetime | None:
    """Return up to when Stripe's list of events was compared with ours; None before the first time."""
    found = select(tables.switches.c.value).where(tables.switches.c.name == RECONCILED)
    until: str | None = connection.execute(found).scalar_one_or_none()
    return utc(datetime.fromisoformat(until)) if until else None


def keep_reconciled(connection: Connection, now: datetime) -> None:
    """Remember that every event up to `now` is here, or on its way."""
    switches.put(connection, RECONCILED, now.isoformat(), at=now, by="reconcile")


def reopen(
    connection: Connection, whose: Whose, types: Sequence[str], *, since: datetime, naming: str, now: datetime
) -> None:
    """Let events that were handled too early be handled again: those since `since` that name an object.

    A thin notification names it in our note, once it was asked for.
    """
    both = [*types, *(f"v1.{name}" for name in types)]
    found = select(events.c.seq, events.c.payload, events.c.note).where(
        *_of(whose),
        events.c.type.in_(both),
        events.c.state == EventState.HANDLED,
        events.c.created_at >= since,
        events.c.payload != PRUNED,  # what was taken away cannot be handled again
    )
    rows = connection.execute(found).all()
    again = [row.seq for row in rows if naming.encode() in row.payload or naming in (row.note or "")]
    if not again:
        return
    renewed = {"state": EventState.NEW, "handled_at": None, "ring_at": now}
    connection.execute(update(events).where(events.c.seq.in_(again)).values(renewed))
