"""The webhook receiver when the database, the sender or the doorbell misbehaves."""

import asyncio
import contextlib
import itertools
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from running_receiver import NOW, SECRET, Desk, GuardedStore, event_body, kept, running
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from dunning.core.vocabulary import EventState
from dunning.gateway.signature import sign
from dunning.store.engine import Store, open_store
from dunning.web.group_commit import GroupCommit
from dunning.web.receiver import Limits

TESTS = str(Path(__file__).parent.parent)
AWAY = OperationalError("INSERT", {}, Exception("connection refused"))


@pytest.fixture
def store(database_url: str) -> Iterator[GuardedStore]:
    opened = open_store(database_url)
    guarded = GuardedStore(opened.engine)
    guarded.gate.set()
    yield guarded
    opened.engine.dispose()


def until(true: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not true():
        assert time.monotonic() < give_up, "it did not happen within 20 s"
        time.sleep(0.005)


def in_line(desk: Desk) -> int:
    return len(desk.receiver._writer._gathering._line)


@contextlib.contextmanager
def posts() -> Iterator[Callable[[Desk, range], list[Future[httpx.Response]]]]:
    with ThreadPoolExecutor(140) as pool:

        def post(desk: Desk, numbers: range) -> list[Future[httpx.Response]]:
            return [pool.submit(desk.post, event_body(f"evt_{n}")) for n in numbers]

        yield post


def test_what_gathers_during_a_commit_shares_the_next_one(store: GuardedStore) -> None:
    store.gate.clear()
    with running(store) as desk, posts() as post:
        first = post(desk, range(1))
        assert store.entered.wait(10)
        others = post(desk, range(1, 131))
        until(lambda: in_line(desk) == 130)
        store.gate.set()
        assert {answer.result().status_code for answer in first + others} == {200}
    assert len(kept(store)) == 131
    assert len(store.writes) == 3  # 1 row, then 128, then 2


def test_the_limits_are_those_of_the_contract() -> None:
    limits = Limits()
    assert (limits.body_bytes, limits.body_s, limits.keep_s, limits.batch_rows) == (1_048_576, 10, 5, 128)


def test_while_the_database_is_away_stripe_is_asked_to_come_again(store: GuardedStore) -> None:
    with running(store) as desk:
        store.failure.append(AWAY)
        answer = desk.post(event_body())
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "5"
        assert answer.json()["error"]["code"] == "not_kept"
        store.failure.clear()
        assert kept(store) == []
        assert desk.post(event_body()).status_code == 200
    assert len(kept(store)) == 1


def test_a_database_that_is_away_is_not_asked_once_for_each_row(store: GuardedStore) -> None:
    store.gate.clear()
    store.failure.append(AWAY)
    with running(store) as desk, posts() as post:
        first = post(desk, range(1))
        assert store.entered.wait(10)
        others = post(desk, range(1, 51))
        until(lambda: in_line(desk) == 50)
        store.gate.set()
        assert {answer.result().status_code for answer in first + others} == {503}
    assert len(store.writes) == 4  # each batch once, and its first row alone


def test_a_database_that_hangs_is_given_up_in_time_and_the_row_may_still_come(store: GuardedStore) -> None:
    store.gate.clear()
    with running(store, limits=Limits(keep_s=0.2)) as desk:
        answer = desk.post(event_body())
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_kept")
        store.gate.set()
        assert desk.post(event_body()).status_code == 200
    assert len(kept(store)) == 1


@pytest.mark.slow
def test_a_locked_database_is_answered_for_after_five_seconds(sqlite_url: str) -> None:
    opened = open_store(sqlite_url)
    lock = sqlite3.connect(Path(str(make_url(sqlite_url).database)), isolation_level=None)
    with contextlib.closing(lock), running(opened) as desk:
        assert desk.post(event_body("evt_before")).status_code == 200
        lock.execute("BEGIN IMMEDIATE")
        started = time.monotonic()
        assert desk.post(event_body()).status_code == 503
        assert 4.5 < time.monotonic() - started < 10
        lock.execute("ROLLBACK")
        assert desk.post(event_body()).status_code == 200
    opened.engine.dispose()


def test_when_the_line_is_full_stripe_is_asked_to_come_again(store: GuardedStore) -> None:
    store.gate.clear()
    with running(store, limits=Limits(line_rows=2)) as desk, posts() as post:
        first = post(desk, range(1))
        assert store.entered.wait(10)
        others = post(desk, range(1, 3))
        until(lambda: in_line(desk) == 2)
        answer = desk.post(event_body("evt_too_many"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "full")
        assert "retry-after" in answer.headers
        store.gate.set()
        assert {posted.result().status_code for posted in first + others} == {200}
    assert [row.id for row in kept(store)] == ["evt_0", "evt_1", "evt_2"]


def test_one_row_that_the_database_refuses_harms_no_other(store: GuardedStore) -> None:
    async def keep(*ids: str) -> list[bool]:
        futures = [writer.offer(row(event_id)) for event_id in ids]
        store.gate.set()
        return [await future for future in futures if future is not None]

    store.gate.clear()
    writer = GroupCommit(store, None, line=10, batch=10)
    writer.start()
    assert asyncio.run(keep("evt_1", "evt_bad", "evt_2")) == [True, False, True]
    writer.stop()
    assert [kept_row.id for kept_row in kept(store)] == ["evt_1", "evt_2"]


SERVE = """
import sys, time
from running_receiver import running
from dunning.store.engine import open_store
with running(open_store(sys.argv[1])) as desk:
    print(desk.port, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_what_was_answered_200_outlives_a_kill(store: GuardedStore, database_url: str) -> None:
    command = [sys.executable, "-c", SERVE, database_url]
    answered: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": TESTS}) as server:
        assert server.stdout is not None
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"

        def post_until_it_dies(sender: int) -> None:
            with httpx.Client(trust_env=False) as http, contextlib.suppress(httpx.TransportError):
                for number in itertools.count():
                    body = event_body(f"evt_{sender}_{number}")
                    headers = {"Stripe-Signature": sign(body, SECRET, NOW)}
                    assert http.post(url, content=body, headers=headers).status_code == 200
                    answered.append(f"evt_{sender}_{number}")

        with ThreadPoolExecutor(8) as pool:
            senders = [pool.submit(post_until_it_dies, sender) for sender in range(8)]
            until(lambda: len(answered) > 100)
            server.kill()
            for sender in senders:
                sender.result()
    assert set(answered) <= {kept_row.id for kept_row in kept(store)}


def row(event_id: str) -> dict[str, object]:
    return {
        "account_id": "self",
        "livemode": False,
        "id": event_id,
        "type": "invoice.paid",
        "received_at": NOW,
        "payload": None if event_id == "evt_bad" else b"{}",  # the column takes no null
        "state": EventState.NEW,
        "ring_at": NOW,
    }


def test_stopping_keeps_what_was_taken_in_and_refuses_the_rest(store: GuardedStore) -> None:
    store.gate.clear()
    with running(store) as desk, posts() as post:
        waiting = post(desk, range(1))
        assert store.entered.wait(10)
        waiting += post(desk, range(1, 31))
        until(lambda: in_line(desk) == 30)
        with ThreadPoolExecutor(1) as stopper:
            stopped = stopper.submit(desk.receiver.stop)
            until(lambda: not desk.receiver._writer._gathering._open)
            assert desk.post(event_body("evt_late")).status_code == 503
            store.gate.set()
            stopped.result()
        assert len(kept(store)) == 31
        assert {answer.result().status_code for answer in waiting} == {200}
        desk.receiver.start()
        assert desk.post(event_body("evt_again")).status_code == 200


def test_the_clock_is_woken_after_the_commit(store: GuardedStore) -> None:
    seen: list[int] = []
    with running(store, wake=lambda: seen.append(len(kept(store)))) as desk:
        assert desk.post(event_body("evt_1")).status_code == 200
        until(lambda: seen == [1])
        assert desk.post(event_body("evt_2")).status_code == 200
        until(lambda: seen == [1, 2])


def test_a_doorbell_that_breaks_stops_nothing(store: GuardedStore) -> None:
    def broken() -> None:
        raise RuntimeError("no clock here")

    with running(store, wake=broken) as desk:
        assert [desk.post(event_body(f"evt_{n}")).status_code for n in range(3)] == [200] * 3
    assert len(kept(store)) == 3


def open_line(desk: Desk, sent: bytes, announced: int) -> socket.socket:
    """Announce a body of so many bytes and send only `sent`, with the signature of `sent`."""
    line = socket.create_connection(("127.0.0.1", desk.port), timeout=10)
    head = (
        f"POST /webhooks/stripe HTTP/1.1\r\nHost: test\r\nContent-Length: {announced}\r\n"
        f"Stripe-Signature: {sign(sent, SECRET, NOW)}\r\n\r\n"
    )
    line.sendall(head.encode() + sent)
    return line


def test_a_body_announced_as_too_large_is_refused_before_it_comes(store: GuardedStore) -> None:
    with running(store) as desk, open_line(desk, b"", announced=1_048_577) as line:
        assert line.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_takes_too_long_is_given_up(store: GuardedStore) -> None:
    with running(store, limits=Limits(body_s=0.3)) as desk:
        with open_line(desk, b"{", announced=500) as line:
            answer = b"".join(iter(lambda: line.recv(4096), b""))  # until the server hangs up
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"too_slow" in answer
        assert desk.post(event_body("evt_2")).status_code == 200
    assert [kept_row.id for kept_row in kept(store)] == ["evt_2"]


def test_a_sender_that_hangs_up_leaves_nothing_behind(store: GuardedStore) -> None:
    with running(store) as desk:
        for sent in (b"", b"{", event_body("evt_1")):  # the last is whole, but more was announced
            open_line(desk, sent, announced=len(sent) + 1).close()
        assert desk.post(event_body("evt_2")).status_code == 200
    assert [kept_row.id for kept_row in kept(store)] == ["evt_2"]


def test_many_slow_senders_do_not_hold_up_a_good_one(store: GuardedStore) -> None:
    with running(store) as desk, contextlib.ExitStack() as lines:
        for _ in range(100):
            lines.enter_context(open_line(desk, b"{", announced=500))
        started = time.monotonic()
        assert desk.post(event_body("evt_2")).status_code == 200
        assert time.monotonic() - started < 2


def test_an_error_that_nobody_foresaw_is_a_503(store: Store) -> None:
    class BrokenClock:
        def now(self) -> datetime:
            raise RuntimeError("no time")

    with running(store) as desk:
        desk.receiver._clock = BrokenClock()
        answer = desk.post(event_body())
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
