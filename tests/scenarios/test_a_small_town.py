"""A month of a small town against the sandbox's own books: what we say is what happened."""

from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from scenarios.stage import OURS, START, Stage, Switchboard, set_stage

from dunning.core.vocabulary import Retries
from dunning.store import recoveries, tables

CUSTOMERS, DAYS = 20, 30


@pytest.mark.parametrize("retries", Retries)
def test_ledger_reasons_and_charges_are_those_of_the_books(
    switchboard: Switchboard, sqlite_url: str, tmp_path: Path, retries: Retries
) -> None:
    with set_stage(switchboard, sqlite_url, tmp_path, retries=retries) as stage:
        play(stage)
        compare(stage)
        assert stage.laws_broken() == {}


def test_the_same_town_on_postgresql(switchboard: Switchboard, postgres_url: str, tmp_path: Path) -> None:
    with set_stage(switchboard, postgres_url, tmp_path) as stage:
        stage.sandbox.populate(customers=8, until=START + timedelta(days=DAYS))
        stage.pass_time(days=DAYS)
        compare(stage)
        assert stage.laws_broken() == {}


def play(stage: Stage) -> None:
    stage.sandbox.populate(customers=CUSTOMERS, until=START + timedelta(days=DAYS))
    stage.pass_time(days=DAYS)


def compare(stage: Stage) -> None:
    with stage.house.store.read() as connection:
        known = {row.invoice_id: row for row in connection.execute(tables.recoveries.select())}
        asked = list(
            connection.execute(tables.attempts.select().where(tables.attempts.c.ordinal.is_not(None)))
        )
        for invoice in known:
            found = recoveries.newest_of_invoice(connection, OURS, invoice)
            assert found is not None
    books = defaultdict(list)
    for line in stage.sandbox.books():
        books[line["invoice"]].append(line)
    failed = {
        line["invoice"]
        for line in stage.sandbox.books()
        if line["outcome"] in {"declined", "requires_action"}
    }
    assert set(known) == failed
    for invoice, row in known.items():
        paid = [line for line in books[invoice] if line["outcome"] == "paid"]
        assert len(paid) <= 1, f"{invoice} was paid twice"
        truth = paid[0]["credited_to"] if paid else None
        assert row.reason == truth, f"{invoice}: {row.reason}, and the books say {truth}"
    ours = [line["idempotency_key"] for line in stage.sandbox.books() if line["made_by"] == "dunning"]
    assert len(set(ours)) == len(ours), "a key reached the network twice"
    executed = {row.idempotency_key for row in asked if row.state in {"paid", "declined", "needs_action"}}
    assert executed == set(ours)


def test_a_town_whose_news_comes_late_twice_and_backwards_is_never_charged_twice(
    switchboard: Switchboard, sqlite_url: str, tmp_path: Path
) -> None:
    with set_stage(switchboard, sqlite_url, tmp_path) as stage:
        stage.sandbox.populate(customers=CUSTOMERS, until=START + timedelta(days=DAYS))
        for day in range(DAYS):
            stage.hold_events = day % 3 == 1
            stage.pass_time(days=1)
            stage.receive([*reversed(stage.held), *stage.held])
            stage.held.clear()
            stage.settle()
        assert stage.laws_broken() == {}
        with stage.house.store.read() as connection:
            known = {row.invoice_id: row for row in connection.execute(tables.recoveries.select())}
        paid = [
            line for line in stage.sandbox.books() if line["outcome"] == "paid" and line["invoice"] in known
        ]
        assert len({line["invoice"] for line in paid}) == len(paid)
        wrong = {
            line["invoice"]: (known[line["invoice"]].reason, line["credited_to"])
            for line in paid
            if known[line["invoice"]].reason != line["credited_to"]
        }
        assert wrong == {}
