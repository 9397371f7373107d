"""The migrations lead to exactly the tables that the code describes, forwards and back, on both databases."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.pool import NullPool

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
