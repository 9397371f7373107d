"""Closed months: frozen bit for bit, adjusted in the open month, reopened only in the books."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.exc import DBAPIError

from dunning.core.clock import VirtualClock
from dunning.core.months import BadMonth, booked, canonical, next_month
from dunning.core.policy import Policy
from dunning.flows import closing, folding
from dunning.store import audit, tables
from dunning.store.engine import Store, open_store

ZONE = ZoneInfo("UTC")
WHOSE = {"account_id": "self", "livemode": False}
FIRST = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def house(database_url: str) -> Iterator[Any]:
    """What closing needs of a house: a database, a clock, the report's zone."""
    store = open_store(database_url)
    settings = SimpleNamespace(report_timezone="UTC", livemode=False)
    with store.write() as c:
        rule = {"version": 1, "definition": Policy().dumps(), "published_at": FIRST}
        c.execute(insert(tables.policies).values(**rule))
    yield SimpleNamespace(store=store, settings=settings, clock=VirtualClock(FIRST))
    store.engine.dispose()


def fail(store: Store, key: str, at: datetime, amount: int = 5000, currency: str = "usd") -> None:
    """Let an invoice fail, and be paid two days later."""
    row = WHOSE | {
        "id": f"rec_{key}",
        "invoice_id": f"in_{key}",
        "invoice_class": "renewal",
        "retries": "own",
    }
    row |= {
        "campaign_key": "standard",
        "campaign_version": 1,
        "status": "recovered",
        "reason": "our_retry",
        "amount": amount,
        "currency": currency,
    }
    row |= {"failed_at": at, "opened_at": at, "deadline": at + timedelta(days=14), "closed_at": at}
    row |= {"decline_class": "soft_funds", "why": "A test.", "policy_version": 1}
    with store.write() as connection:
        connection.execute(insert(tables.recoveries).values(**row))
    paid = at + timedelta(days=2)
    enter(store, key, "recovered", amount, paid, paid, currency=currency, reason="our_retry")


def enter(
    store: Store, key: str, kind: str, amount: int, at: datetime, recorded: datetime, **more: Any
) -> None:
    row = WHOSE | {"id": f"led_{key}_{kind}_{recorded:%Y%m%d%H%M%S%f}", "kind": kind, "amount": amount}
    row |= {"source_id": f"src_{key}_{recorded.isoformat()}", "recovery_id": f"rec_{key}"}
    row |= {"invoice_id": f"in_{key}", "at": at, "recorded_at": recorded, "currency": "usd"}
    with store.write() as connection:
        connection.execute(insert(tables.ledger_entries).values(**(row | more)))


def adjusted(house: Any) -> dict[str, Any]:
    with house.store.read(steady=True) as connection:
        return closing.adjustments(connection, ZONE, livemode=False)


def test_a_refund_after_the_close_is_an_adjustment_of_the_open_month(house: Any) -> None:
    fail(house.store, "a", FIRST + timedelta(days=3))
    house.clock.advance_to(FIRST + timedelta(days=40))
    frozen = closing.close(house, "2024-01", by="Mia")
    assert adjusted(house) == {"cash": {}, "cohort": {}}
    now = house.clock.now()
    enter(house.store, "a", "refund", -2000, now, now)
    assert adjusted(house) == {"cash": {}, "cohort": {"2024-01": {"usd": {"refunded": 2000}}}}
    enter(house.store, "a", "refund", -500, FIRST + timedelta(days=20), now + timedelta(seconds=1))
    found = adjusted(house)
    assert found["cash"] == {"2024-01": {"usd": {"refunded": 500, "net": -500}}}
    assert found["cohort"] == {"2024-01": {"usd": {"refunded": 2500}}}
    with house.store.read() as connection:
        assert closing.standing(connection, livemode=False)[0].document == frozen.document


