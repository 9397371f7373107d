"""The test servers themselves: fresh, apart from each other, and gone when the tests are."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from redis import Redis
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

if TYPE_CHECKING:
    from playwright.sync_api import Page

HERE = Path(__file__).parent
STARTS_A_SERVER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from servers import {server}
with {server}() as url:
    print(url, flush=True)
    time.sleep(120)
"""


def tables(url: str) -> set[str]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return set(inspect(connection).get_table_names())


def test_every_test_gets_a_migrated_database(database_url: str) -> None:
    assert {"alembic_version", "recoveries"} <= tables(database_url)


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_test_writes_the_next_does_not_see(database_url: str, turn: int) -> None:
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (id INTEGER PRIMARY KEY)"))


@pytest.mark.parametrize("turn", [1, 2])
def test_redis_is_empty_at_the_start_of_a_test(redis_url: str, turn: int) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left behind", turn)


@pytest.mark.slow
@pytest.mark.parametrize("server", ["postgres", "valkey"])
def test_a_killed_test_run_leaves_no_server_and_no_folder_behind(server: str) -> None:
    script = STARTS_A_SERVER.format(server=server)
    run = subprocess.Popen([sys.executable, "-c", script, str(HERE)], stdout=subprocess.PIPE, text=True)
    with run:
        url = run.stdout.readline().strip()
        folder = Path("/" + url.split(":///" if server == "valkey" else "host=/")[1])
        folder = folder.parent if server == "valkey" else folder
        assert folder.is_dir()
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 20
    while folder.exists():  # its keeper removes it as its last act, when the server has ended
        assert time.monotonic() < deadline, f"{folder} is still there"
        time.sleep(0.05)


@pytest.mark.browser
def test_the_browser_runs_the_scripts_of_a_page(browser_page: "Page") -> None:
    browser_page.set_content(
        "<h1>Before</h1><script>document.querySelector('h1').textContent = 'After'</script>"
    )
    assert browser_page.inner_text("h1") == "After"
