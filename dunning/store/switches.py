"""The switches: who retries, whether messages go out, and the kill switch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select

from dunning.core.vocabulary import Retries
from dunning.store.tables import switches
from dunning.store.upsert import upsert

_ALL: Final = select(switches.c.name, switches.c.value)


@dataclass(frozen=True, slots=True)
class Switches:
    """What is switched on; a new installation watches and writes to nobody."""

    retries: Retries = Retries.WATCH
    messages: bool = False
    paused: bool = False
    pause_reason: str | None = None


def read(connection: Connection) -> Switches:
    """Return the switches as they stand."""
    values: dict[str, Any] = {row.name: row.value for row in connection.execute(_ALL)}
    return Switches(
        retries=Retries(values.get("retries", Retries.WATCH)),
        messages=bool(values.get("messages", False)),
        paused=values.get("paused") is not None,
        pause_reason=values.get("paused"),
    )


def hold_retries(connection: Connection) -> Retries:
    """Return who retries; it stays so until the transaction ends, for whoever would change it waits."""
    query = select(switches.c.value).where(switches.c.name == "retries").with_for_update(read=True)
    return Retries(connection.execute(query).scalar_one_or_none() or Retries.WATCH)


def known(connection: Connection) -> frozenset[str]:
    """Return the names of the switches that were ever set."""
    return frozenset(connection.execute(select(switches.c.name)).scalars())


def put(connection: Connection, name: str, value: Any, *, at: datetime, by: str) -> None:
    """Set one switch: `retries`, `messages`, or `paused` (the reason, or None)."""
    row = {"name": name, "value": value, "changed_at": at, "changed_by": by}
    upsert(connection, switches, ("name",), row)
