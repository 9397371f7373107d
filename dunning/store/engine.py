"""The database: engines for PostgreSQL and SQLite, and the two kinds of transaction."""

import contextlib
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from dunning.core.clock import Clock, WallClock, utc

# Source: https://www.postgresql.org/docs/current/errcodes-appendix.html
CONFLICTS: Final = frozenset({"40P01", "40001"})  # deadlock detected, could not serialize


@dataclass(frozen=True, slots=True)
class Store:
    """A database and its transactions.

    Leases are guarded by lease time: the database's own clock in production, since hosts drift; a virtual
    clock in the demo and in simulation (`lease_clock`).
    """

    engine: Engine
    lease_clock: Clock | None = None

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes; on SQLite it takes the write lock at once (BEGIN IMMEDIATE)."""
        with self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextlib.contextmanager
    def read(self, *, steady: bool = False) -> Iterator[Connection]:
        """Open a transaction that only reads; with `steady` all its queries see one state of the database."""
        alike = steady and self.engine.dialect.name == "postgresql"  # SQLite's transactions always do
        options: dict[str, Any] = {"isolation_level": "REPEATABLE READ"} if alike else {}
        with self.engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection

    def lease_now(self, connection: Connection) -> datetime:
        """Return the instant that leases are measured by."""
        if self.lease_clock is not None:
            return self.lease_clock.now()
        if connection.dialect.name == "sqlite":
            return WallClock().now()
        return utc(connection.execute(select(func.clock_timestamp())).scalar_one())


def open_store(
    url: str,
    *,
    lease_clock: Clock | None = None,
    pool_size: int = 10,
    durable: bool = True,
) -> Store:
    """Return a store for a SQLAlchemy URL; connects lazily.

    `durable=False` lets SQLite skip the wait for the disk at each commit: for simulated money only.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return Store(_sqlite(url, "FULL" if durable else "OFF"), lease_clock)
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": 5,
            "options": "-c lock_timeout=10s -c idle_in_transaction_session_timeout=60s -c timezone=UTC",
        },
    )
    return Store(engine, lease_clock)


def is_conflict(error: Exception) -> bool:
    """Return whether PostgreSQL undid a transaction that would pass if it ran again."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in CONFLICTS


def is_away(error: Exception) -> bool:
    """Return whether the database could not be reached, or broke off: what was asked is not at fault."""
    return isinstance(error, OperationalError | InterfaceError)


def is_sqlite(url: str) -> bool:
    """Return whether the URL names an SQLite file."""
    return make_url(url).get_backend_name() == "sqlite"


def _sqlite(url: str, synchronous: str) -> Engine:
    path = make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", partial(_prepare_sqlite, synchronous))
    event.listen(engine, "begin", _begin_sqlite)
    # An engine that is dropped without `dispose` (a command that ended in an error) closes its files, too.
    weakref.finalize(engine, engine.pool.dispose)
    return engine


def _prepare_sqlite(synchronous: str, connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    pragmas = (
        "busy_timeout=30000",
        "journal_mode=WAL",
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        "recursive_triggers=ON",
    )
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