def test_what_one_closing_adjusted_the_next_does_not_adjust_again(house: Any) -> None:
    fail(house.store, "a", FIRST + timedelta(days=3))
    house.clock.advance_to(FIRST + timedelta(days=40))
    closing.close(house, "2024-01", by="Mia")
    now = house.clock.now()
    enter(house.store, "a", "refund", -500, FIRST + timedelta(days=20), now)
    house.clock.advance_to(FIRST + timedelta(days=70))
    told = closing.close(house, "2024-02", by="Mia").read()
    assert told["ledger"]["adjustments"] == {"2024-01": {"usd": {"refunded": 500, "net": -500}}}
    assert told["standing"]["adjustments"] == {"2024-01": {"usd": {"refunded": 500}}}
    assert adjusted(house) == {"cash": {}, "cohort": {}}


def test_months_are_closed_in_order_and_only_when_they_are_over(house: Any) -> None:
    house.clock.advance_to(FIRST + timedelta(days=40))
    with pytest.raises(BadMonth, match="not over yet"):
        closing.close(house, "2024-02", by="Mia")
    closing.close(house, "2024-01", by="Mia")
    with pytest.raises(BadMonth, match="closed already"):
        closing.close(house, "2024-01", by="Mia")
    house.clock.advance_to(FIRST + timedelta(days=100))
    with pytest.raises(BadMonth, match="the next is 2024-02"):
        closing.close(house, "2024-03", by="Mia")


def test_reopening_stays_in_the_books_and_the_month_is_closed_anew(house: Any) -> None:
    fail(house.store, "a", FIRST + timedelta(days=3))
    house.clock.advance_to(FIRST + timedelta(days=70))
    closing.close(house, "2024-01", by="Mia")
    enter(house.store, "a", "refund", -500, FIRST + timedelta(days=20), house.clock.now())
    with pytest.raises(BadMonth, match="Say why"):
        closing.reopen(house, "2024-01", why=" ", by="Ada")
    closing.reopen(house, "2024-01", why="A refund was told late", by="Ada")
    with pytest.raises(BadMonth, match="not closed"):
        closing.reopen(house, "2024-01", why="Again", by="Ada")
    house.clock.advance_to(FIRST + timedelta(days=71))
    again = closing.close(house, "2024-01", by="Mia")
    assert (again.version, again.read()["ledger"]["cash"]["usd"]["refunded"]) == (2, 500)


