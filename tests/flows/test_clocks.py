"""A clock that is off charges nothing, and everybody sees it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from flows.stopping import due, frozen
from scenarios.stage import Stage

from dunning.core.vocabulary import AttemptState
from dunning.flows import charging, safety
from dunning.flows.driver import run
from dunning.flows.guard import Guard
from dunning.gateway.gate import Passage, Verdict
from dunning.store.engine import Store, open_store

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)


@dataclass
class Drifting:
    """A clock that may be set, and may run backwards."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at


def answered(guard: Guard, clock: Drifting, date: datetime, *, took_s: float = 0) -> None:
    """Let an answer of Stripe's come in, with its Date header."""
    guard.enter(Passage())
    clock.at += timedelta(seconds=took_s)
    guard.leave(Passage(), Verdict.FINE, why="", date=date)


def why_stopped(guard: Guard, store: Store, now: datetime) -> str | None:
    with store.write() as connection:
        stop = guard.shut(connection, "self", now)
    return stop.why if stop else None


@pytest.mark.parametrize(
    ("off_s", "took_s", "stopped"),
    [
        (0, 0, False),
        (4, 0, False),
        (-4, 0, False),
        (7, 0, True),
        (-7, 0, True),
        (0, 25, False),
        (-1, 25, False),
    ],
)
def test_more_than_five_seconds_off_stops_charging_and_a_slow_answer_is_no_reason(
    sqlite_url: str, off_s: int, took_s: int, *, stopped: bool
) -> None:
    store = open_store(sqlite_url)
    clock = Drifting()
    guard = Guard(store, clock, measures=True)
    why_stopped(guard, store, NOW)  # the first look compares with the database, which is not of today
    clock.at = NOW + timedelta(minutes=10)
    guard._compared_at = clock.at
    # Stripe wrote the answer at once; it was `took_s` on its way to us.
    answered(guard, clock, clock.at - timedelta(seconds=off_s), took_s=took_s)
    why = why_stopped(guard, store, clock.now())
    store.engine.dispose()
    assert (why is not None) is stopped
    if why is not None:
        assert "off Stripe's" in why


def test_safe_mode_is_told_to_everybody_and_ends_with_the_first_good_answer(stage: Stage) -> None:
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    guard, clock = stage.house.guard, stage.clock
    guard.measures, guard._compared_at = True, clock.now()
    guard.enter(Passage())
    guard.leave(Passage(), Verdict.FINE, why="", date=clock.now() - timedelta(seconds=30))
    assert not run(charging.charge(stage.house, attempt_id))
    assert stage.charges(robin, by="dunning") == []
    with stage.house.store.read() as connection:
        (alarm,) = safety.alarms(connection, clock.now())
    assert "its clock is 29 s off Stripe's" in alarm
    guard.enter(Passage())
    guard.leave(Passage(), Verdict.FINE, why="", date=clock.now())
    with stage.house.store.read() as connection:
        assert safety.alarms(connection, clock.now()) == []
    guard.measures = False
    stage.pass_time(minutes=6)
    assert stage.ours(robin) == [AttemptState.PAID]


def test_a_database_with_another_time_stops_charging(postgres_url: str) -> None:
    store = open_store(postgres_url)
    clock = Drifting(NOW)  # long ago, for the database
    guard = Guard(store, clock, measures=True)
    why = why_stopped(guard, store, NOW)
    store.engine.dispose()
    assert why is not None
    assert "off the database's" in why
