"""Diaries of days on which Stripe does not answer, or does not let us charge."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from scenarios.stage import Stage
from sqlalchemy import func, select

from dunning.core.breaker import Breaker, Cause
from dunning.core.vocabulary import AttemptState, Status
from dunning.gateway.ask import Stripe
from dunning.store import breakers, tables


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK sleeps before it repeats a read; a virtual day has no time for that."""
    monkeypatch.setattr(sdk.HTTPClient, "_sleep_time_seconds", lambda *_, **__: 0)


def breaker(stage: Stage) -> Breaker | None:
    with stage.house.store.read() as connection:
        found = breakers.all_open(connection)
    return found[0] if found else None


def many(stage: Stage, count: int) -> list[dict[str, Any]]:
    """Customers whose accounts are full again, with our attempts all due at this instant."""
    crowd = [stage.fails("insufficient_funds", clears_after_hours=1) for _ in range(count)]
    at = max(stage.recovery(robin).next_attempt_at or stage.clock.now() for robin in crowd)
    stage.clock.advance_to(at)
    return crowd


def ours(stage: Stage) -> int:
    """How many attempts of ours there are, however they ended."""
    query = select(func.count()).select_from(tables.attempts).where(tables.attempts.c.policy_version > 0)
    with stage.house.store.read() as connection:
        return connection.execute(query).scalar_one()


def test_six_hours_without_stripe_use_up_nothing_and_charges_come_back_step_by_step(stage: Stage) -> None:
    crowd = many(stage, 24)
    stage.sandbox.faults.add(path="*", method="*", status=500, times=None)
    stage.ring()
    found = breaker(stage)
    assert found is not None
    assert (found.cause, found.account_id) == (Cause.OUTAGE, "all")
    tried = ours(stage)

    # For six hours one question every half minute asks whether Stripe is back; no attempt begins.
    stage.skip_time(hours=6, hop=1)
    assert breaker(stage) is not None
    assert ours(stage) == tried
    assert {stage.recovery(robin).status for robin in crowd} <= {Status.SCHEDULED, Status.ATTEMPTING}

    # Stripe is back: one probe goes through, then a few charges, then all.
    stage.sandbox.faults.rules.clear()
    while breaker(stage) is not None:
        stage.pass_time(seconds=5)
    stage.pass_time(seconds=20)
    assert ours(stage) - tried < 12
    stage.pass_time(minutes=30)
    paid = [robin for robin in crowd if stage.recovery(robin).status is Status.RECOVERED]
    assert len(paid) == 24
    for robin in crowd:
        assert stage.charges(robin, by="dunning") == ["paid"]
        assert all(state in {AttemptState.PAID, AttemptState.NOT_SENT} for state in stage.ours(robin))


def test_a_key_that_may_not_charge_stops_every_charge_at_the_first_refusal(stage: Stage) -> None:
    crowd = many(stage, 5)
    locked_out = replace(stage.house, stripe=Stripe("sk_wrong", stage.url, stage.house.guard))
    right, stage.house = stage.house, locked_out
    stage.settle()
    found = breaker(stage)
    assert found is not None
    assert (found.cause, found.account_id) == (Cause.KEY, "self")
    stage.skip_time(hours=3, hop=1)
    assert breaker(stage) is not None
    # One read was refused before the door was shut; nobody asked for a charge, and nothing was used up.
    assert ours(stage) == 1
    assert [robin for robin in crowd if stage.charges(robin, by="dunning")] == []
    assert [state for robin in crowd for state in stage.ours(robin)] == []

    # The merchant puts the right key in; within minutes the door is tried, and everybody is collected.
    stage.house = right
    stage.pass_time(hours=1)
    assert breaker(stage) is None
    assert [stage.charges(robin, by="dunning") for robin in crowd] == [["paid"]] * 5


def test_events_are_kept_while_nobody_can_ask_about_them(stage: Stage) -> None:
    crowd = many(stage, 22)
    stage.sandbox.faults.add(path="*", method="*", status=500, times=None)
    stage.ring()
    robin = stage.sandbox.customer(fail="insufficient_funds", country="GB")
    stage.skip_time(hours=2, hop=1)
    stage.sandbox.faults.rules.clear()
    stage.pass_time(hours=2)
    assert stage.recovery(robin).status is Status.SCHEDULED
    assert all(stage.charges(each, by="dunning") == ["paid"] for each in crowd)


def test_a_door_that_shuts_again_at_once_is_tried_more_and_more_rarely(stage: Stage) -> None:
    with stage.house.store.write() as connection:
        waits = []
        now = stage.clock.now()
        for _ in range(4):
            found = breakers.trip(connection, "self", Cause.KEY, "no right", now)
            waits.append(found.wait)
            breakers.close(connection, "self", now + found.wait)
            now += found.wait + timedelta(seconds=1)
    assert waits == [timedelta(seconds=seconds) for seconds in (30, 60, 120, 240)]


@pytest.mark.parametrize("code", ["rate_limit", "lock_timeout"])
def test_too_busy_is_no_answer_and_costs_nothing(stage: Stage, code: str) -> None:
    (robin,) = many(stage, 1)
    stage.sandbox.faults.add(status=429, code=code, times=4)
    stage.settle()
    assert stage.ours(robin) == [AttemptState.ASKING]
    stage.pass_time(minutes=3)
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert breaker(stage) is None


def test_a_charge_that_is_never_taken_is_planned_anew_with_a_fresh_look(stage: Stage) -> None:
    (robin,) = many(stage, 1)
    stage.sandbox.faults.add(status=429, code="rate_limit", times=None)
    stage.pass_time(minutes=20)
    stage.sandbox.faults.rules.clear()
    assert stage.ours(robin)[0] is AttemptState.CANCELLED
    stage.pass_time(days=10)
    assert stage.charges(robin, by="dunning") == ["paid"]
