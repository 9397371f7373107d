"""What the erasure of a person writes: events first, in chunks; then everything else, customers last."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, or_, select, update

from dunning.core.retention import PRUNED
from dunning.core.vocabulary import OPEN, EventState
from dunning.store import personal, suppressions, tables
from dunning.store.personal import APART, DELETED, ERASED, Person

_SAFE: Final = (EventState.HANDLED, EventState.IGNORED, EventState.PARKED)
_CUSTOMER: Final = re.compile(rb"\bcus_\w+")
_LATER: Final = {"customers": 1}


def open_recoveries(connection: Connection, person: Person) -> Sequence[str]:
    """Return the recoveries of a person that are still open."""
    column = tables.recoveries.c
    query = select(column.id).where(column.id.in_(person.recoveries), column.status.in_(OPEN))
    return connection.execute(query.order_by(column.id)).scalars().all()


def untold(connection: Connection, person: Person) -> bool:
    """Return whether something about a person is still on its way: to a listener, or in the mail."""
    for table in (tables.announcements, tables.messages, tables.notices, tables.errands):
        theirs = personal.rows(table, person)
        if theirs is not None:
            waiting = select(table.c.id).where(theirs, table.c.ring_at.is_not(None)).limit(1)
            if connection.execute(waiting).first() is not None:
                return True
    return False


def pattern(person: Person) -> re.Pattern[bytes]:
    """Return what finds a payload that tells of a person: ids of their objects, addresses."""
    known = sorted({*person.objects, *person.recoveries, *person.addresses}, key=len, reverse=True)
    return re.compile(
        b"|".join(rb"(?<!\w)" + re.escape(one.encode()) + rb"(?!\w)" for one in known), re.IGNORECASE
    )


def scrub_events(
    connection: Connection, after: int, found: re.Pattern[bytes], most: int
) -> tuple[int, bool, bool]:
    """Take the payloads that tell of a person away, among the next events; one not handled yet stops it.

    Returns up to which event nothing is left, whether one waits there, and whether it was the last.
    """
    column = tables.events.c
    query = select(column.seq, column.state, column.payload, column.note).where(column.seq > after)
    rows = connection.execute(query.order_by(column.seq).limit(most)).all()
    last, goes = after, []
    for row in rows:
        theirs = found.search(row.payload) or found.search((row.note or "").encode())
        if theirs and row.state not in _SAFE:
            break
        if theirs:
            goes.append(row.seq)
        last = row.seq
    waits = bool(rows) and last < rows[-1].seq
    nothing = {"payload": PRUNED, "note": None}
    connection.execute(
        update(tables.events).where(column.seq.in_(goes), column.state.in_(_SAFE)).values(nothing)
    )
    return last, waits, len(rows) < most and not waits


def scrub_named(
    connection: Connection, after: int, customers: frozenset[str], most: int
) -> tuple[int, bool, bool, int]:
    """Take the payloads away that name one of these customers, among the next events; as `scrub_events`.

    Returns also how many went.
    """
    column = tables.events.c
    query = select(column.seq, column.state, column.payload).where(column.seq > after)
    rows = connection.execute(query.order_by(column.seq).limit(most)).all()
    last, goes = after, []
    for row in rows:
        theirs = row.payload != PRUNED and not customers.isdisjoint(_customers(row.payload))
        if theirs and row.state not in _SAFE:
            break
        if theirs:
            goes.append(row.seq)
        last = row.seq
    waits = bool(rows) and last < rows[-1].seq
    connection.execute(update(tables.events).where(column.seq.in_(goes)).values(payload=PRUNED, note=None))
    return last, waits, len(rows) < most and not waits, len(goes)


def _customers(payload: bytes) -> set[str]:
    return {name.decode() for name in _CUSTOMER.findall(payload)}


def scrub(connection: Connection, person: Person, salt: str) -> None:
    """Erase a person everywhere but in events, in one transaction: found by what it takes away."""
    _scrub_apart(connection, person)
    for address in person.addresses:
        suppressions.to_digest(connection, address, salt)
    for name in sorted(ERASED, key=lambda name: _LATER.get(name, 0)):
        table = tables.metadata.tables[name]
        theirs = personal.rows(table, person) if name not in APART else None
        if theirs is None:
            continue
        if DELETED in ERASED[name].values():
            connection.execute(delete(table).where(theirs))
        else:
            connection.execute(update(table).where(theirs).values(**ERASED[name]))


def finish(connection: Connection, erasure_id: str, at: datetime) -> None:
    """Write down that a person is erased."""
    over = {"finished_at": at, "ring_at": None, "lease_until": None, **ERASED["erasures"]}
    connection.execute(update(tables.erasures).where(tables.erasures.c.id == erasure_id).values(**over))


def _scrub_apart(connection: Connection, person: Person) -> None:
    """Take away what mentions a person among rows that are nobody's alone: answers, views, bulk actions."""
    answers, views, runs, row = tables.api_answers, tables.saved_views, tables.bulk_runs, tables.bulk_rows
    known = pattern(person)
    keys = select(answers.c.actor, answers.c.key, answers.c.body).where(answers.c.body.is_not(None))
    for one in connection.execute(keys).all():
        if known.search(one.body) or any(name.encode() in one.body for name in person.names):
            connection.execute(delete(answers).where(answers.c.actor == one.actor, answers.c.key == one.key))
    said = [*person.addresses, *person.names, person.customer_id]
    mentions = [
        func.lower(column).contains(word.lower(), autoescape=True)
        for word in said
        for column in (views.c.query, views.c.name)
    ]
    connection.execute(delete(views).where(or_(*mentions)))
    theirs = select(row.c.run_id).where(row.c.recovery_id.in_(person.recoveries))
    ended = (runs.c.id.in_(theirs), runs.c.ring_at.is_(None))
    connection.execute(update(runs).where(*ended).values(**ERASED["bulk_runs"]))
