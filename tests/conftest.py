"""Databases, Redis and a browser for the tests. CONTRIBUTING.md says where each comes from."""

import gc
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from servers import postgres, valkey
from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DATABASE_NUMBERS = itertools.count(1)


def pytest_collection_finish() -> None:
    """Spare the collector what lives as long as the run: modules, tests, parameters. A fourth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_configure() -> None:
    """Keep a developer's own settings out of the tests, and every run of properties alike in CI."""
    for name in list(os.environ):
        foreign = name.startswith(("DUNNING_", "STRIPE_")) and name != "STRIPE_SAMPLES"
        if foreign or name in {"DATABASE_URL", "REDIS_URL"}:
            del os.environ[name]
    settings.register_profile("dunning", deadline=None, derandomize="CI" in os.environ)
    settings.load_profile("dunning")
    if many := os.environ.get("HOSTILE_EXAMPLES"):  # make proof
        settings.register_profile("proof", deadline=None, max_examples=int(many), database=None)
        settings.load_profile("proof")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what is fast first, so that a mistake shows early."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server's maintenance database, with the right to create databases."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def admin(postgres_server: str) -> Iterator[Engine]:
    """An engine that creates and drops databases."""
    engine = create_engine(postgres_server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(admin: Engine, worker_name: str) -> Iterator[str]:
    """The name of a migrated database that the databases of the tests are copied from."""
    name = f"dunning_test_{worker_name}_template"
    create_database(admin, name)
    migrate(admin.url.set(database=name))
    yield name
    drop_database(admin, name)


@pytest.fixture
def postgres_url(admin: Engine, postgres_template: str, worker_name: str) -> Iterator[str]:
    """The URL of a fresh, migrated PostgreSQL database."""
    name = f"dunning_test_{worker_name}_{next(DATABASE_NUMBERS)}"
    create_database(admin, name, template=postgres_template)
    yield admin.url.set(database=name).render_as_string(hide_password=False)
    drop_database(admin, name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that the files of the tests are copied from."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(URL.create("sqlite", database=str(path)))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite file."""
    path = shutil.copyfile(sqlite_template, tmp_path / "dunning.db")
    return URL.create("sqlite", database=str(path)).render_as_string()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database; the test runs once on each of the two."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return request.getfixturevalue(fixture)


@pytest.fixture(scope="session")
def redis_server(worker_number: int) -> Iterator[str]:
    """The URL of a Redis database that this worker may empty."""
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield f"{given}{'&' if '?' in given else '?'}db={worker_number}"
        return
    with valkey() as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The URL of an empty Redis database."""
    from redis import Redis

    with Redis.from_url(redis_server) as client:
        client.flushdb()
    return redis_server


@pytest.fixture(scope="session")
def worker_name() -> str:
    """The name of this pytest-xdist worker: gw0, gw1, …; main without xdist."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def worker_number(worker_name: str) -> int:
    """The number of this pytest-xdist worker; 0 without xdist."""
    return int(worker_name.removeprefix("gw")) if worker_name != "main" else 0


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The program file of Chromium or Chrome; without one the test is skipped."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip("no Chromium on this machine: on Debian, apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> "Iterator[Browser]":
    """A headless Chromium, driven by Playwright."""
    import playwright
    from playwright.sync_api import sync_playwright

    driver = Path(playwright.__file__).parent / "driver" / "node"
    if driver.exists() and subprocess.run([driver, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("Playwright's driver does not run here: on Debian, apt-get install libatomic1")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium_path, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browser_page(browser: "Browser") -> "Iterator[Page]":
    """A page with cookies of its own; the test fails if its scripts raised an error."""
    errors: list[str] = []
    with browser.new_context(locale="en-US", timezone_id="UTC") as context:
        context.set_default_timeout(10_000)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
    assert errors == [], "scripts on the page raised these errors"


def migrate(url: URL) -> None:
    """Bring the database at `url` to the newest migration."""
    from alembic import command

    from dunning.resources import alembic_config

    command.upgrade(alembic_config(url.render_as_string(hide_password=False)), "head")


def create_database(admin: Engine, name: str, template: str = "template0") -> None:
    """Create a database; one that a killed run left behind under this name is dropped first."""
    drop_database(admin, name)
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))


def drop_database(admin: Engine, name: str) -> None:
    """Drop a database, with the connections to it that a test left open."""
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
