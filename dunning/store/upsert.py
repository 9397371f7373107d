"""INSERT … ON CONFLICT, which both databases know and SQLAlchemy spells per dialect."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def _insert(dialect: str, table: Table) -> Any:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _once(dialect: str, table: Table) -> Any:
    return _insert(dialect, table).on_conflict_do_nothing()


@cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...], names: tuple[str, ...]) -> Any:
    statement = _insert(dialect, table)
    news = {name: statement.excluded[name] for name in names if name not in key}
    return statement.on_conflict_do_update(index_elements=key, set_=news)


def insert_once(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique rule of the table already holds it; return whether it was inserted."""
    statement = _once(connection.dialect.name, table)
    # Without the option SQLAlchemy forgets on PostgreSQL how many rows an INSERT wrote.
    done = connection.execute(statement, values, execution_options={"preserve_rowcount": True})
    return bool(done.rowcount == 1)


def upsert(connection: Connection, table: Table, key: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """Insert a row, or update the one that has the same `key` columns."""
    connection.execute(_upsert(connection.dialect.name, table, key, tuple(values)), values)


def insert_all_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows that no unique rule of the table already holds; each has the same keys."""
    if rows:
        connection.execute(_once(connection.dialect.name, table), [dict(row) for row in rows])


def upsert_all(
    connection: Connection, table: Table, key: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Insert rows, or update those that have the same `key` columns; each has the same keys."""
    if rows:
        statement = _upsert(connection.dialect.name, table, key, tuple(rows[0]))
        connection.execute(statement, [dict(row) for row in rows])
