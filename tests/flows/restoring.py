"""Backups taken and put back as an operator does: SQLite by our own commands, PostgreSQL by its own tools."""

import shutil
import subprocess
from pathlib import Path

from scenarios.stage import Stage
from servers import postgres_tool
from sqlalchemy.engine import make_url

from dunning.flows import remembering
from dunning.store import beats, copies
from dunning.store.engine import is_sqlite


def back_up(stage: Stage, file: Path) -> None:
    """Back the database up while it is open."""
    url = stage.house.settings.database
    if is_sqlite(url):
        copies.make(url, file, stage.clock.now())
    else:
        _tool("pg_dump", url, "--format=custom", f"--file={file}", "--dbname")


def put_back(stage: Stage, file: Path) -> None:
    """Put a backup in place of the database."""
    url = stage.house.settings.database
    stage.house.store.engine.dispose()
    if is_sqlite(url):
        copies.put_back(url, file, stage.clock.now())
    else:
        _tool("pg_restore", url, "--clean", "--if-exists", str(file), "--dbname")


def copy_file(stage: Stage, source: Path, target: Path) -> None:
    """Copy an SQLite file as `cp` does, once nobody has it open."""
    stage.house.store.engine.dispose()
    shutil.copyfile(source, target)


def tick(stage: Stage) -> None:
    """Do what a clock does with beats and safe mode, and let everything else happen that is due."""
    remembering.beat(stage.house)
    remembering.come_back(stage.house)
    stage.settle()


def live(stage: Stage, *, hours: int) -> None:
    """Let hours pass under a clock that keeps its beat."""
    for _ in range(hours):
        tick(stage)
        stage.pass_time(hours=1)
    tick(stage)


def come_back(stage: Stage, most: int = 20) -> None:
    """Let a clock tick until safe mode has ended."""
    for _ in range(most):
        tick(stage)
        if not in_safe_mode(stage):
            return
        stage.pass_time(seconds=30)
    raise AssertionError("safe mode does not end")


def in_safe_mode(stage: Stage) -> bool:
    """Return whether nothing may be charged or mailed."""
    with stage.house.store.read() as connection:
        return beats.why_closed(connection, stage.clock.now(), watching=False) is not None


def _tool(name: str, url: str, *arguments: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command = [postgres_tool(name), *arguments, plain]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
