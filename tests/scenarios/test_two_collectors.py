"""Diaries of two who collect one invoice: Stripe's own retries, and ours."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flows.stopping import frozen, steps
from scenarios.stage import Stage, Switchboard, set_stage

from dunning.core.vocabulary import AttemptState, MadeBy, Retries, Status
from dunning.flows import charging, contradiction, staff, switches
from dunning.flows.driver import run
from dunning.sandbox.state import from_stamp
from dunning.store import timeline
from dunning.web import words
from dunning.web.moments import moments


def told(stage: Stage, robin: dict[str, Any]) -> list[tuple[str, str]]:
    """The payments on the recovery's page: who, and how it ended; oldest first."""
    with stage.house.store.read() as connection:
        story = timeline.story(connection, stage.recovery(robin).id)
    assert story is not None
    shown = moments(story, now=stage.clock.now(), tables={})
    return [(m.whose, m.title) for m in reversed(shown) if m.kind == "payment" and not m.future]


def turn_on(stage: Stage, robin: dict[str, Any]) -> None:
    """Somebody lets Stripe collect the invoice again, in the Dashboard."""
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}", auto_advance="true")


def stripe_retries_at(stage: Stage, robin: dict[str, Any], *, in_hours: float) -> None:
    """Put Stripe's own next try at a time; Stripe tells with an event."""
    world = stage.sandbox.world
    with world.lock:
        at = stage.clock.now() + timedelta(hours=in_hours)
        stage.invoice(robin)["next_payment_attempt"] = int(at.timestamp())
        world.schedule(at, "retry", invoice=robin["invoice"])


def test_while_weaving_a_try_of_stripes_in_the_same_second_leaves_one_charge(
    switchboard: Switchboard, database_url: str, tmp_path: Path
) -> None:
    with set_stage(switchboard, database_url, tmp_path, retries=Retries.WEAVE) as stage:
        robin = stage.fails("insufficient_funds", clears_after_hours=1)
        at = stage.recovery(robin).next_attempt_at
        assert at is not None
        stage.clock.advance_to(at)
        # Our charge is frozen; in the very second before it leaves, Stripe tries by itself and is paid.
        attempt_id = frozen(stage, robin)
        claim, ask, record = steps(charging.charge(stage.house, attempt_id))
        claim()
        stripe_retries_at(stage, robin, in_hours=0)
        stage.hold_events = True
        stage.sandbox.play()
        ask()
        record()
        assert stage.charges(robin) == ["declined", "paid"]
        assert stage.ours(robin) == [AttemptState.MOOT]
        stage.hold_events = False
        stage.receive(stage.held)
        stage.settle()
        assert stage.recovery(robin).reason == "stripe_retry"
        assert told(stage, robin) == [
            (words.MADE_BY[MadeBy.STRIPE], "The payment failed: insufficient funds"),
            (words.MADE_BY[MadeBy.STRIPE], "Paid"),
            (words.MADE_BY[MadeBy.DUNNING], "Settled by someone else meanwhile"),
        ]
        assert stage.ledger(robin) == [("recovered", 2900, "stripe_retry")]
        assert stage.laws_broken() == {}


def test_while_weaving_our_charge_first_leaves_nothing_for_stripes_try_in_the_same_second(
    switchboard: Switchboard, database_url: str, tmp_path: Path
) -> None:
    with set_stage(switchboard, database_url, tmp_path, retries=Retries.WEAVE) as stage:
        robin = stage.fails("insufficient_funds", clears_after_hours=1)
        at = stage.recovery(robin).next_attempt_at
        assert at is not None
        stage.clock.advance_to(at)
        attempt_id = frozen(stage, robin)
        stripe_retries_at(stage, robin, in_hours=0)
        run(charging.charge(stage.house, attempt_id))
        stage.settle()
        assert stage.charges(robin) == ["declined", "paid"]
        assert stage.recovery(robin).reason == "our_retry"
        assert stage.laws_broken() == {}


