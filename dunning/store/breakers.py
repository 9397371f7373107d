"""Where the breakers and the hosts' clocks stand, kept beside the switches: every process sees them."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, select

from dunning.core.breaker import Breaker, Cause, opened
from dunning.core.clock import utc
from dunning.core.ids import earliest_id
from dunning.store.switches import put
from dunning.store.tables import attempts, switches

PREFIX: Final = "breaker:"
SKEW: Final = "skew:"
EVERYBODY: Final = "all"
BELIEVED: Final = timedelta(minutes=10)  # how long a host's word about its clock counts


def read(connection: Connection, account_id: str) -> list[Breaker]:
    """Return the breakers that stand between an account and Stripe, open or closed."""
    names = (PREFIX + EVERYBODY, PREFIX + account_id)
    rows = connection.execute(select(switches.c.value).where(switches.c.name.in_(names))).scalars()
    return [Breaker.loads(row) for row in rows]


def all_open(connection: Connection) -> list[Breaker]:
    """Return every breaker that is open."""
    rows = connection.execute(select(switches.c.value).where(switches.c.name.like(f"{PREFIX}%"))).scalars()
    return [found for found in map(Breaker.loads, rows) if found.open]


def trip(connection: Connection, account_id: str, cause: Cause, why: str, now: datetime) -> Breaker:
    """Open a breaker, unless it is open; return how it stands."""
    breaker = opened(_held(connection, account_id), account_id, cause, why, now)
    _put(connection, breaker, now)
    return breaker


def probe_due(connection: Connection, now: datetime) -> bool:
    """Return whether a breaker is open whose next try is due."""
    return any(breaker.probe_at <= now for breaker in all_open(connection))


def take_probe(connection: Connection, now: datetime) -> Breaker | None:
    """Return an open breaker whose next try is due, and put the one after it off: only one caller gets it."""
    for due in all_open(connection):
        held = _held(connection, due.account_id)
        if held is not None and held.open and held.probe_at <= now:
            _put(connection, held.probed(now), now)
            return held
    return None


def close(connection: Connection, account_id: str, now: datetime) -> None:
    """Close a breaker."""
    held = _held(connection, account_id)
    if held is not None and held.open:
        _put(connection, held.closed(now), now)


def begun_since(connection: Connection, since: datetime) -> int:
    """Return how many attempts of ours began since an instant."""
    ours = (attempts.c.id >= earliest_id("att", since), attempts.c.policy_version.is_not(None))
    return connection.execute(select(func.count()).select_from(attempts).where(*ours)).scalar_one()


def tell_skew(connection: Connection, host: str, seconds: int, against: str, now: datetime) -> None:
    """Write down how far a host's clock is off; 0 is the end of it."""
    value = {"host": host, "seconds": seconds, "against": against, "at": now.isoformat()}
    put(connection, SKEW + host, value, at=now, by=host)


def skews(connection: Connection, now: datetime) -> list[dict[str, Any]]:
    """Return the hosts whose clocks are off, as they said lately."""
    rows = connection.execute(select(switches.c.value).where(switches.c.name.like(f"{SKEW}%"))).scalars()
    return [
        row
        for row in rows
        if row["seconds"] and abs(now - utc(datetime.fromisoformat(row["at"]))) < BELIEVED + _off(row)
    ]


def _off(row: dict[str, Any]) -> timedelta:
    return timedelta(seconds=abs(row["seconds"]))


def _held(connection: Connection, account_id: str) -> Breaker | None:
    row = select(switches.c.value).where(switches.c.name == PREFIX + account_id).with_for_update()
    found = connection.execute(row).scalar_one_or_none()
    return Breaker.loads(found) if found is not None else None


def _put(connection: Connection, breaker: Breaker, now: datetime) -> None:
    put(connection, PREFIX + breaker.account_id, breaker.dumps(), at=now, by="breaker")
