"""The switches: who retries, whether messages go out, and the kill switch; overall and per segment."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from dunning.core.conditions import Known
from dunning.core.vocabulary import Retries
from dunning.store import segments
from dunning.store.tables import switches
from dunning.store.upsert import insert_once, upsert

_ALL: Final = select(switches.c.name, switches.c.value)


@dataclass(frozen=True, slots=True)
class Switches:
    """What is switched on; a new installation watches and writes to nobody."""

    retries: Retries = Retries.WATCH
    messages: bool = False
    notices: bool = False  # before anything failed: a card that expires, one that was refused last time
    paused: bool = False
    pause_reason: str | None = None


def read(connection: Connection, segment: str | None = None) -> Switches:
    """Return the switches as they stand, overall or for the recoveries of a segment.

    A segment's own switch wins over the overall one, except that the overall kill switch stops everything.
    """
    values: dict[str, Any] = {row.name: row.value for row in connection.execute(_ALL)}
    overall = Switches(
        retries=Retries(values.get("retries", Retries.WATCH)),
        messages=bool(values.get("messages", False)),
        notices=bool(values.get("notices", False)),
        paused=values.get("paused") is not None,
        pause_reason=values.get("paused"),
    )
    return overall if segment is None else _within(connection, segment, overall)


def _within(connection: Connection, name: str, overall: Switches) -> Switches:
    segment = segments.current(connection).named(name)
    if segment is None:
        return overall
    reason = overall.pause_reason if overall.paused else segment.paused
    return replace(
        overall,
        retries=segment.retries or overall.retries,
        messages=overall.messages if segment.messages is None else segment.messages,
        paused=reason is not None,
        pause_reason=reason,
    )


def hold(connection: Connection) -> None:
    """Hold the modes, overall and of all segments, for whoever changes them, until the transaction ends."""
    connection.execute(select(switches.c.value).where(switches.c.name == "retries").with_for_update())


def hold_retries(connection: Connection, known: Known) -> tuple[str | None, Retries]:
    """Return the segment of a failed invoice and who retries it.

    It stays so until the transaction ends, for whoever would change it waits.
    """
    query = select(switches.c.value).where(switches.c.name == "retries").with_for_update(read=True)
    overall = Retries(connection.execute(query).scalar_one_or_none() or Retries.WATCH)
    segment = segments.current(connection).of(known)
    if segment is None:
        return None, overall
    return segment.name, segment.retries or overall


def put(connection: Connection, name: str, value: Any, *, at: datetime, by: str) -> None:
    """Set one switch: `retries`, `messages`, `notices`, or `paused` (the reason, or None)."""
    row = {"name": name, "value": value, "changed_at": at, "changed_by": by}
    upsert(connection, switches, ("name",), row)


def put_once(connection: Connection, name: str, value: Any, *, at: datetime, by: str) -> bool:
    """Set one switch unless it was ever set; return whether it was not."""
    row = {"name": name, "value": value, "changed_at": at, "changed_by": by}
    return insert_once(connection, switches, row)
