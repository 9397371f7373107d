"""Diaries: a share of the customers goes without, and it shows."""

from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from scenarios.stage import OURS, Stage
from sqlalchemy import select

from dunning.core.vocabulary import Arm, Experiment, MessageState
from dunning.flows import experiments
from dunning.sandbox.state import Trouble
from dunning.store import experiments as kept
from dunning.store import tables

HALF = Fraction(1, 2)


def someone(stage: Stage, experiment: Experiment, arm: Arm, **more: Any) -> dict[str, Any]:
    """Let payments fail until somebody on that side of an experiment is among them."""
    for _ in range(30):
        ids = stage.fails("insufficient_funds", **more)
        if getattr(stage.recovery(ids), f"{experiment}_arm") is arm:
            return ids
    raise AssertionError(f"nobody is {arm}")


def days_tried(stage: Stage, ids: dict[str, Any]) -> list[float]:
    tries = [a.at for a in stage.attempts(ids)]
    return [round((at - tries[0]) / timedelta(days=1), 2) for at in tries[1:]]


def test_who_is_held_out_is_retried_by_the_plain_ladder(stage: Stage) -> None:
    experiments.set_shares(stage.house, {Experiment.RETRIES: HALF}, by="ada")
    robin = someone(stage, Experiment.RETRIES, Arm.HOLDOUT, clears_after_hours=10_000)
    assert "plain ladder" in stage.recovery(robin).why
    stage.pass_time(days=6)
    assert days_tried(stage, robin) == pytest.approx([1, 3, 5], abs=0.02)
    ours = [row for row in stage.rows("attempts", robin) if row["made_by"] == "dunning"]
    assert [row["propensity"] for row in ours] == ["1.000000"] * 3
    assert all(0 < float(row["predicted"]) < 1 for row in ours)


def test_who_is_not_held_out_is_retried_by_the_planner(stage: Stage) -> None:
    experiments.set_shares(stage.house, {Experiment.RETRIES: HALF}, by="ada")
    robin = someone(stage, Experiment.RETRIES, Arm.TREATED, clears_after_hours=10_000)
    assert "plain ladder" not in stage.recovery(robin).why


def test_the_held_out_ladder_passes_the_same_rules(quick_stage: Stage) -> None:
    stage = quick_stage
    experiments.set_shares(stage.house, {Experiment.RETRIES: HALF}, by="ada")
    robin = someone(stage, Experiment.RETRIES, Arm.HOLDOUT, clears_after_hours=10_000)
    world = stage.sandbox.world
    world.cards[robin["payment_method"]].trouble = Trouble("scripted", "stolen_card", world.now())
    stage.pass_time(days=13)
    assert stage.charges(robin, by="dunning") == ["declined"]


def test_who_is_held_out_of_messages_gets_none_and_the_rows_say_why(stage: Stage) -> None:
    experiments.set_shares(stage.house, {Experiment.MESSAGES: HALF}, by="ada")
    held = someone(stage, Experiment.MESSAGES, Arm.HOLDOUT, clears_after_hours=10_000)
    written = someone(stage, Experiment.MESSAGES, Arm.TREATED, clears_after_hours=10_000)
    stage.pass_time(days=12)
    assert MessageState.SENT not in stage.messages(held).values()
    assert MessageState.SENT in stage.messages(written).values()
    notes = {row["note"] for row in stage.rows("messages", held) if row["state"] == MessageState.SKIPPED}
    assert "An experiment: this customer is in the share that gets no messages." in notes
    assert stage.recovery(held).retries_arm is None


def test_a_customer_stays_on_one_side_whatever_the_share_becomes(stage: Stage) -> None:
    experiments.set_shares(stage.house, {Experiment.RETRIES: HALF}, by="ada")
    robin = someone(stage, Experiment.RETRIES, Arm.HOLDOUT)
    experiments.set_shares(stage.house, {Experiment.RETRIES: Fraction(1, 100)}, by="ada")
    now = stage.clock.now()
    with stage.house.store.write() as connection:
        arm = kept.assign(connection, OURS, robin["customer"], Experiment.RETRIES, Fraction(1, 100), now)
        row = connection.execute(
            select(tables.assignments).where(tables.assignments.c.customer_id == robin["customer"])
        ).one()
    assert arm is Arm.HOLDOUT
    assert (row.probability, row.experiment) == ("1/2", Experiment.RETRIES)


def test_without_a_share_or_while_watching_nobody_is_assigned(watching_stage: Stage) -> None:
    stage = watching_stage
    stage.fails("insufficient_funds")
    experiments.set_shares(stage.house, dict.fromkeys(Experiment, HALF), by="ada")
    robin = stage.fails("insufficient_funds")
    recovery = stage.recovery(robin)
    assert (recovery.retries_arm, recovery.messages_arm) == (None, None)
    with stage.house.store.read() as connection:
        assert connection.execute(select(tables.assignments)).all() == []
