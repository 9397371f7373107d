"""Real processes side by side: sandbox, web, workers and clocks, on a real PostgreSQL and a real Redis."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

SECRET = "whsec_chaos"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: Callable[[], Any], within_s: float) -> Any:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = condition()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"{what} did not happen within {within_s:g} s")


@dataclass
class City:
    """The processes by name, and the ways to look at what they did."""

    folder: Path
    database_url: str
    redis_url: str
    web_url: str
    sandbox_url: str
    token: str = ""
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "dunning", *arguments]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(command, env=self._environment(), stderr=log, stdout=log)

    def command(self, *arguments: str) -> str:
        """Run one of our commands to its end; return what it printed."""
        command = [sys.executable, "-m", "dunning", *arguments]
        return subprocess.run(
            command, env=self._environment(), check=True, stdout=subprocess.PIPE
        ).stdout.decode()

    def kill(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGKILL)
        self.running.pop(name).wait()

    def stop_all(self) -> None:
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ask_sandbox(self, action: str, **details: Any) -> dict[str, Any]:
        answer = httpx.post(f"{self.sandbox_url}/_sandbox/{action}", json=details, timeout=180)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def held(self) -> int:
        return int(httpx.get(f"{self.sandbox_url}/_sandbox/summary", timeout=10).json()["held"])

    def our_charges(self) -> list[dict[str, Any]]:
        lines = httpx.get(f"{self.sandbox_url}/_sandbox/books", timeout=10).json()
        return [line for line in lines if line["kind"] == "charge" and line["made_by"] == "dunning"]

    def rows(self, query: str) -> list[Any]:
        engine = create_engine(self.database_url, poolclass=NullPool)
        with engine.connect() as connection:
            return list(connection.execute(text(query)))

    def a_failed_invoice(self, **wanted: Any) -> str:
        """Let an invoice fail whose card works a moment later; return its recovery's id when scheduled."""
        fails = {"fail": "insufficient_funds", "clears_after_hours": 0.0001, "deliver": True} | wanted
        ids = self.ask_sandbox("customer", **fails)
        query = (
            f"SELECT id FROM recoveries WHERE invoice_id = '{ids['invoice']}' "
            "AND status = 'scheduled' AND taken_over"
        )
        return str(wait_for("the recovery", lambda: self.rows(query), 30)[0].id)

    def retry(self, recovery_id: str) -> None:
        if not self.token:
            made = self.command("token", "create", "--scope", "act", "--json")
            self.token = str(json.loads(made)["token"])
        address = f"{self.web_url}/api/v1/recoveries/{recovery_id}/retry"
        answer = httpx.post(address, timeout=10, headers={"Authorization": f"Bearer {self.token}"})
        assert answer.status_code == 200, answer.text

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUNNING_", "STRIPE_"))}
        return kept | {
            "STRIPE_API_KEY": "sk_test_chaos",
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_API_BASE": self.sandbox_url,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DUNNING_DATA_DIR": str(self.folder),
            "DUNNING_RETRIES": "own",
            "DUNNING_MESSAGES": "on",
            "DUNNING_PORT": self.web_url.rpartition(":")[2],
        }
