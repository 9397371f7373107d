"""Somebody says no while a charge is on its way: what has not left the house stays there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flows.stopping import STOPS, die_after, due
from scenarios.stage import Stage

from dunning.flows import staff, switches


def stop_by_staff(stage: Stage, robin: dict[str, Any]) -> None:
    staff.stop(stage.house, stage.recovery(robin).id, by="ada")


def promise(stage: Stage, robin: dict[str, Any]) -> None:
    until = stage.clock.now() + timedelta(days=3)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="a promise", by="ada")


def kill_switch(stage: Stage, robin: dict[str, Any]) -> None:
    switches.pause_all(stage.house, "the bank called", by="ada")


def release(stage: Stage, robin: dict[str, Any]) -> None:
    switches.set_mode(stage.house, by="ada", release=True)


def cancel(stage: Stage, robin: dict[str, Any]) -> None:
    stage.merchant("DELETE", f"/v1/subscriptions/{robin['subscription']}")
    stage.deliver()
    stage.ring()


@pytest.mark.parametrize("stop", STOPS[:4])
@pytest.mark.parametrize("say_no", [stop_by_staff, promise, kill_switch, release, cancel])
def test_a_charge_that_never_left_the_house_stays_there_once_somebody_said_no(
    quick_stage: Stage, say_no: Callable[[Stage, dict[str, Any]], None], stop: str
) -> None:
    stage = quick_stage
    robin = due(stage)
    die_after(stage, robin, stop)
    say_no(stage, robin)
    for _ in range(4):
        stage.clock.advance_to(stage.clock.now() + timedelta(minutes=2))
        stage.settle()
    assert stage.charges(robin, by="dunning") == []
