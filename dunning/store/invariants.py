"""The laws of the books, all of them, and counting what breaks them.

The same list is asked by the demo, the simulation, the chaos run, `dunning doctor` and, every five minutes,
by the chore whose result Settings and the metrics show.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, text

from dunning.store import beats, breakers, segments, switches
from dunning.store.law import SOON, Law
from dunning.store.laws_of_money import BOOKS, CHARGES
from dunning.store.laws_of_work import PUNCTUAL, STATES, WORDS

STUCK_AFTER: Final = SOON
GUARDS: Final = "the database keeps its own guards"
LAWS: Final[tuple[Law, ...]] = (
    *CHARGES,
    *BOOKS,
    *STATES,
    *WORDS,
    *PUNCTUAL,
    Law(
        GUARDS,
        "The unique indexes and triggers that make the worst impossible are there, also after a restore.",
        ("I1", "I4", "I10", "I17"),
        "",
    ),
)
# Indexes that let no second row in, and triggers that let none be changed, by the table they stand on.
GUARDED: Final = frozenset(
    {"uq_recoveries_open_invoice", "uq_attempts_unfinished_invoice", "uq_attempts_charge_id"}
)
REFUSING: Final = frozenset({"ledger_entries", "closed_months", "reopened_months", "audit_log"})
EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def check(connection: Connection, now: datetime, since: datetime = EVER) -> dict[str, int]:
    """Return, per law, how many rows break it.

    A few laws look from each charge at the weeks before it; they ask about charges after `since` (aware UTC).
    """
    waiting = held_up(connection)
    counts = {
        law.name: 0 if waiting and law.may_wait else _count(connection, law, now, since) for law in LAWS
    }
    return counts | {GUARDS: _missing_guards(connection)}


def held_up(connection: Connection) -> bool:
    """Return whether a kill switch, a breaker or safe mode keeps due rows waiting, as it should."""
    mode = beats.read(connection).mode
    return (
        switches.read(connection).paused
        or (mode is not None and mode.open)
        or any(s.paused for s in segments.current(connection).all)
        or bool(breakers.all_open(connection))
    )


def _count(connection: Connection, law: Law, now: datetime, since: datetime) -> int:
    if not law.query:
        return 0
    sqlite = connection.dialect.name == "sqlite"
    query = _dated(law.query, _on_sqlite if sqlite else _on_postgresql)
    instants = {"late": now - law.late_after} if law.late_after else {}
    if ":since" in query:
        instants["since"] = since
    given: dict[str, Any] = {
        name: str(at.replace(tzinfo=None)) if sqlite else at for name, at in instants.items()
    }
    return int(connection.execute(text(query), given).scalar_one())


def _dated(query: str, written: Callable[[str, str], str]) -> str:
    """Write `BACK(instant, days)` and `AHEAD(instant, seconds)` as the database understands them."""
    query = re.sub(r"BACK\((\S+), (\d+)\)", lambda found: written(found[1], f"-{found[2]} days"), query)
    return re.sub(r"AHEAD\((\S+), (\d+)\)", lambda found: written(found[1], f"{found[2]} seconds"), query)


def _on_sqlite(instant: str, span: str) -> str:
    sign = "" if span.startswith("-") else "+"
    return f"strftime('%Y-%m-%d %H:%M:%f', {instant}, '{sign}{span}')"


def _on_postgresql(instant: str, span: str) -> str:
    return f"({instant} + interval '{span}')"


def _missing_guards(connection: Connection) -> int:
    """Return how many of the indexes and triggers that the laws rest on are not there."""
    if connection.dialect.name == "sqlite":
        indexes = "SELECT name FROM sqlite_master WHERE type = 'index'"
        triggers = (
            "SELECT DISTINCT tbl_name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'"
        )
    else:
        indexes = "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema()"
        triggers = """
            SELECT DISTINCT c.relname FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
            JOIN pg_proc AS p ON p.oid = t.tgfoid
            WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND p.prosrc LIKE '%RAISE EXCEPTION%'"""
    there = set(connection.execute(text(indexes)).scalars())
    refusing = set(connection.execute(text(triggers)).scalars())
    return len(GUARDED - there) + len(REFUSING - refusing)
