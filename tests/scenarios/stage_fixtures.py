"""The stage as fixtures, for diaries and for flows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from scenarios.stage import Stage, Switchboard, set_stage

from dunning.core.vocabulary import Retries


@pytest.fixture(scope="session")
def switchboard() -> Iterator[Switchboard]:
    made = Switchboard()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def stage(switchboard: Switchboard, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """We retry and write; afterwards every law of the database holds."""
    with set_stage(switchboard, database_url, tmp_path) as made:
        yield made
        broken = made.laws_broken()
        assert broken == {}, broken


@pytest.fixture
def watching_stage(switchboard: Switchboard, database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A new installation: Stripe retries, nobody is written to."""
    with set_stage(switchboard, database_url, tmp_path, retries=Retries.WATCH, messages=False) as made:
        yield made
        broken = made.laws_broken()
        assert broken == {}, broken


@pytest.fixture
def quick_stage(switchboard: Switchboard, sqlite_url: str, tmp_path: Path) -> Iterator[Stage]:
    """As `stage`, on SQLite alone: for tests with many variants of one question."""
    with set_stage(switchboard, sqlite_url, tmp_path) as made:
        yield made
        broken = made.laws_broken()
        assert broken == {}, broken
