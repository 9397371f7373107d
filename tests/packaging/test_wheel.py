"""What a stranger gets: the wheel and the sdist, installed where there is no clone."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
DEMO = ("demo", "--headless", "--json", "--days", "3", "--customers", "20")
WHERE = "from dunning import resources as r; print(r.templates(), r.migrations())"


class Installation(NamedTuple):
    """A virtual environment with nothing but the wheel, and an empty folder to work in."""

    folder: Path
    home: Path

    def run(self, program: str, *arguments: str, **environment: str) -> str:
        """Run a program of the environment; return what it printed, or fail with what it complained of."""
        return run(str(self.folder / "bin" / program), *arguments, cwd=self.home, **environment)


def run(*command: str, cwd: Path, **environment: str) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    registry = {name: value for name, value in os.environ.items() if name.startswith(("UV_", "PIP_", "SSL_"))}
    registry.pop("UV_PROJECT_ENVIRONMENT", None)
    env = {**kept, **registry, **environment}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def uv() -> str:
    beside = Path(sys.prefix) / "bin" / "uv"
    found = shutil.which("uv") or (str(beside) if beside.exists() else None)
    assert found, "uv builds the wheel: `make test` puts it into .venv, or install it"
    return found


@pytest.fixture(scope="module")
def built(uv: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(uv, "build", "--python", sys.executable, "--out-dir", str(folder), str(ROOT), cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (only,) = built.glob("*.whl")
    return only


@pytest.fixture(scope="module")
def installed(uv: str, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel in an environment of its own, its dependencies as locked."""
    folder, home = tmp_path_factory.mktemp("venv"), tmp_path_factory.mktemp("home")
    locked = run(uv, "export", "--frozen", "--no-emit-project", "--no-hashes", "--quiet", cwd=ROOT)
    (home / "locked.txt").write_text(locked, encoding="utf-8")
    run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder), cwd=home)
    into = ("--python", str(folder / "bin" / "python"), "--constraints", "locked.txt")
    run(uv, "pip", "install", "--quiet", *into, str(wheel), cwd=home)
    return Installation(folder, home)


def test_the_wheel_carries_what_the_code_reads_beside_itself(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())
    expected = {"dunning/alembic.ini", "dunning/migrations/env.py", "dunning/migrations/script.py.mako"}
    for folder in ("migrations/versions", "templates", "dunning", "workers"):
        inside = folder if folder in {"dunning", "workers"} else f"dunning/{folder}"
        paths = [path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix != ".pyc"]
        expected |= {f"{inside}/{path.relative_to(ROOT / folder)}" for path in paths}
    assert not expected - names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_carries_neither_tests_nor_the_python_cache(wheel: Path) -> None:
    roots = {name.split("/")[0] for name in ZipFile(wheel).namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == {"dunning", "workers"}
    assert not [name for name in ZipFile(wheel).namelist() if "__pycache__" in name]


def test_the_wheel_is_the_same_from_the_clone_and_from_the_sdist(
    uv: str, wheel: Path, tmp_path: Path
) -> None:
    target = ("--out-dir", str(tmp_path), str(ROOT))
    run(uv, "build", "--wheel", "--python", sys.executable, *target, cwd=tmp_path)
    (direct,) = tmp_path.glob("*.whl")
    assert sorted(ZipFile(direct).namelist()) == sorted(ZipFile(wheel).namelist())


def test_the_sdist_carries_the_tests_but_no_environment(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {"tests/conftest.py", "Makefile", "uv.lock", "LICENSE", "alembic.ini"} <= names
    assert not {name for name in names if name.startswith((".venv", ".ci", ".git/", "dist/"))}


def test_an_installed_dunning_finds_its_own_files(installed: Installation) -> None:
    found = [Path(folder) for folder in installed.run("python", "-c", WHERE).split()]
    assert all(folder.is_relative_to(installed.folder) and folder.is_dir() for folder in found)


def test_an_installed_dunning_tells_its_version(installed: Installation) -> None:
    assert "0." in installed.run("dunning", "version")


def test_an_installed_dunning_sets_up_its_database(installed: Installation, tmp_path: Path) -> None:
    file = tmp_path / "fresh.db"
    installed.run("dunning", "db", "upgrade", DATABASE_URL=f"sqlite:///{file}")
    connection = sqlite3.connect(file)
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()
    assert {"alembic_version", "recoveries", "attempts"} <= names


def test_an_installed_dunning_runs_its_demo(installed: Installation) -> None:
    told = json.loads(installed.run("dunning", *DEMO))
    ends = ("recovered_count", "lost_count", "stopped_count", "open_count")
    assert told["failed_count"] == sum(told[end] for end in ends)
    assert told["invariants"]
    assert not any(told["invariants"].values())
