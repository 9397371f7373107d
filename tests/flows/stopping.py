"""Driving a flow step by step, so that a worker may die between any two."""

from collections.abc import Callable
from typing import Any

from scenarios.stage import Stage

from dunning.flows import attempting, charging
from dunning.flows.driver import Flow, run
from dunning.store import attempts

STOPS = (
    "before the intent is frozen",
    "after the invoice was read",
    "after the intent was frozen",
    "after the charge was claimed",
    "after Stripe executed it",
    "after the answer was recorded",
)


def due(stage: Stage, **more: Any) -> dict[str, Any]:
    """Return a customer whose account is full again, at the instant of our next attempt."""
    robin = stage.fails("insufficient_funds", **({"clears_after_hours": 1} | more))
    at = stage.recovery(robin).next_attempt_at
    assert at is not None
    stage.clock.advance_to(at)
    return robin


def frozen(stage: Stage, robin: dict[str, Any]) -> str:
    """Freeze the intent of the due attempt and return its id."""
    recovery = stage.recovery(robin)
    assert run(attempting.prepare(stage.house, recovery.id))
    with stage.house.store.read() as connection:
        attempt = attempts.asking(connection, recovery.whose, recovery.invoice_id)
    assert attempt is not None
    return attempt.id


def steps(flow: Flow[Any, Any]) -> list[Callable[[], None]]:
    """Return a flow as three steps, so that whoever drives them may stop between any two."""
    kept: list[Any] = []

    def claim() -> None:
        kept.append(flow.claim())
        assert kept[0] is not None

    return [claim, lambda: kept.append(flow.ask(kept[0])), lambda: flow.record(kept[0], kept[1])]


def die_after(stage: Stage, robin: dict[str, Any], stop: str) -> None:
    done = STOPS.index(stop) + 1
    for step in steps(attempting.prepare(stage.house, stage.recovery(robin).id))[:done]:
        step()
    if done <= 3:
        return
    with stage.house.store.read() as connection:
        recovery = stage.recovery(robin)
        attempt = attempts.asking(connection, recovery.whose, recovery.invoice_id)
    assert attempt is not None
    for step in steps(charging.charge(stage.house, attempt.id))[: done - 3]:
        step()
