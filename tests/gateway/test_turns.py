"""Taking turns at Stripe's door: so many calls a second, over all processes, with or without Redis."""

from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest

from dunning.core.clock import VirtualClock
from dunning.errors import Transient
from dunning.gateway.gate import Passage
from dunning.gateway.turns import ALONE, LocalTurns, Rates, SharedTurns, Turns

START = datetime(2026, 1, 5, tzinfo=UTC)
CHARGE, READ = Passage(charge=True), Passage()


class Sleeper:
    """A clock that a sleep moves forward."""

    def __init__(self) -> None:
        self.clock = VirtualClock(START)
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance_to(self.clock.now() + timedelta(seconds=seconds))

    def elapsed(self) -> float:
        return (self.clock.now() - START).total_seconds()


def test_one_seconds_worth_goes_at_once_and_the_rest_at_the_rate() -> None:
    sleeper = Sleeper()
    turns = LocalTurns(Rates(10, 15), sleeper.clock, sleeper.sleep)
    for _ in range(10):
        turns.take(CHARGE)
    assert sleeper.slept == []
    for _ in range(50):
        turns.take(CHARGE)
    assert sleeper.elapsed() == pytest.approx(5, abs=0.2)


def test_charges_reads_and_accounts_do_not_wait_for_each_other() -> None:
    sleeper = Sleeper()
    turns = LocalTurns(Rates(1, 1), sleeper.clock, sleeper.sleep)
    for passage in (CHARGE, READ, Passage("acct_1"), Passage("acct_1", charge=True)):
        turns.take(passage)
    assert sleeper.slept == []


def test_no_rate_is_no_limit() -> None:
    sleeper = Sleeper()
    turns = LocalTurns(Rates(0, 0), sleeper.clock, sleeper.sleep)
    for _ in range(500):
        turns.take(CHARGE)
    assert sleeper.slept == []


def test_a_wait_that_is_too_long_asks_nothing_and_takes_no_turn() -> None:
    clock = VirtualClock(START)
    turns = LocalTurns(Rates(1, 1), clock, lambda _seconds: None)  # many threads that wait at once
    for _ in range(21):
        turns.take(CHARGE)
    for _ in range(5):
        with pytest.raises(Transient, match="turn"):
            turns.take(CHARGE)
    clock.advance_to(START + timedelta(seconds=2))
    turns.take(CHARGE)


def test_processes_share_the_turns_in_redis(redis_url: str) -> None:
    waits: list[float] = []
    processes: list[Turns] = [
        SharedTurns(redis_url, Rates(10, 15), VirtualClock(START), "test", waits.append) for _ in range(3)
    ]

    def work(turns: Turns) -> None:
        for _ in range(15):
            turns.take(CHARGE)

    threads = [Thread(target=work, args=(turns,)) for turns in processes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    # 45 turns at 10 a second: ten go at once, and the last waits about 3.5 s less what the test itself took.
    assert 2.0 < max(waits) <= 3.6


def test_redis_away_stops_no_work_and_lifts_no_limit() -> None:
    sleeper = Sleeper()
    away = "redis://127.0.0.1:1/0"
    turns = SharedTurns(away, Rates(10 * ALONE, 15), sleeper.clock, "test", sleeper.sleep)
    for _ in range(60):
        turns.take(CHARGE)
    assert sleeper.elapsed() == pytest.approx(5, abs=0.3)
