"""What the benchmarks stand on: databases, ports and processes of their own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from alembic import command
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from benchmarks.load import SECRET
from dunning.resources import alembic_config
from dunning.store.engine import Store, open_store


def database(admin: str, name: str) -> str:
    """Return the URL of a database on the server of `admin`, a URL; it is made where it is not there."""
    url = make_url(admin)
    engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        known = connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
        if known.first() is None:
            connection.execute(text(f"CREATE DATABASE {name}"))
    return url.set(database=name).render_as_string(hide_password=False)


def upgraded(url: str) -> Store:
    """Bring a database up to date and open it."""
    command.upgrade(alembic_config(url), "head")
    return open_store(url)


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment with these settings of ours and no others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DUNNING_", "STRIPE_"))}
    ours = {"STRIPE_API_KEY": "sk_test_benchmark", "STRIPE_WEBHOOK_SECRET": SECRET}
    return kept | ours | {"DUNNING_DATA_DIR": str(folder)} | settings


@contextmanager
def running(
    command: Sequence[str], port: int | None = None, given: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Python module beside us; with a port, from when it listens there."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        env=None if given is None else dict(given),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if port is not None:
            wait_for_port(port, process)
        yield process
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, process: subprocess.Popen[bytes], within_s: float = 60) -> None:
    """Return when something listens on the port.

    Raises:
        RuntimeError: nothing does, or the process has ended.
    """
    until = perf_counter() + within_s
    while perf_counter() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}: {process.args!r}")
