"""SQLite finds its rows by an index; without statistics it prefers the one with the most columns that fit."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, event

from dunning.core.billing import Whose
from dunning.store import campaigns, inbox, jobs, messages, queue, tasks
from dunning.store.engine import open_store
from dunning.store.queue_filter import Sort, Tab, Wanted

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHOSE = Whose()


@pytest.fixture
def connection(sqlite_url: str) -> Iterator[Connection]:
    store = open_store(sqlite_url)
    with store.write() as connection:
        yield connection
    store.engine.dispose()


def plans(connection: Connection, ask: Any) -> str:
    """Return how SQLite looks for the rows of everything that `ask` asks."""
    asked: list[tuple[str, Any]] = []
    event.listen(
        connection, "after_cursor_execute", lambda _c, _u, text, given, _x, _m: asked.append((text, given))
    )
    ask()
    found = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", given) for text, given in tuple(asked)]
    return "\n".join(row.detail for rows in found for row in rows)


def test_events_of_a_type_are_found_without_walking_the_account(connection: Connection) -> None:
    types = ("refund.created", "charge.dispute.created")
    how = plans(connection, lambda: inbox.reopen(connection, WHOSE, types, since=NOW, naming="ch_1", now=NOW))
    assert "ix_events_type (account_id=? AND livemode=? AND type=?" in how


def test_what_a_customer_has_paid_is_found_by_the_customer(connection: Connection) -> None:
    how = plans(connection, lambda: campaigns.paid_before(connection, WHOSE, "cus_1", "eur"))
    assert "ix_past_charges_customer_id (account_id=? AND livemode=? AND customer_id=?" in how
    assert "ix_invoices_customer_id (account_id=? AND livemode=? AND customer_id=?" in how


def test_the_messages_and_tasks_of_a_recovery_are_found_by_the_recovery(connection: Connection) -> None:
    how = plans(connection, lambda: messages.of_recovery(connection, "rec_1"))
    assert "recovery_id=?" in how
    assert "ix_staff_tasks_recovery_id" in plans(connection, lambda: tasks.of_recovery(connection, "rec_1"))


def test_the_link_of_a_message_is_found_by_the_message(connection: Connection) -> None:
    how = plans(connection, lambda: messages.link_of_message(connection, "msg_1"))
    assert "ix_links_message_id (message_id=?" in how


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(livemode=True, tab=Tab.NEEDS_ACTION, sort=Sort.WORTH), "ix_queue_items_place"),
        (Wanted(livemode=True, tab=Tab.OPEN, sort=Sort.WORTH), "ix_queue_items_worth"),
        (Wanted(livemode=True, tab=Tab.MINE, me="ada", sort=Sort.WORTH), "ix_queue_items_owner"),
        (Wanted(livemode=True, tab=Tab.CLOSED, country="LI", sort=Sort.WORTH), "ix_queue_items_country"),
        (Wanted(livemode=True, tab=Tab.CLOSED, plan="P", least=5, sort=Sort.WORTH), "ix_queue_items_plan"),
        (Wanted(livemode=True, tab=Tab.OPEN, sort=Sort.AMOUNT), "ix_queue_items_face"),
        (Wanted(livemode=True, tab=Tab.OPEN, sort=Sort.DEADLINE), "ix_queue_items_deadline"),
        (Wanted(livemode=True, tab=Tab.OPEN, value_least=5, sort=Sort.VALUE), "ix_queue_items_value"),
        (Wanted(livemode=True, q="zoe martin", sort=Sort.WORTH), "sqlite_autoindex_queue_items_1"),
    ],
)
def test_a_page_of_the_queue_walks_the_index_of_its_order(
    connection: Connection, wanted: Wanted, index: str
) -> None:
    how = plans(connection, lambda: queue.ids(connection, wanted, now=NOW))
    assert index in how
    assert "SCAN queue_items" not in how
    assert ("TEMP B-TREE" in how) == bool(wanted.q)


def test_a_search_walks_the_words_that_begin_so(connection: Connection) -> None:
    wanted = Wanted(livemode=True, q="zoe martin")
    how = plans(connection, lambda: queue.ids(connection, wanted, now=NOW))
    assert "(word>? AND word<?)" in how


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        ("event", "ix_events_parked"),
        ("message", "ix_messages_failed"),
        ("errand", "ix_errands_refused"),
        ("announcement", "ix_announcements_dead"),
    ],
)
def test_what_was_set_aside_is_found_without_walking_the_table(
    connection: Connection, kind: str, index: str
) -> None:
    assert index in plans(connection, lambda: jobs.dead_rows(connection, kind))
    assert index in plans(connection, lambda: jobs.redrive(connection, kind, NOW))


def test_the_oldest_due_work_is_found_among_what_was_rung(connection: Connection) -> None:
    how = plans(connection, lambda: jobs.oldest_due(connection, NOW, held_up=False))
    assert "SCAN" not in how