def test_the_database_itself_refuses_to_change_the_books(house: Any) -> None:
    fail(house.store, "a", FIRST)
    house.clock.advance_to(FIRST + timedelta(days=40))
    closing.close(house, "2024-01", by="Mia")
    closing.reopen(house, "2024-01", why="A test", by="Mia")
    for table, column in (("closed_months", "month"), ("reopened_months", "why"), ("ledger_entries", "id")):
        for act in (f"UPDATE {table} SET {column} = 'x'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match=r"only grows|stays"), house.store.write() as connection:
                connection.execute(text(act))


def test_thirty_closed_months_are_byte_equal_after_a_thousand_later_facts(house: Any) -> None:
    chance = random.Random(3)
    month, frozen = "2024-01", {}
    for number in range(30):
        begins = datetime.fromisoformat(f"{month}-01T00:00:00+00:00")
        for one in range(3):
            currency = ("usd", "jpy", "kwd")[one]
            fail(house.store, f"{number}_{one}", begins + timedelta(days=chance.randrange(20)), 900, currency)
        house.clock.advance_to(begins + timedelta(days=33))
        frozen[month] = closing.close(house, month, by="Mia")
        month = next_month(month)
    later(house.store, chance, house.clock.now())
    folding.fold(house)
    with house.store.read(steady=True) as connection:
        standing = closing.standing(connection, livemode=False)
        assert [one.document for one in standing] == [one.document for one in frozen.values()]
        assert all(one.intact for one in standing)
        for one in standing:
            again = closing.rerun(connection, one, ZONE, livemode=False)
            assert again.encode() == canonical(one.read()["ledger"]).encode()
    assert len(adjusted(house)["cash"]) == 30


def later(store: Store, chance: random.Random, now: datetime) -> None:
    """Write a thousand refunds, disputes and credits of old payments, told only now."""
    rows = []
    for number in range(1000):
        month, one = chance.randrange(30), chance.randrange(3)
        at = FIRST + timedelta(days=30 * month + chance.randrange(28))
        kind = chance.choice(("refund", "dispute", "credit_note"))
        row = WHOSE | {"id": f"late_{number}", "source_id": f"late_{number}", "kind": kind}
        row |= {"recovery_id": f"rec_{month}_{one}", "invoice_id": f"in_{month}_{one}", "at": at}
        row |= {"amount": -chance.randrange(1, 90), "currency": ("usd", "jpy", "kwd")[one]}
        rows.append(row | {"recorded_at": now + timedelta(seconds=number)})
    with store.write() as connection:
        connection.execute(insert(tables.ledger_entries), rows)


def test_late_money_is_booked_in_the_first_month_that_was_open() -> None:
    cuts = {"2024-01": datetime(2024, 2, 3, tzinfo=UTC), "2024-02": datetime(2024, 3, 3, tzinfo=UTC)}
    assert booked("2024-01", datetime(2024, 2, 1, tzinfo=UTC), cuts) == "2024-01"
    assert booked("2024-01", datetime(2024, 2, 9, tzinfo=UTC), cuts) == "2024-02"
    assert booked("2024-01", datetime(2024, 4, 9, tzinfo=UTC), cuts) == "2024-03"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_is_folded_while_a_month_is_closed_is_frozen_once(database_url: str, house: Any) -> None:
    for number in range(3):
        fail(house.store, str(number), FIRST + timedelta(days=number))
        if number == 0:
            folding.fold(house)
    house.clock.advance_to(FIRST + timedelta(days=40))
    other = open_store(database_url)
    folded: list[int] = []

    def fold(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if "FROM rollup_cells" in statement and not folded:
            folded.append(0)
            folded.append(folding.fold(SimpleNamespace(**vars(house) | {"store": other})))

    event.listen(house.store.engine, "before_cursor_execute", fold)
    told = closing.close(house, "2024-01", by="Mia").read()
    other.engine.dispose()
    assert folded == [0, 2]
    assert told["standing"]["counts"]["usd"]["count"] == 3
    assert told["standing"]["cohort"]["usd"]["failed"] == 15000
    assert adjusted(house) == {"cash": {}, "cohort": {}}


def test_of_two_who_close_a_month_at_once_one_does_and_the_other_is_told(house: Any) -> None:
    fail(house.store, "a", FIRST + timedelta(days=3))
    house.clock.advance_to(FIRST + timedelta(days=40))
    ready = threading.Barrier(3)

    def close(by: str) -> str:
        ready.wait()
        try:
            return closing.close(house, "2024-01", by=by).by
        except BadMonth as problem:
            return str(problem).partition(":")[0]

    def refund() -> None:
        ready.wait()
        now = house.clock.now()
        enter(house.store, "a", "refund", -500, now - timedelta(days=20), now)

    with ThreadPoolExecutor(3) as pool:
        late = pool.submit(refund)
        told = sorted(pool.map(close, ("Ada", "Mia")))
        late.result()
    assert told[0] == "2024-01 is closed already"
    assert told[1] in {"Ada", "Mia"}
    with house.store.read() as connection:
        [closed] = closing.standing(connection, livemode=False)
        entries = audit.page(connection, q="month.close")
    assert [entry["actor"] for entry in entries] == [told[1]]
    frozen = closed.read()
    assert frozen["ledger"]["cash"]["usd"] == {"recovered": 5000, "net": 5000}
    assert adjusted(house)["cash"] == {"2024-01": {"usd": {"refunded": 500, "net": -500}}}
    back = frozen["standing"]["cohort"]["usd"]["refunded"]
    later = adjusted(house)["cohort"].get("2024-01", {}).get("usd", {}).get("refunded", 0)
    assert back + later == 500
