"""The demo against the simulated Stripe's own books: independent lines, every figure to the cent."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from dunning.demo.headless import play
from dunning.errors import Unusable
from dunning.flows.report import Basis, Question, recovered_revenue

DAYS, CUSTOMERS, SEED = 40, 90, 11


@dataclass(frozen=True)
class Run:
    figures: dict[str, Any]
    lines: list[dict[str, Any]]
    database: Path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("demo")
    books, database = folder / "books.jsonl", folder / "demo.sqlite3"
    figures = play(seed=SEED, days=DAYS, customers=CUSTOMERS, database=database, books=books)
    return Run(figures, [json.loads(line) for line in books.read_text().splitlines()], database)


def first_failures(lines: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    failed: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["kind"] == "charge" and line["outcome"] in {"declined", "requires_action"}:
            failed.setdefault(line["invoice"], line)
    return failed


def payments_after_failure(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    failed = first_failures(lines)
    return [line for line in lines if line["outcome"] == "paid" and line["invoice"] in failed]


def per_currency(lines: list[dict[str, Any]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for line in lines:
        total[line["currency"]] += line["amount"]
    return dict(total)


def test_the_demo_has_something_to_show(run: Run) -> None:
    assert run.figures["failed_count"] >= 20
    assert run.figures["recovered_count"] >= 10
    assert run.figures["messages_sent"] >= 10


def test_no_law_is_broken(run: Run) -> None:
    assert run.figures["invariants"]
    assert {name: n for name, n in run.figures["invariants"].items() if n} == {}


def test_failed_is_recovered_and_lost_and_stopped_and_open(run: Run) -> None:
    figures = run.figures
    fates = ("recovered", "lost", "stopped", "open")
    assert figures["failed_count"] == sum(figures[f"{fate}_count"] for fate in fates)
    for currency, amount in figures["failed_amount"].items():
        assert amount == sum(figures[f"{fate}_amount"].get(currency, 0) for fate in fates)


def test_failed_and_recovered_are_the_books_to_the_cent(run: Run) -> None:
    failed = first_failures(run.lines)
    paid = payments_after_failure(run.lines)
    assert run.figures["failed_count"] == len(failed)
    assert run.figures["failed_amount"] == per_currency(list(failed.values()))
    assert run.figures["recovered_count"] == len(paid)
    assert run.figures["recovered_amount"] == per_currency(paid)


def test_no_invoice_is_paid_twice(run: Run) -> None:
    paid = Counter(line["invoice"] for line in run.lines if line["outcome"] == "paid")
    assert max(paid.values()) == 1


def test_each_recovered_invoice_is_credited_as_the_books_say(run: Run) -> None:
    said = Counter(line["credited_to"] for line in payments_after_failure(run.lines))
    assert {reason: entry["count"] for reason, entry in run.figures["by_reason"].items()} == dict(said)
    engine = create_engine(f"sqlite:///{run.database}", poolclass=NullPool)
    with engine.connect() as connection:
        query = text("SELECT invoice_id, reason FROM recoveries WHERE status = 'recovered'")
        ours = {row.invoice_id: row.reason for row in connection.execute(query)}
    assert ours == {line["invoice"]: line["credited_to"] for line in payments_after_failure(run.lines)}


def test_the_charges_that_we_asked_are_the_charges_in_the_books(run: Run) -> None:
    ours = [line for line in run.lines if line["kind"] == "charge" and line["made_by"] == "dunning"]
    assert run.figures["attempts"] == len({line["idempotency_key"] for line in ours}) == len(ours)


def test_the_report_is_the_sum_of_the_invoices_that_were_paid_after_failing(run: Run) -> None:
    engine = create_engine(f"sqlite:///{run.database}", poolclass=NullPool)
    with engine.connect() as connection:
        totals = {}
        for basis in Basis:
            question = Question(
                start=date(2025, 1, 1),
                end=date(2027, 1, 1),
                zone=ZoneInfo("UTC"),
                livemode=False,
                basis=basis,
                net=False,
                group_by=None,
            )
            report = recovered_revenue(connection, question, now=datetime(2026, 12, 31, tzinfo=UTC)).dumps()
            totals[basis] = {cur: figures["recovered"] for cur, figures in report["currencies"].items()}
    books = per_currency(payments_after_failure(run.lines))
    for basis, total in totals.items():
        assert {cur: amount for cur, amount in total.items() if amount} == books, basis


def test_the_same_seed_plays_the_same_story(run: Run, tmp_path: Path) -> None:
    books = tmp_path / "books.jsonl"
    again = play(seed=SEED, days=DAYS, customers=CUSTOMERS, books=books)
    assert {**again, "elapsed_s": 0} == {**run.figures, "elapsed_s": 0}
    assert [json.loads(line) for line in books.read_text().splitlines()] == run.lines


def test_another_seed_plays_another_story(run: Run) -> None:
    other = play(seed=SEED + 1, days=10, customers=20)
    assert other["failed_amount"] != run.figures["failed_amount"]


def test_files_that_exist_are_not_written_over(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    with pytest.raises(Unusable, match="--books"):
        play(seed=1, days=1, customers=1, books=precious)
    with pytest.raises(Unusable, match="--db"):
        play(seed=1, days=1, customers=1, database=precious)
    assert precious.read_text() == "mine"
