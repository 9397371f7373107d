"""Every process and server is killed, stopped and cut while invoices fail: nothing is lost or doubled.

CHAOS_SECONDS says how long, CHAOS_SEED in what order. What it went through is printed: `pytest -s`.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from chaos import breakable
from chaos.nemesis import (
    HURRY,
    KILLED,
    LargeCity,
    Nemesis,
    charges,
    latencies,
    load,
    problems,
    quiet,
    read_mails,
    rest,
)
from chaos_city import free_port, wait_for
from conftest import migrate
from sqlalchemy import make_url

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif("CHAOS_SECONDS" not in os.environ, reason="`make proof` runs it, or CHAOS_SECONDS=60"),
]

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
COMES_TO_REST_WITHIN_S = 240


@pytest.fixture
def broken_city(tmp_path: Path) -> Iterator[tuple[LargeCity, Nemesis]]:
    ports = [free_port() for _ in range(3)]
    with breakable.postgres() as (database, url), breakable.valkey() as (redis, redis_url):
        migrate(make_url(url))
        web, sandbox = (f"http://127.0.0.1:{port}" for port in ports[:2])
        city = LargeCity(tmp_path, url, redis_url, web, sandbox, smtp_port=ports[2])
        command = [sys.executable, breakable.__file__, str(ports[2]), str(tmp_path / "mails.jsonl")]
        found = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
        city.running["mail"] = subprocess.Popen(command, env=found)
        try:
            deliver = f"{web}/webhooks/stripe"
            city.start("sandbox", "sandbox", "--port", str(ports[1]), "--deliver", deliver)
            for name in KILLED:
                city.begin(name)
            wait_for("the web process", lambda: answers(f"{web}/readyz"), 90)
            wait_for("the sandbox", lambda: answers(f"{sandbox}/_sandbox/summary"), 90)
            yield city, Nemesis(city, database, redis, SEED, longest_stop_s=min(SECONDS / 5, 110))
        finally:
            for process in city.running.values():
                process.send_signal(signal.SIGCONT)
            city.stop_all()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def all_told(city: LargeCity) -> bool:
    """Return whether every invoice that failed has its recovery, and what is paid is known to be."""
    return not rest(city, charges(city))


def collected(city: LargeCity, failed: int) -> bool:
    """Let what is scheduled be due, and return whether half of what failed was charged by then."""
    city.look_after()
    city.run_by_hand(*HURRY)
    time.sleep(3)
    return len(city.our_charges()) >= failed // 2


def test_whatever_breaks_nothing_is_lost_or_done_twice(broken_city: tuple[LargeCity, Nemesis]) -> None:
    city, nemesis = broken_city
    city.ask_sandbox("set", duplicate_share=0.3, reorder=True)
    failed: list[int] = []
    sender = threading.Thread(target=lambda: failed.append(load(city, SECONDS, SEED)))
    sender.start()
    nemesis.rage(SECONDS)
    last_fault = time.monotonic()
    sender.join(60)
    wait_for("the web process", lambda: city.look_after() or answers(f"{city.web_url}/readyz"), 90)
    city.ask_sandbox("advance", seconds=2 * 3600)  # then Stripe sends again what the web process did not take
    wait_for("every event that matters", lambda: all_told(city), COMES_TO_REST_WITHIN_S)
    wait_for("the charges", lambda: collected(city, failed[0]), COMES_TO_REST_WITHIN_S)
    left: list[str] = []
    try:
        wait_for("everything to come to rest", lambda: quiet(city, left), COMES_TO_REST_WITHIN_S)
    except AssertionError as restless:
        raise AssertionError(f"{restless}: {'; '.join(left[-12:])}") from None
    rested = time.monotonic()
    mails = read_mails(city.folder / "mails.jsonl")
    told = {
        "seed": SEED,
        "invoices that failed": failed[0],
        "events": city.rows("SELECT count(*) AS n FROM events")[0].n,
        "charges of ours": len(city.our_charges()),
        "mails": len(mails),
        **nemesis.done,
        "p99 in seconds": latencies(city),
        "at rest, seconds after the last fault": round(rested - last_fault),
    }
    print(f"\nchaos: {json.dumps(told)}")  # noqa: T201 - shown by pytest -s
    assert problems(city, mails) == []
    assert min(told["events"], told["charges of ours"]) > 20
