"""Commands that run for a while: how they start, how they are told to stop, what they leave behind."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from dunning.sandbox import Server

KEYS = {"STRIPE_API_KEY": "rk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}
DEMO = ("demo", "--headless", "--days", "3", "--customers", "20")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts commands as processes; those that a test leaves running are ended."""
    with contextlib.ExitStack() as stack:

        def begin(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
            running = subprocess.Popen(
                [sys.executable, "-m", "dunning", *arguments],
                cwd=tmp_path,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(running)
            stack.callback(running.kill)
            return running

        yield begin


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def until_it_answers(url: str, running: "subprocess.Popen[str]") -> httpx.Response:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert running.poll() is None, running.communicate()
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(url, timeout=5)
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_serve_sets_up_its_database_serves_and_stops_when_told(told: signal.Signals, start: Start) -> None:
    port = free_port()
    running = start("serve", "--port", str(port), **KEYS)
    answer = until_it_answers(f"http://127.0.0.1:{port}/readyz", running)
    assert answer.json() == {"ready": True, "why": None}
    running.send_signal(told)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert "Traceback" not in err
    assert f"Open http://127.0.0.1:{port}/setup on this machine" in out
    assert len(out.split()[-1]) == 43, "the token of the first set-up"
    assert out.split()[-1] not in err, "no log keeps it"


@pytest.mark.slow
def test_the_sandbox_serves_a_stripe_and_ends_quietly(start: Start, tmp_path: Path) -> None:
    port = free_port()
    running = start("sandbox", "--port", str(port), "--books", "books.jsonl")
    key = {"Authorization": "Bearer sk_test_any"}
    until_it_answers(f"http://127.0.0.1:{port}/v1/account", running)
    account = httpx.get(f"http://127.0.0.1:{port}/v1/account", headers=key)
    assert account.json()["object"] == "account"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=30)
    assert running.returncode in {0, 130}
    assert "Traceback" not in err
    assert (tmp_path / "books.jsonl").exists()


@pytest.mark.slow
def test_the_demo_on_screen_answers_and_ends_with_ctrl_c(start: Start) -> None:
    port = free_port()
    running = start("demo", "--no-open", "--port", str(port), "--days", "5", "--customers", "10")
    assert until_it_answers(f"http://127.0.0.1:{port}/recoveries", running).status_code == 200
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode in {0, 130}
    assert f":{port}/recoveries" in out
    assert "Traceback" not in err


@pytest.mark.slow
def test_the_demo_prints_one_object_and_leaves_a_database_that_every_command_reads(
    process: Any, tmp_path: Path
) -> None:
    ended = process(tmp_path, *DEMO, "--json", "--db", "demo.db", "--books", "books.jsonl")
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert not any(told["invariants"].values())
    listed = process(
        tmp_path, "recoveries", "list", "--json", "--limit", "1000", DATABASE_URL="sqlite:///demo.db"
    )
    assert len(json.loads(listed.out)["data"]) == told["failed_count"] > 0
    books = (tmp_path / "books.jsonl").read_text(encoding="utf-8").splitlines()
    assert {"charge"} <= {json.loads(line)["kind"] for line in books}


def test_the_demo_for_people_adds_up_in_words(cli: Any) -> None:
    ended = cli(*DEMO)
    assert ended.code == 0, ended.err
    assert "Every law holds." in ended.out
    assert ended.out.split()[:2] == ["invoices", "amount"]


def test_the_demo_tells_a_log_how_far_it_is(cli: Any) -> None:
    ended = cli("demo", "--headless", "--json", "--days", "30", "--customers", "3")
    assert ended.code == 0
    json.loads(ended.out)
    tenths = [int(line.removeprefix("Playing: ").removesuffix(" %")) for line in ended.err.splitlines()]
    assert tenths == sorted(set(tenths) & set(range(10, 101, 10)))
    assert tenths[-1] == 100


def test_missed_events_are_fetched_once(cli: Any, sqlite_url: str, simulated_stripe: Server) -> None:
    failing = {"fail": "insufficient_funds", "amount": 2900}
    httpx.post(f"{simulated_stripe.url}/_sandbox/customer", json=failing).raise_for_status()
    environment = {**KEYS, "STRIPE_API_BASE": simulated_stripe.url, "DATABASE_URL": sqlite_url}

    def reconcile(*arguments: str) -> list[str]:
        ended = cli("reconcile", *arguments, "--json", **environment)
        found: list[str] = json.loads(ended.out)["events"]
        assert ended.code == (1 if found else 0), ended.err
        return found

    missed = reconcile("--dry-run")
    assert missed
    assert reconcile("--dry-run", "--since", "3h") == missed
    assert reconcile("--dry-run", "--since", "20m") == []
    assert reconcile() == missed
    assert reconcile() == []


def test_beyond_the_events_that_stripe_keeps_objects_are_compared(
    cli: Any, sqlite_url: str, simulated_stripe: Server
) -> None:
    past = {"charges": 60, "days": 200, "open": 2, "fail_share": 0.4}
    httpx.post(f"{simulated_stripe.url}/_sandbox/past", json=past).raise_for_status()
    environment = {**KEYS, "STRIPE_API_BASE": simulated_stripe.url, "DATABASE_URL": sqlite_url}
    would = cli("reconcile", "--since", "250d", "--dry-run", **environment)
    assert (would.code, "would be brought up to date" in would.err) == (1, True)
    done = json.loads(cli("reconcile", "--since", "250d", "--json", **environment).out)
    assert [line.split()[0] for line in would.out.splitlines()] == done["openings"]
    assert len(done["openings"]) > 2
    assert cli("reconcile", "--since", "250d", **environment).code == 0
    told = cli("doctor", **environment)
    assert f"No webhook brought {len(done['openings'])} failed invoices" in told.out


def test_a_stripe_that_is_away_is_one_sentence(cli: Any, sqlite_url: str) -> None:
    ended = cli("reconcile", **KEYS, STRIPE_API_BASE="http://127.0.0.1:1", DATABASE_URL=sqlite_url)
    assert ended.code == 2
    assert ended.complaint.startswith("Stripe could not be asked")


def test_a_reader_who_leaves_early_is_no_error(tmp_path: Path) -> None:
    line = f"{sys.executable} -m dunning campaign plan | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
    assert done.stderr == ""


def test_an_interrupted_command_ends_with_130_and_says_nothing(cli: Any, monkeypatch: Any) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("dunning.demo.headless.play", interrupted)
    ended = cli(*DEMO)
    assert (ended.code, ended.out, ended.err) == (130, "", "")


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from dunning.commands import console

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert console.coloured("✓", "green") != "✓"
    monkeypatch.setenv("NO_COLOR", "1")
    assert console.coloured("✓", "green") == "✓"


def test_the_stripe_cli_line_forwards_our_events_to_our_port(cli: Any) -> None:
    out = cli("stripe", "listen", DUNNING_PORT="9123").out
    assert out.startswith("stripe listen --forward-to localhost:9123/webhooks/stripe --events ")
    assert "invoice.payment_failed" in out


def test_the_database_is_checked_and_upgraded(cli: Any) -> None:
    assert cli("db", "check").code == 1
    assert cli("db", "upgrade").code == 0
    assert cli("db", "upgrade").code == 0
    checked = cli("db", "check", "--json")
    assert (checked.code, json.loads(checked.out)) == (0, {"current": True, "problem": None})


def test_the_version_is_told(cli: Any) -> None:
    from dunning import __version__

    assert cli("version").out == cli("--version").out == f"dunning {__version__}\n"
    assert json.loads(cli("version", "--json").out) == {"version": __version__}
