"""The command line in this process, in an empty folder, with only the settings that a test gives."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from scenarios.stage_fixtures import quick_stage, switchboard

from dunning.cli import run
from dunning.core.clock import VirtualClock, WallClock
from dunning.sandbox import Sandbox, Server, serve

__all__ = ["quick_stage", "switchboard"]


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one sentence on stderr; fails if there is more, or less."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, self.err
        assert lines[0].startswith("dunning: ")
        return lines[0].removeprefix("dunning: ")


Cli = Callable[..., Ended]


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs a command line: `cli("recoveries", "list", DATABASE_URL=…)`."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    def call(*arguments: str, **environment: str) -> Ended:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            capsys.readouterr()
            code = run(arguments)
        return Ended(code, *capsys.readouterr())

    yield call
    structlog.reset_defaults()


@pytest.fixture
def process() -> Callable[..., Ended]:
    """Runs a command line as a process of its own: `process(folder, "serve", PORT=…)`."""

    def call(folder: Path, *arguments: str, **environment: str) -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "dunning", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def simulated_stripe() -> Iterator[Server]:
    """A simulated Stripe, where it is an hour ago: what it says now should have come long since."""
    an_hour_ago = VirtualClock(WallClock().now() - timedelta(hours=1))
    sandbox = Sandbox(clock=an_hour_ago, seed=7, webhook_secret="whsec_test")
    server = serve(sandbox)
    yield server
    server.stop()
    sandbox.close()
