"""The migrations lead to exactly the tables that the code describes, forwards and back, on both databases."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Inspector, MetaData, create_engine, insert, inspect, select, text
from sqlalchemy.pool import NullPool, StaticPool

from dunning.resources import alembic_config
from dunning.store.tables import metadata


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_the_newest_migration_makes_the_tables_of_the_code(connection: Connection) -> None:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    assert compare_metadata(context, metadata) == []


def test_every_index_and_constraint_of_the_code_is_in_the_database(connection: Connection) -> None:
    found = inspect(connection)
    for table in metadata.sorted_tables:
        indexes = {index["name"] for index in found.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= indexes, table.name
        checks = {check["name"] for check in found.get_check_constraints(table.name)}
        described = {c.name for c in table.constraints if c.__visit_name__ == "check_constraint"}
        assert described <= checks, table.name


def test_there_is_one_line_of_migrations() -> None:
    assert len(ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads()) == 1


def test_migrations_can_be_taken_back_and_made_again(connection: Connection) -> None:
    config = alembic_config("unused: the connection is given")
    config.attributes["connection"] = connection
    before = table_names(connection)
    connection.rollback()
    command.downgrade(config, "base")
    assert table_names(connection) == set()
    connection.rollback()
    command.upgrade(config, "head")
    assert table_names(connection) == before


def test_upgrading_twice_changes_nothing(database_url: str, connection: Connection) -> None:
    before = table_names(connection)
    connection.rollback()
    command.upgrade(alembic_config(database_url), "head")
    assert table_names(connection) == before


def shape(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return the columns of every table: type, whether it may be empty, what stands for it."""
    found = inspect(connection)
    return {
        name: {
            one["name"]: (str(one["type"]), one["nullable"], one["default"])
            for one in found.get_columns(name)
        }
        | {f"unique {one}": None for one in sorted(_unique(found, name))}
        for name in table_names(connection)
    }


def _unique(found: Inspector, table: str) -> set[str]:
    rules = [one["column_names"] for one in found.get_unique_constraints(table)]
    rules += [one["column_names"] for one in found.get_indexes(table) if one["unique"]]
    return {",".join(str(name) for name in names) for names in rules}


def narrowed(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """Return what code of the version before could do no more: read a column, or write a row without one."""
    told = [f"{table} is gone" for table in before if table not in after]
    for table in before.keys() & after.keys():
        old, new = before[table], after[table]
        told += [f"{table}.{name} is gone" for name in old if name not in new and old[name]]
        told += [f"{table}.{name} changed" for name in old if name in new and old[name] != new[name]]
        told += [f"{table} has a new rule: {name}" for name in new if name not in old and new[name] is None]
        added = {name: new[name] for name in new if name not in old and new[name] is not None}
        told += [
            f"{table}.{name} must be given"
            for name, (_, empty, stands) in added.items()
            if not (empty or stands)
        ]
    return told


def test_each_migration_leaves_the_code_before_it_able_to_work() -> None:
    """Old and new processes run side by side: a migration only adds, and demands nothing new."""
    config = alembic_config("unused: the connection is given")
    steps = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()][::-1]
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        before: dict[str, dict[str, Any]] = {}
        for step in steps:
            command.upgrade(config, step)
            after = shape(connection)
            assert narrowed(before, after) == [], step
            before = after
            connection.rollback()
    engine.dispose()
    assert len(before) > 40


def test_what_takes_away_or_demands_would_be_found() -> None:
    words, number = ("VARCHAR", True, None), ("INTEGER", False, None)
    before = {"a": {"x": words, "y": words}, "b": {"x": words}}
    after = {"a": {"x": number, "z": number, "unique x": None}}
    assert narrowed(before, after) == [
        "b is gone",
        "a.y is gone",
        "a.x changed",
        "a has a new rule: unique x",
        "a.z must be given",
    ]
    assert narrowed(before, {**before, "c": {"n": number}}) == []


def test_code_of_the_version_before_still_writes_and_reads(connection: Connection) -> None:
    """Its rows lack the columns that the newest migration added, and are read back as they were written."""
    config = alembic_config("unused: the connection is given")
    config.attributes["connection"] = connection
    newest = ScriptDirectory.from_config(config).walk_revisions()
    last = next(newest)
    connection.rollback()
    command.downgrade(config, last.down_revision)
    old = MetaData()
    old.reflect(connection)
    connection.rollback()
    command.upgrade(config, "head")
    connection.rollback()
    now, on_postgresql = shape(connection), connection.dialect.name == "postgresql"
    touched = [
        table for table in old.sorted_tables if _columns(now.get(table.name, {})) - {*table.columns.keys()}
    ]
    for table in touched or [old.tables["recoveries"]]:
        checks = [str(one["sqltext"]) for one in inspect(connection).get_check_constraints(table.name)]
        row = {column.name: _some(column, checks) for column in table.columns if not column.nullable}
        for one in inspect(connection).get_foreign_keys(table.name) if on_postgresql else ():
            connection.execute(text(f'ALTER TABLE {table.name} DROP CONSTRAINT "{one["name"]}"'))
        connection.execute(insert(table), row)
        said = {name: value for name, value in row.items() if not isinstance(value, datetime)}
        assert connection.execute(select(table)).mappings().one().items() >= said.items()


def _columns(of: dict[str, Any]) -> set[str]:
    return {name for name, column in of.items() if column is not None}


def _some(column: Column[Any], checks: list[str]) -> Any:
    """Return a value that a column takes: one that its CHECK names, else the simplest of its type."""
    kind = column.type.python_type
    if issubclass(kind, str):
        named = (re.search(rf"\b{column.name}\b.*?'(\w+)'", check, re.DOTALL) for check in checks)
        return next((found[1] for found in named if found), "x")
    values = {bool: False, int: 1, bytes: b"x", dict: {}, datetime: datetime(2026, 1, 5, tzinfo=UTC)}
    return next(value for one, value in values.items() if issubclass(kind, one))
