"""A real import of 50,000 charges, killed in every stage: it ends complete, and nothing is there twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from chaos_city import free_port, wait_for
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

pytestmark = pytest.mark.heavy

CHARGES = 50_000
# The table that is watched, and at how many rows the process is killed.
KILLS = (
    ("past_invoices", 3_000),
    ("past_invoices", 30_000),
    ("past_payments", 20_000),
    ("past_charges", 10_000),
    ("past_charges", 40_000),
    ("recoveries", 1_000),
    ("recoveries", 4_000),
)
STAGE_WITHIN_S = 900


@pytest.fixture
def environment(tmp_path: Path, postgres_url: str) -> Iterator[dict[str, str]]:
    """Serve a simulated Stripe with a past of its own in another process."""
    port = free_port()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DUNNING_", "STRIPE_"))}
    given = kept | {
        "STRIPE_API_KEY": "sk_test_chaos",
        "STRIPE_API_BASE": f"http://127.0.0.1:{port}",
        "DATABASE_URL": postgres_url,
        "DUNNING_DATA_DIR": str(tmp_path),
    }
    command = [sys.executable, "-m", "dunning", "sandbox", "--port", str(port)]
    with subprocess.Popen(command, env=given, stderr=subprocess.DEVNULL) as sandbox:
        try:
            wait_for("the sandbox", lambda: answers(given), 40)
            yield given
        finally:
            sandbox.send_signal(signal.SIGTERM)


def answers(environment: dict[str, str]) -> bool:
    try:
        return httpx.get(f"{environment['STRIPE_API_BASE']}/_sandbox/summary", timeout=5).is_success
    except httpx.TransportError:
        return False


def scalar(environment: dict[str, str], query: str) -> Any:
    engine = create_engine(environment["DATABASE_URL"], poolclass=NullPool)
    with engine.connect() as connection:
        return connection.execute(text(query)).scalar_one()


def import_from(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dunning", "import", "stripe", "--since", "14m", "--pace", "25"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def test_an_import_killed_again_and_again_ends_complete_and_without_duplicates(
    environment: dict[str, str],
) -> None:
    past = {"charges": CHARGES, "open": 20}
    told = httpx.post(f"{environment['STRIPE_API_BASE']}/_sandbox/past", json=past, timeout=120).json()
    for table, rows in KILLS:
        with import_from(environment) as running:
            try:
                wait_for(
                    f"{rows} {table}",
                    lambda t=table, n=rows: scalar(environment, f"SELECT count(*) FROM {t}") >= n,
                    STAGE_WITHIN_S,
                )
                assert running.poll() is None, "the import ended before it could be killed"
            finally:
                running.kill()
    with import_from(environment) as last:
        assert last.wait(timeout=2 * STAGE_WITHIN_S) == 0
    found = {
        "charges": scalar(environment, "SELECT count(*) FROM past_charges"),
        "invoices": scalar(environment, "SELECT count(*) FROM past_invoices"),
        "invoices_failed": scalar(environment, "SELECT count(DISTINCT invoice_id) FROM recoveries"),
        "charges_on_failed_invoices": scalar(environment, "SELECT count(*) FROM attempts"),
        "recovered": scalar(environment, "SELECT count(*) FROM recoveries WHERE status = 'recovered'"),
        "stopped": scalar(environment, "SELECT count(*) FROM recoveries WHERE status = 'stopped'"),
    }
    assert found == {name: told[name] for name in found}
    assert scalar(environment, "SELECT count(*) FROM recoveries") == told["invoices_failed"]
    distinct = scalar(environment, "SELECT count(DISTINCT charge_id) FROM attempts")
    assert distinct == told["charges_on_failed_invoices"]
    ledger = scalar(environment, "SELECT count(*) FROM ledger_entries")
    assert ledger == told["recovered"]
