"""The import commands: what they say, to people and to programs, and how they end."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from dunning.sandbox import Server

KEYS = {"STRIPE_API_KEY": "sk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_test"}


def test_history_is_imported_and_reported_apart(cli: Any, sqlite_url: str, simulated_stripe: Server) -> None:
    past = {"charges": 150, "days": 300, "open": 2}
    told = httpx.post(f"{simulated_stripe.url}/_sandbox/past", json=past).json()
    environment = {**KEYS, "STRIPE_API_BASE": simulated_stripe.url, "DATABASE_URL": sqlite_url}
    ended = cli("import", "stripe", "--since", "24m", "--pace", "25", **environment)
    assert (ended.code, ended.err.count("\n")) == (0, 1)
    assert "150 charges" in ended.out
    assert "2 are still unpaid" in ended.out
    again = json.loads(cli("import", "stripe", "--json", **environment).out)
    assert (again["objects"]["charges"], again["recoveries"]) == (150, told["invoices_failed"] - 2)
    period = ("report", "recovered", "--from", "2024-01-01")
    beside = cli(*period, **environment).out
    assert "imported" in beside
    assert "dunning recovered none of it" in beside
    seen = json.loads(cli(*period, "--json", **environment).out)
    assert seen["counts"]["usd"]["failed"] == 2
    assert seen["imported"]["counts"]["usd"]["failed"] == told["invoices_failed"] - 2
    alone = json.loads(cli(*period, "--imported", "--json", **environment).out)
    assert alone["only_imported"] is True
    assert alone["counts"]["usd"]["recovered"] == told["recovered"]
    assert alone["currencies"] == seen["imported"]["currencies"]
    assert "of imported history" in cli(*period, "--imported", "--format", "csv", **environment).out
    assert cli(*period, "--imported", **environment).out.startswith("Imported history,")


def test_the_example_can_be_imported(cli: Any, sqlite_url: str, tmp_path: Path) -> None:
    example = cli("import", "csv", "--example")
    assert example.out.splitlines()[0].startswith("id,invoice,customer,amount,currency,at,status")
    file = tmp_path / "example.csv"
    file.write_text(example.out, encoding="utf-8")
    ended = cli("import", "csv", str(file), DATABASE_URL=sqlite_url)
    assert (ended.code, ended.err) == (0, "")
    assert "history now: 1." in ended.out
    told = json.loads(cli("import", "csv", str(file), "--json", DATABASE_URL=sqlite_url).out)
    assert (told["rows"], told["charges"], told["recoveries"]) == (2, 2, 1)


def test_bad_rows_are_told_on_stderr_and_end_with_1(cli: Any, sqlite_url: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    good = cli("import", "csv", "--example").out
    file.write_text(good.replace("29.00", "a lot"), encoding="utf-8")
    ended = cli("import", "csv", str(file), DATABASE_URL=sqlite_url)
    assert (ended.code, ended.out) == (1, "")
    assert [line.partition(":")[0] for line in ended.err.splitlines()[:2]] == ["row 2", "row 3"]
    assert "nothing was imported" in ended.err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("stripe", "--since", "yesterday"), "--since"),
        (("stripe", "--since", "99999y"), "ten years"),
        (("stripe", "--since", "0m"), "12m"),
        (("stripe", "--since", "2099-01-01"), "future"),
        (("stripe", "--pace", "0"), "--pace"),
        (("csv",), "FILE"),
        (("csv", "nowhere.csv"), "no file"),
        (("csv", "."), "no file"),
        (("csv", "x.csv", "--timezone", "Mars/Base"), "--timezone"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    arguments: tuple[str, ...], word: str, cli: Any, sqlite_url: str
) -> None:
    Path("x.csv").write_text("id\n", encoding="utf-8")
    ended = cli("import", *arguments, **KEYS, DATABASE_URL=sqlite_url)
    assert ended.code == 2
    assert word in ended.complaint


def test_spans_of_history_are_months(cli: Any) -> None:
    from datetime import UTC, datetime, timedelta

    from dunning.commands.times import start_of_history

    now = datetime(2026, 6, 1, tzinfo=UTC)
    ago = {"12m": 365, "18m": 545, "90d": 90, "2w": 14, "1y": 365}
    for text, days in ago.items():
        assert start_of_history("--since", text, now) == now - timedelta(days=days)
    assert start_of_history("--since", "2026-01-01", now) == datetime(2026, 1, 1, tzinfo=UTC)
