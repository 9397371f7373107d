"""One folded week copied by the database to many: its rows with new names and dates, its cells summed.

The triggers that mark what changed are off meanwhile, since the copied cells already hold the copied rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Table, text, update

from dunning.core.report_story import Story
from dunning.core.report_words import NAMES
from dunning.store import tables
from dunning.store.engine import Store
from dunning.store.types import UTCDateTime

COPIED: Final = (tables.invoices, tables.recoveries, tables.attempts, tables.ledger_entries)
NAMED: Final = {"id", "invoice_id", "recovery_id", "charge_id", "source_id", "customer_id"}
CELLS: Final = "subject, dimension, livemode, imported, currency"
LITE: Final = "sqlite"


def copy_week(store: Store, weeks: int) -> None:
    """Copy what is there to each later week, and make the sums of months anew."""
    with store.write() as connection, no_marks(connection):
        if connection.dialect.name == LITE:
            connection.execute(text("PRAGMA cache_size = -1000000"))
        connection.execute(text("CREATE TEMPORARY TABLE weeks (number INTEGER PRIMARY KEY)"))
        several = [{"number": number} for number in range(1, weeks)]
        connection.execute(text("INSERT INTO weeks VALUES (:number)"), several)
        _cells(connection)
        for table in (*COPIED, tables.rollup_stories):
            connection.execute(
                text(f"CREATE TEMPORARY TABLE first_{table.name} AS SELECT * FROM {table.name}")
            )
        for number in range(1, weeks):
            for table in COPIED:
                connection.execute(text(_rows(table, number, connection.dialect.name)))
            _stories(connection, number)
    with store.write() as connection:
        connection.execute(text("ANALYZE"))


def _rows(table: Table, number: int, dialect: str) -> str:
    """Return what copies the first week's rows of a table."""
    names = [column.name for column in table.columns]
    told = [_value(table, name, number, dialect) for name in names]
    rows = f"SELECT {', '.join(told)} FROM first_{table.name}"
    return f"INSERT INTO {table.name} ({', '.join(names)}) {rows}"


def _value(table: Table, name: str, number: int, dialect: str) -> str:
    if name in NAMED:
        return _renamed(name, number)
    if not isinstance(table.c[name].type, UTCDateTime):
        return name
    if dialect == LITE:  # as SQLAlchemy writes an instant; the week's have whole seconds
        return f"strftime('%Y-%m-%d %H:%M:%S', {name}, '+{7 * number} days') || substr({name}, 20)"
    return f"{name} + interval '{7 * number} days'"


def _renamed(name: str, number: int) -> str:
    """Return a name that sorts after those of the weeks before: indexes grow at their end."""
    return f"replace({name}, '_', '_{number:03d}')"


def _stories(connection: Connection, number: int) -> None:
    """Copy what was folded, with the dates of the first week: `told_anew` mends those that will be read."""
    copies = f"SELECT {_renamed('recovery_id', number)}, story FROM first_rollup_stories"
    connection.execute(text(f"INSERT INTO rollup_stories (recovery_id, story) {copies}"))


def told_anew(connection: Connection, stories: dict[str, Story]) -> None:
    """Keep the right story of these recoveries, whose copies still have the dates of the first week."""
    own = tables.rollup_stories
    for name, story in stories.items():
        connection.execute(update(own).where(own.c.recovery_id == name).values(story=story.dumps()))


def _cells(connection: Connection) -> None:
    """Add the cells of a week to each week, on days and under days as much later; then the months."""
    lite = connection.dialect.name == LITE
    later = "date({0}, (7 * number) || ' days')" if lite else "(CAST({0} AS date) + 7 * number)::text"
    day = later.format("day")
    key = f"CASE WHEN dimension = 'failed_day' THEN {later.format('key')} ELSE key END"
    sums = ", ".join(f"sum({name})" for name in NAMES)
    names = ", ".join(NAMES)
    connection.execute(text("DELETE FROM rollup_cells WHERE span = 'month'"))
    connection.execute(text("CREATE TEMPORARY TABLE first_cells AS SELECT * FROM rollup_cells"))
    connection.execute(text("DELETE FROM rollup_cells"))
    connection.execute(text("INSERT INTO weeks VALUES (0)"))
    head = f"INSERT INTO rollup_cells (span, {CELLS}, day, key, {names})"
    days = f"SELECT 'day', {CELLS}, {day} AS a_day, {key} AS a_key, {sums} FROM first_cells CROSS JOIN weeks"
    connection.execute(text(f"{head} {days} GROUP BY {CELLS}, a_day, a_key"))
    months = f"SELECT 'month', {CELLS}, substr(day, 1, 7) AS a_month, key, {sums} FROM rollup_cells"
    connection.execute(text(f"{head} {months} GROUP BY {CELLS}, a_month, key"))


@contextmanager
def no_marks(connection: Connection) -> Iterator[None]:
    """Keep the triggers of the copied tables from writing marks."""
    names = [table.name for table in COPIED]
    if connection.dialect.name == LITE:
        like = "name LIKE '%\\_marks\\_%' ESCAPE '\\'"
        found = connection.execute(
            text(f"SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND {like}")
        ).all()
        before = [f"DROP TRIGGER {row.name}" for row in found]
        after = [row.sql for row in found]
    else:
        before = [f"ALTER TABLE {name} DISABLE TRIGGER USER" for name in names]
        after = [f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in names]
    for statement in before:
        connection.execute(text(statement))
    yield
    for statement in after:
        connection.execute(text(statement))