def test_a_try_of_stripes_that_was_moved_close_by_sends_ours_away_just_before_the_charge(
    switchboard: Switchboard, database_url: str, tmp_path: Path
) -> None:
    with set_stage(switchboard, database_url, tmp_path, retries=Retries.WEAVE) as stage:
        robin = stage.fails("insufficient_funds")
        at = stage.recovery(robin).next_attempt_at
        assert at is not None
        stage.clock.advance_to(at)
        stripe_retries_at(stage, robin, in_hours=2)
        theirs = from_stamp(stage.invoice(robin)["next_payment_attempt"])
        stage.settle()
        assert stage.charges(robin, by="dunning") == []
        assert stage.ours(robin) == []
        later = stage.recovery(robin).next_attempt_at
        assert later is not None
        assert later >= theirs + timedelta(hours=6)


def test_whoever_turns_stripe_on_again_is_answered_before_stripe_charges(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(minutes=5)
    turn_on(stage, robin)
    assert stage.invoice(robin)["auto_advance"] is True
    stage.settle()
    # Stripe's event told us; the invoice is ours again, and the timeline says that somebody interfered.
    assert stage.invoice(robin)["auto_advance"] is False
    recovery = stage.recovery(robin)
    assert (recovery.taken_over, recovery.contradicted_at, recovery.status) == (True, None, Status.SCHEDULED)
    assert contradiction.TAKEN_BACK in stage.sentences(robin)
    stage.pass_time(days=14)
    assert stage.charges(robin) == ["declined", "paid"]
    assert stage.recovery(robin).reason == "our_retry"


def test_a_contradiction_that_no_event_told_of_is_met_before_the_charge(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(minutes=5)
    at = stage.recovery(robin).next_attempt_at
    assert at is not None
    stage.hold_events = True
    turn_on(stage, robin)
    stage.clock.advance_to(at)
    stage.ring()
    assert stage.charges(robin, by="dunning") == []
    stage.settle()
    assert stage.invoice(robin)["auto_advance"] is False
    assert stage.recovery(robin).taken_over
    stage.hold_events = False
    stage.receive(stage.held)
    stage.pass_time(days=13)
    assert stage.charges(robin) == ["declined", "paid"]
    assert stage.ours(robin) == [AttemptState.PAID]


def test_a_program_that_will_not_stop_turning_it_on_is_left_and_nothing_of_ours_is_charged(
    stage: Stage,
) -> None:
    robin = stage.fails("do_not_honor")
    stage.pass_time(minutes=5)
    for _ in range(contradiction.MOST_MENDED_A_DAY + 1):
        turn_on(stage, robin)
        stage.settle()
    assert stage.invoice(robin)["auto_advance"] is True
    assert stage.recovery(robin).contradicted_at is not None
    assert contradiction.LEFT in stage.sentences(robin)
    assert stage.charges(robin, by="dunning") == []
    # The program is found and stopped; the next look takes the invoice back for good.
    stage.skip_time(hours=12)
    assert stage.invoice(robin)["auto_advance"] is False
    assert stage.recovery(robin).contradicted_at is None


@pytest.mark.parametrize("how", ["kill switch", "promise"])
def test_stripe_would_like_to_charge_and_may_not_while_everything_is_paused(stage: Stage, how: str) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    if how == "kill switch":
        switches.pause_all(stage.house, "the bank called", by="ada")
    else:
        until = stage.clock.now() + timedelta(days=5)
        staff.pause(stage.house, stage.recovery(robin).id, until=until, why="pays on Friday", by="ada")
    stage.skip_time(hours=96)
    assert stage.charges(robin) == ["declined"]
    assert stage.invoice(robin)["auto_advance"] is False
    assert stage.invoice(robin)["next_payment_attempt"] is None


def test_a_failure_under_the_kill_switch_is_taken_from_stripe_all_the_same(stage: Stage) -> None:
    switches.pause_all(stage.house, "the bank called", by="ada")
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.skip_time(hours=96)
    assert stage.charges(robin) == ["declined"]
    assert stage.invoice(robin)["auto_advance"] is False
