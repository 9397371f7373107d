"""What is held for longer than it is kept: found in chunks, and taken away in short transactions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Table, or_, select, update

from dunning.core.retention import PRUNED
from dunning.core.vocabulary import OPEN, UNFINISHED, EventState, MessageState
from dunning.store.tables import attempts, events, messages, notices, recoveries, switches

OVER: Final = (EventState.HANDLED, EventState.IGNORED)
WRITTEN: Final = (MessageState.SENT, MessageState.SKIPPED, MessageState.FAILED, MessageState.UNKNOWN)
IDS_A_QUERY: Final = 400
_ID: Final = re.compile(rb"\b(?:in|cus|sub|pi|ch|py|pm)_[A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of events: whose payloads go, its end, the first to be seen again, whether it is the last."""

    goes: Sequence[int]
    last: int | None
    again: int | None
    over: bool


def payloads(connection: Connection, after: int, before: datetime, most: int) -> Chunk:
    """Return which of the events after a `seq`, kept before an instant, have a payload that is to go."""
    named = (events.c.seq, events.c.state, events.c.received_at, events.c.payload, events.c.idempotency_key)
    query = select(*named).where(events.c.seq > after).order_by(events.c.seq).limit(most)
    found = connection.execute(query).all()
    old = [row for row in found if row.received_at < before]
    whole = [row for row in old if row.payload != PRUNED]
    names = {row.seq: _names(row.payload, row.idempotency_key) for row in whole}
    needed = _needed(connection, set().union(*names.values()))
    goes = [row.seq for row in whole if row.state in OVER and not names[row.seq] & needed]
    again = next((row.seq for row in whole if row.seq not in set(goes)), None)
    over = len(old) < len(found) or len(found) < most
    return Chunk(goes, old[-1].seq if old else None, again, over)


def take_payloads(connection: Connection, seqs: Sequence[int]) -> int:
    """Take the payloads of events away, unless they are to be handled again; return how many went."""
    these = (events.c.seq.in_(seqs), events.c.state.in_(OVER), events.c.payload != PRUNED)
    return connection.execute(update(events).where(*these).values(payload=PRUNED)).rowcount


def words(connection: Connection, table: Table, after: str, before: datetime, most: int) -> Sequence[str]:
    """Return the ids after `after` of messages, or notices, that are over and whose words are to go."""
    closed = or_(table.c.recovery_id.is_(None), recoveries.c.status.not_in(OPEN))
    query = (
        select(table.c.id)
        .join(recoveries, recoveries.c.id == table.c.recovery_id, isouter=True)
        .where(table.c.id > after, table.c.due_at < before, table.c.state.in_(WRITTEN), closed)
        .where(or_(table.c.body_text.is_not(None), table.c.body_html.is_not(None)))
        .order_by(table.c.id)
        .limit(most)
    )
    return connection.execute(query).scalars().all()


def take_words(connection: Connection, table: Table, ids: Sequence[str]) -> int:
    """Take the words of messages, or notices, away; return how many lost theirs."""
    nothing = {"body_text": None, "body_html": None}
    return connection.execute(update(table).where(table.c.id.in_(ids)).values(**nothing)).rowcount


LETTERS: Final = (messages, notices)


def _names(payload: bytes, key: str | None) -> frozenset[str]:
    """Return the ids of Stripe's objects in a payload, and the key that caused it."""
    found = {name.decode() for name in _ID.findall(payload)}
    return frozenset(found | {key} if key else found)


def _needed(connection: Connection, names: Iterable[str]) -> frozenset[str]:
    """Return which of these names belong to an open recovery, or to an attempt whose end is not known."""
    found: set[str] = set()
    every = sorted(names)
    for start in range(0, len(every), IDS_A_QUERY):
        some = every[start : start + IDS_A_QUERY]
        for column in (recoveries.c.invoice_id, recoveries.c.customer_id):
            query = select(column).where(column.in_(some), recoveries.c.status.in_(OPEN))
            found.update(connection.execute(query).scalars())
        for column in (attempts.c.idempotency_key, attempts.c.invoice_id):
            query = select(column).where(column.in_(some), attempts.c.state.in_(UNFINISHED))
            found.update(connection.execute(query).scalars())
    return frozenset(found)


def remembered(connection: Connection, name: str) -> dict[str, Any] | None:
    """Return what a run wrote down under a name of the switches; None before the first."""
    found = connection.execute(select(switches.c.value).where(switches.c.name == name)).scalar_one_or_none()
    return dict(found) if found else None
