"""Whatever a report is made of leaves a mark when it changes: by the database, after all migrations."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, Table, delete, insert, update

from dunning.core.policy import Policy
from dunning.store import rollups, tables
from dunning.store.engine import open_store

WHEN, LATER = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 3, 2, tzinfo=UTC)
WHOSE = {"account_id": "self", "livemode": False}
OF_RECOVERY = WHOSE | {"recovery_id": "rec_a"}
OF_INVOICE = OF_RECOVERY | {"invoice_id": "in_a", "currency": "usd", "amount": 900, "at": WHEN}

# what a story reads of each table and may change, and another value
CHANGES: list[tuple[Table, dict[str, Any]]] = [
    (
        tables.recoveries,
        {
            "status": "paused",
            "amount": 901,
            "closed_reason": "window",
            "decline_class": "hard",
            "decline_code": "lost_card",
            "campaign_key": "gentle",
            "campaign_version": 2,
            "failed_at": LATER,
            "invoice_class": "first",
        },
    ),
    (
        tables.attempts,
        {
            "state": "paid",
            "at": LATER,
            "amount": 901,
            "made_by": "merchant",
            "decline_class": "hard",
            "decline_code": "lost_card",
            "brand": "visa",
            "funding": "debit",
            "country": "DE",
            "charge_id": "ch_b",
            "policy_version": 1,
            "fingerprint": "fp_b",
            "network_advice_code": "03",
            "network_decline_code": "04",
        },
    ),
    (tables.messages, {"due_at": LATER, "state": "skipped"}),
    (tables.links, {"used_at": LATER}),
    (tables.balance_lines, {"fee": 31}),
    (tables.invoices, {"plan": "Team"}),
]


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    store = open_store(database_url)
    with store.write() as opened:
        rule = {"version": 1, "definition": Policy().dumps(), "published_at": WHEN}
        opened.execute(insert(tables.policies).values(**rule))
        yield opened
    store.engine.dispose()


def rows() -> list[tuple[Table, dict[str, Any]]]:
    same = {"invoice_class": "renewal", "currency": "usd"}
    invoice = WHOSE | same | {"id": "in_a", "amount_due": 900, "amount_paid": 0, "amount_remaining": 900}
    recovery = WHOSE | same | {"id": "rec_a", "invoice_id": "in_a", "status": "waiting", "retries": "own"}
    recovery |= {"amount": 900, "failed_at": WHEN, "opened_at": WHEN, "deadline": LATER, "why": "A test."}
    recovery |= {"decline_class": "soft_funds", "policy_version": 1}
    recovery |= {"campaign_key": "standard", "campaign_version": 1}
    attempt = OF_INVOICE | {"id": "att_a", "made_by": "stripe", "state": "declined"}
    entry = OF_INVOICE | {"id": "led_a", "kind": "recovered", "source_id": "inpay_a", "recorded_at": WHEN}
    entry |= {"reason": "our_retry"}
    message = OF_RECOVERY | {"id": "msg_a", "step": "first", "occurrence": "1", "channel": "email"}
    message |= {"recipient": "customer", "template": "gentle", "state": "planned", "due_at": WHEN}
    link = OF_RECOVERY | {"id": "lnk_a", "created_at": WHEN, "expires_at": LATER}
    line = OF_RECOVERY | {"id": "txn_a", "source_id": "ch_a", "kind": "charge", "currency": "usd", "at": WHEN}
    line |= {"amount": 900, "fee": 30, "net": 870, "paid_currency": "usd", "paid_amount": 900}
    return [
        (tables.recoveries, recovery),
        (tables.invoices, invoice),
        (tables.attempts, attempt),
        (tables.ledger_entries, entry),
        (tables.messages, message),
        (tables.links, link),
        (tables.balance_lines, line),
    ]


def test_every_new_row_and_every_change_that_a_report_reads_leaves_a_mark(connection: Connection) -> None:
    for table, row in rows():
        assert marked(connection, insert(table).values(**row)), f"a new row of {table.name}"
    for table, changes in CHANGES:
        for column, value in changes.items():
            change = {column: value}
            if value == "paused":
                change |= {"pause_until": LATER, "pause_reason": "A test"}
            assert marked(connection, update(table).values(**change)), f"{table.name}.{column}"
            assert not marked(connection, update(table).values(**change)), f"{table.name}.{column}, unchanged"
    assert marked(connection, update(tables.messages).values(state="sent", sent_at=LATER))
    assert marked(connection, update(tables.messages).values(sent_at=WHEN))
    ended = {"status": "recovered", "reason": "our_retry", "closed_at": LATER, "pause_until": None}
    assert marked(connection, update(tables.recoveries).values(**ended))
    for change in ({"closed_at": WHEN}, {"reason": "merchant"}):
        assert marked(connection, update(tables.recoveries).values(**change)), f"recoveries.{change}"


def test_what_no_report_reads_leaves_no_mark(connection: Connection) -> None:
    for table, row in rows():
        connection.execute(insert(table).values(**row))
    for table, change in (
        (tables.recoveries, {"why": "Another.", "ring_at": LATER, "row_version": 3}),
        (tables.attempts, {"looks": 1, "ring_at": LATER, "fence": 2}),
        (tables.messages, {"ring_at": LATER, "note": "Later."}),
        (tables.invoices, {"read_ticket": 5, "amount_remaining": 0}),
    ):
        assert not marked(connection, update(table).values(**change)), table.name


def marked(connection: Connection, statement: Any) -> bool:
    connection.execute(delete(tables.rollup_marks))
    connection.execute(statement)
    return rollups.marked(connection) == ["rec_a"]
