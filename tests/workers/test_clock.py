"""The clock finds what is due, stamps it, and rings; it never claims."""

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from dramatiq import Worker

from dunning.core.clock import VirtualClock, WallClock
from dunning.errors import Transient
from dunning.flows import work
from dunning.flows.guard import Guard
from dunning.flows.house import House
from dunning.flows.keeping import event_row
from dunning.gateway.listen import read_head
from dunning.resources import templates
from dunning.settings import Settings
from dunning.store import beats, due, switches
from dunning.store.engine import Store, open_store
from dunning.store.events import insert_events
from dunning.store.tables import events
from workers.bells import POISON_WAITS, Bells, hang
from workers.broker import make_broker
from workers.clock import run_clock, tick

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


class Notebook:
    """Bells that write down what rang instead of waking anybody."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, Any]] = []

    def ring(self, kind: str, row_id: Any) -> None:
        self.rung.append((kind, row_id))


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    clock = VirtualClock(NOW)
    store = open_store(database_url, lease_clock=clock, durable=False)
    guard = Guard(store, clock)
    yield House(store, None, None, clock, Settings(), b"s" * 32, templates(), guard=guard)  # type: ignore[arg-type]  # no bell asks Stripe
    store.engine.dispose()


def keep(store: Store, *ids: str, event_type: str = "invoice.created", at: datetime = NOW) -> None:
    """Keep events of a type that has no effect, so that handling them asks nobody."""
    rows = []
    for event_id in ids:
        body = json.dumps({"id": event_id, "type": event_type, "livemode": False}).encode()
        rows.append(event_row(read_head(body), body, at, livemode=False))
    with store.write() as connection:
        insert_events(connection, rows)


def rows(store: Store) -> dict[str, Any]:
    with store.read() as connection:
        return {row.id: row for row in connection.execute(events.select())}


def test_a_due_row_is_stamped_and_rung_once(house: House) -> None:
    keep(house.store, "evt_1")
    bells = Notebook()
    assert tick(house, bells, every={}) == 1  # type: ignore[arg-type]  # it rings like bells
    assert tick(house, bells, every={}) == 0  # type: ignore[arg-type]
    assert bells.rung == [("event", rows(house.store)["evt_1"].seq)]
    assert rows(house.store)["evt_1"].ring_at == NOW + due.RING_AGAIN
    assert rows(house.store)["evt_1"].lease_until is None


def test_a_bell_that_nobody_answers_rings_again_within_two_minutes(house: House) -> None:
    keep(house.store, "evt_1")
    bells = Notebook()
    tick(house, bells, every={})  # type: ignore[arg-type]
    house.clock.advance_to(NOW + due.RING_AGAIN - timedelta(seconds=1))  # type: ignore[attr-defined]
    assert tick(house, bells, every={}) == 0  # type: ignore[arg-type]
    house.clock.advance_to(NOW + due.RING_AGAIN)  # type: ignore[attr-defined]
    assert tick(house, bells, every={}) == 1  # type: ignore[arg-type]
    assert timedelta(minutes=2) > due.RING_AGAIN


def test_what_is_not_due_yet_does_not_ring(house: House) -> None:
    keep(house.store, "evt_1", at=NOW + timedelta(seconds=1))
    assert tick(house, Notebook(), every={}) == 0  # type: ignore[arg-type]


def test_two_clocks_at_once_ring_every_row_once(house: House) -> None:
    keep(house.store, *(f"evt_{number}" for number in range(250)))
    bells, together = Notebook(), Barrier(2)

    def clock() -> None:
        together.wait()
        while tick(house, bells, every={}):  # type: ignore[arg-type]
            pass

    threads = [Thread(target=clock) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(bells.rung) == 250
    assert len(set(bells.rung)) == 250


def test_the_oldest_rows_ring_first(house: House) -> None:
    keep(house.store, "evt_late", at=NOW - timedelta(minutes=1))
    keep(house.store, "evt_early", at=NOW - timedelta(minutes=2))
    bells = Notebook()
    tick(house, bells, every={})  # type: ignore[arg-type]
    kept = rows(house.store)
    assert [row_id for _, row_id in bells.rung] == [kept["evt_early"].seq, kept["evt_late"].seq]


def test_a_chore_is_taken_once_in_its_time_and_not_at_the_very_first_look(house: House) -> None:
    bells, every = Notebook(), {"reconcile": timedelta(minutes=15)}
    for minutes in (0, 1, 15, 16, 29, 30):
        house.clock.advance_to(NOW + timedelta(minutes=minutes))  # type: ignore[attr-defined]
        tick(house, bells, every=every)  # type: ignore[arg-type]
    assert bells.rung == [("chore", "reconcile")] * 2


@contextlib.contextmanager
def at_work(house: House, redis_url: str | None) -> Iterator[tuple[Bells, Any]]:
    """Hang the bells on a broker with one worker; yields them with a function that waits for silence."""
    broker = make_broker(redis_url)
    bells = hang(broker, house)
    worker = Worker(broker, worker_threads=2, worker_timeout=20)
    worker.start()

    def join() -> None:
        broker.join("dunning")
        worker.join()

    try:
        yield bells, join
    finally:
        worker.stop()
        broker.close()


@pytest.fixture(params=["in process", "redis"])
def broker_url(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("redis_url") if request.param == "redis" else None


@pytest.fixture
def quick_house(sqlite_url: str) -> Iterator[House]:
    clock = VirtualClock(NOW)
    store = open_store(sqlite_url, lease_clock=clock, durable=False)
    guard = Guard(store, clock)
    yield House(store, None, None, clock, Settings(), b"s" * 32, templates(), guard=guard)  # type: ignore[arg-type]  # no bell asks Stripe
    store.engine.dispose()


def test_either_broker_delivers_every_bell_to_the_same_work(
    quick_house: House, broker_url: str | None
) -> None:
    house = quick_house
    keep(house.store, *(f"evt_{number}" for number in range(30)))
    with at_work(house, broker_url) as (bells, join):
        assert tick(house, bells, every={}) == 30
        join()
    assert {row.state for row in rows(house.store).values()} == {"ignored"}
    assert {row.tries for row in rows(house.store).values()} == {1}
    with house.store.read() as connection:
        assert due.next_ring(connection) is None


def test_a_bell_that_rings_twice_is_answered_once(quick_house: House, broker_url: str | None) -> None:
    house = quick_house
    keep(house.store, "evt_1")
    seq = rows(house.store)["evt_1"].seq
    with at_work(house, broker_url) as (bells, join):
        for _ in range(5):
            bells.ring("event", seq)
        join()
    assert rows(house.store)["evt_1"].tries == 1


def test_a_poisoned_row_waits_a_quarter_of_an_hour_and_blocks_nobody(
    quick_house: House, broker_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = quick_house
    keep(house.store, "evt_bad", "evt_good")
    bad = rows(house.store)["evt_bad"].seq
    handle = work.work_event

    def stumble(house: House, seq: int) -> None:
        if seq == bad:
            raise ArithmeticError("a row that nobody expected")
        handle(house, seq)

    monkeypatch.setattr(work, "ROWS", {**work.ROWS, "event": stumble})
    with at_work(house, broker_url) as (bells, join):
        tick(house, bells, every={})
        join()
        kept = rows(house.store)
        assert kept["evt_good"].state == "ignored"
        assert (kept["evt_bad"].state, kept["evt_bad"].ring_at) == ("new", NOW + POISON_WAITS)
        monkeypatch.undo()
        house.clock.advance_to(NOW + POISON_WAITS)  # type: ignore[attr-defined]
        assert tick(house, bells, every={}) == 1
        join()
    assert rows(house.store)["evt_bad"].state == "ignored"


def test_a_stripe_that_is_away_only_delays_to_the_next_bell(
    quick_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = quick_house
    keep(house.store, "evt_1")

    def away(house: House, seq: int) -> None:
        raise Transient("no route to host")

    monkeypatch.setattr(work, "ROWS", {**work.ROWS, "event": away})
    with at_work(house, None) as (bells, join):
        tick(house, bells, every={})
        join()
    assert rows(house.store)["evt_1"].ring_at == NOW + due.RING_AGAIN


def test_a_flushed_redis_costs_two_minutes_and_nothing_else(quick_house: House, redis_url: str) -> None:
    from redis import Redis

    house = quick_house
    keep(house.store, *(f"evt_{number}" for number in range(20)))
    bells = hang(make_broker(redis_url), house)
    assert tick(house, bells, every={}) == 20  # nobody is at work yet
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() > 0
        client.flushall()
    with at_work(house, redis_url) as (again, join):
        join()
        assert {row.state for row in rows(house.store).values()} == {"new"}
        assert tick(house, again, every={}) == 0
        house.clock.advance_to(NOW + due.RING_AGAIN)  # type: ignore[attr-defined]
        assert tick(house, again, every={}) == 20
        join()
    assert {row.state for row in rows(house.store).values()} == {"ignored"}
    assert {row.tries for row in rows(house.store).values()} == {1}


def test_a_redis_that_is_down_does_not_stop_the_clock(quick_house: House) -> None:
    from dramatiq.brokers.redis import RedisBroker

    house = quick_house
    keep(house.store, "evt_1")
    bells = hang(RedisBroker(url="redis://127.0.0.1:1/0"), house)  # type: ignore[no-untyped-call]
    assert tick(house, bells, every={}) == 1
    assert rows(house.store)["evt_1"].ring_at == NOW + due.RING_AGAIN


def test_a_clock_keeps_a_beat_and_of_a_copy_calls_for_what_it_lacks(house: House) -> None:
    house = replace(house, clock=WallClock())
    bells, stop, wake = Notebook(), Event(), Event()
    clock = Thread(target=run_clock, args=(house, bells, stop, wake), daemon=True)
    with house.store.write() as connection:
        switches.put(connection, beats.COPIED, NOW.isoformat(), at=NOW, by="a test")
    clock.start()
    until = time.monotonic() + 30
    while ("chore", "come_back") not in bells.rung and time.monotonic() < until:
        time.sleep(0.05)
    stop.set()
    wake.set()
    clock.join(10)
    with house.store.read() as connection:
        standing = beats.read(connection)
    assert standing.beat is not None
    assert standing.copied_at is None
    assert standing.mode is not None
    assert standing.mode.open
    assert ("chore", "come_back") in bells.rung
