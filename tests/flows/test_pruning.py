"""Retention: what is old goes, in chunks; what somebody may still need stays; the books are not touched."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.house import furnish
from browser.seed import NOW, WHOSE
from sqlalchemy import func, insert, select, update

from dunning.core.retention import PRUNED, PRUNED_WORDS
from dunning.core.vocabulary import OPEN
from dunning.flows import pruning, told
from dunning.flows.house import House
from dunning.store import events, tables

OLD, YOUNG = NOW - timedelta(days=200), NOW - timedelta(days=2)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    found, _ = furnish(database_url, recoveries=12)
    yield found
    found.store.engine.dispose()


def of(house: House, *, is_open: bool) -> Any:
    status = tables.recoveries.c.status
    with house.store.read() as connection:
        query = select(tables.recoveries).where(status.in_(OPEN) if is_open else status.not_in(OPEN))
        return connection.execute(query.order_by(tables.recoveries.c.id).limit(1)).mappings().one()


def keep(house: House, invoice: str, at: Any, *, state: str = "handled", **more: Any) -> int:
    """Keep an event that names an invoice inside its payload, and return its seq."""
    payload = json.dumps({"data": {"object": {"id": "pi_1", "invoice": invoice}}}).encode()
    row = {**WHOSE, "type": "payment_intent.payment_failed", "received_at": at, "payload": payload}
    with house.store.write() as connection:
        count = connection.execute(select(func.count()).select_from(tables.events)).scalar_one()
        row |= {"id": f"evt_{count}", "object_id": "pi_1", "state": state, **more}
        done = connection.execute(insert(tables.events).values(**row))
        return int(done.inserted_primary_key[0])


def payload_of(house: House, seq: int) -> bytes:
    with house.store.read() as connection:
        query = select(tables.events.c.payload).where(tables.events.c.seq == seq)
        return bytes(connection.execute(query).scalar_one())


def test_old_payloads_go_unless_an_open_recovery_or_an_unhandled_event_needs_them(house: House) -> None:
    live, closed = of(house, is_open=True), of(house, is_open=False)
    new = keep(house, closed["invoice_id"], OLD, state="new")
    parked = keep(house, closed["invoice_id"], OLD, state="parked")
    needed = keep(house, live["invoice_id"], OLD)
    goes = [keep(house, closed["invoice_id"], OLD) for _ in range(3)]
    ignored = keep(house, "in_unknown", OLD, state="ignored")
    young = keep(house, closed["invoice_id"], YOUNG)
    would = pruning.prune(house, dry=True)
    assert would.payloads == 4
    assert payload_of(house, goes[0]) != PRUNED
    assert pruning.prune(house) == would
    assert {payload_of(house, seq) for seq in (*goes, ignored)} == {PRUNED}
    assert PRUNED not in {payload_of(house, seq) for seq in (new, parked, needed, young)}
    assert pruning.prune(house).payloads == 0
    with house.store.write() as connection:
        connection.execute(update(tables.events).values(state="handled").where(tables.events.c.seq == new))
    assert pruning.prune(house).payloads == 1
    assert payload_of(house, new) == PRUNED


def test_a_run_is_bounded_and_the_next_one_goes_on(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE", 2)
    for _ in range(5):
        keep(house, "in_gone", OLD)
    runs = [pruning.prune(house, most=1) for _ in range(4)]
    assert [run.payloads for run in runs] == [2, 2, 1, 0]
    assert [run.whole for run in runs[2:]] == [True, True]
    assert pruning.last_run(house)["payloads"] == 0


def test_a_pruned_payload_is_read_by_everybody_who_reads_payloads(house: House) -> None:
    closed = of(house, is_open=False)
    keep(house, closed["invoice_id"], OLD, object_id=closed["invoice_id"])
    pruning.prune(house)
    assert told.failure_in(PRUNED) is None
    with house.store.read() as connection:
        shown = events.about(connection, closed)
    assert [one["body"] for one in shown] == [PRUNED_WORDS]


def test_the_words_of_old_messages_go_and_that_they_were_sent_stays(house: House) -> None:
    column = tables.messages.c
    with house.store.write() as connection:
        connection.execute(update(tables.messages).values(due_at=OLD).where(column.state == "sent"))
        before = connection.execute(select(func.count()).where(column.state == "sent")).scalar_one()
    live = of(house, is_open=True)["id"]
    assert before
    found = pruning.prune(house)
    with house.store.read() as connection:
        rows = connection.execute(select(tables.messages).where(column.state == "sent")).mappings().all()
        status = tables.recoveries.c.status
        query = select(tables.recoveries.c.id).where(status.in_(OPEN))
        still = set(connection.execute(query).scalars())
    assert live in still
    gone = [row for row in rows if row["recovery_id"] not in still]
    assert found.letters == len(gone) > 0
    assert all(row["body_text"] is None and row["body_html"] is None and row["sent_at"] for row in gone)
