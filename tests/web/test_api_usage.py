"""A customer's use, as the merchant reports it: kept, entered in the audit log, and seen in the queue."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.house import LOCAL, furnish, site_of
from browser.seed import NOW
from sqlalchemy import select
from starlette.testclient import TestClient

from dunning.flows.house import House
from dunning.flows.placing import place
from dunning.store import audit, queue_items, tables

AT = NOW - timedelta(days=2)


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made, _ = furnish(database_url, recoveries=20)
    yield made
    made.store.engine.dispose()


@pytest.fixture
def program(house: House) -> TestClient:
    return TestClient(site_of(house), client=LOCAL, base_url="http://127.0.0.1")


def put(program: TestClient, customer: str, usage: Any, days: int, status: int = 200) -> Any:
    body = {"usage": usage, "at": (AT + timedelta(days=days)).isoformat()}
    answer = program.put(f"/api/v1/customers/{customer}/usage", json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def some_open(house: House) -> tuple[str, str]:
    column = tables.recoveries.c
    query = select(column.id, column.customer_id).where(column.closed_at.is_(None)).limit(1)
    with house.store.read() as connection:
        return tuple(connection.execute(query).one())


def test_a_figure_that_falls_lets_the_recovery_slip(house: House, program: TestClient) -> None:
    recovery_id, customer = some_open(house)
    with house.store.read() as connection:
        before = queue_items.item(connection, recovery_id)
    assert put(program, customer, 100, days=0)["falls"] is False
    kept = put(program, customer, 70, days=1)
    assert (kept["usage_before"], kept["usage"], kept["falls"]) == (100, 70, True)
    with house.store.write() as connection:
        rung = queue_items.item(connection, recovery_id)
        place(connection, recovery_id, house.clock.now())
        after = queue_items.item(connection, recovery_id)
    assert before is not None
    assert rung is not None
    assert after is not None
    assert rung["ring_at"] == house.clock.now()
    assert after["slipping"] == before["slipping"] + 2


def test_the_same_again_changes_nothing_and_what_is_older_is_refused(
    house: House, program: TestClient
) -> None:
    put(program, "cus_new", 100, days=0)
    first = put(program, "cus_new", 50, days=1)
    assert put(program, "cus_new", 50, days=1) == first
    assert "later figure" in put(program, "cus_new", 9, days=0, status=409)["detail"]
    assert "future" in put(program, "cus_new", 9, days=9, status=409)["detail"]
    put(program, "cus_new", -1, days=2, status=422)
    with house.store.read() as connection:
        column = tables.audit_log.c
        entered = select(column.before, column.after).where(column.action == "customer.usage")
        rows = connection.execute(entered.order_by(column.seq)).all()
        assert audit.broken(connection) is None
    assert len(rows) == 2
    assert '"usage":50' in rows[1].after
