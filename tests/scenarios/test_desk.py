"""Diaries of the desk: snoozed, promised, assigned, undone, approved, in bulk; and two people at once."""

from datetime import timedelta
from typing import Any

import pytest
from scenarios.stage import Stage
from sqlalchemy import RowMapping, update

from dunning.core.policy import Policy, PolicyVersion
from dunning.core.triage import Cause, Place
from dunning.core.vocabulary import OPEN, BulkAction, BulkRowState, BulkState, Status
from dunning.flows import bulk, desk, giving_up, staff
from dunning.store import audit, queue, queue_items, tables
from dunning.store import bulk as bulk_store
from dunning.store.queue_filter import Sort, Tab, Wanted


def line(stage: Stage, invoice: dict[str, Any]) -> Any:
    with stage.house.store.read() as connection:
        return queue_items.item(connection, stage.recovery(invoice).id)


def on(stage: Stage, tab: Tab, **more: Any) -> list[str]:
    wanted = Wanted(livemode=False, tab=tab, sort=Sort.WORTH, me="ada", **more)
    with stage.house.store.read() as connection:
        return [row["id"] for row in queue.page(connection, wanted, now=stage.clock.now()).rows]


def test_a_snooze_leaves_the_desk_and_comes_back_by_itself_while_retries_go_on(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    recovery_id, until = stage.recovery(robin).id, stage.clock.now() + timedelta(days=3)
    assert desk.snooze(
        stage.house, recovery_id, until=until, why="asks for a copy of the bill", by="ada"
    ).done
    assert on(stage, Tab.SNOOZED) == [recovery_id]
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.pass_time(days=3, hours=1)
    assert on(stage, Tab.SNOOZED) == []
    assert line(stage, robin)["place"] is Place.UNDERWAY


def test_a_broken_promise_comes_back_on_top(stage: Stage) -> None:
    robin, mallory = stage.fails("insufficient_funds"), stage.fails("lost_card")
    recovery_id, until = stage.recovery(robin).id, stage.clock.now() + timedelta(days=5)
    assert desk.promise(stage.house, recovery_id, until=until, why="after payday", by="ada").done
    assert (line(stage, robin)["place"], stage.recovery(robin).status) == (Place.SNOOZED, Status.PAUSED)
    stage.skip_time(hours=5 * 24 + 1)
    stage.settle()
    if stage.recovery(mallory).status is Status.WAITING:
        assert on(stage, Tab.NEEDS_ACTION)[0] == recovery_id
    assert line(stage, robin)["cause"] is Cause.PROMISE_BROKEN
    again = stage.clock.now() + timedelta(days=2)
    assert desk.snooze(stage.house, recovery_id, until=again, why="called again", by="ada").done
    assert line(stage, robin)["cause"] is None


def test_of_two_people_one_wins_and_the_other_is_told_what_changed(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    recovery_id, seen = stage.recovery(robin).id, line(stage, robin)["version"]
    assert desk.assign(stage.house, recovery_id, to="ada", by="ada", seen=seen).done
    late = desk.assign(stage.house, recovery_id, to="bob", by="bob", seen=seen)
    assert not late.done
    assert "ada: “Given to ada.”" in late.sentence
    for act in (staff.stop, staff.retry):
        assert not act(stage.house, recovery_id, by="bob", seen=seen).done
    assert (line(stage, robin)["owner"], stage.recovery(robin).status) == ("ada", Status.SCHEDULED)
    assert on(stage, Tab.MINE) == [recovery_id]


def test_what_left_nothing_but_a_note_can_be_undone_until_somebody_changes_it(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    recovery_id = stage.recovery(robin).id
    assert desk.assign(stage.house, recovery_id, to="ada", by="ada").done
    assert desk.assign(stage.house, recovery_id, to="ada", by="ada").done  # asked twice, done once
    assert desk.undo(stage.house, recovery_id, by="ada").done
    assert line(stage, robin)["owner"] is None
    assert not desk.undo(stage.house, recovery_id, by="ada").done
    desk.assign(stage.house, recovery_id, to="ada", by="ada")
    staff.stop(stage.house, recovery_id, by="bob")
    assert not desk.undo(stage.house, recovery_id, by="ada").done
    assert not desk.assign(stage.house, recovery_id, to="bob", by="bob").done


@pytest.mark.parametrize("days", [0, 91])
def test_a_snooze_and_a_promise_end_on_a_day_that_can_be_meant(quick_stage: Stage, days: int) -> None:
    stage = quick_stage
    recovery_id = stage.recovery(stage.fails("insufficient_funds")).id
    until = stage.clock.now() + timedelta(days=days)
    for act in (desk.snooze, desk.promise):
        assert (
            "between tomorrow and 90 days"
            in act(stage.house, recovery_id, until=until, why="x", by="ada").sentence
        )


def test_a_large_write_off_waits_for_another_person(stage: Stage) -> None:
    stage.policy(second_approval_from=1)
    robin = stage.fails("insufficient_funds")
    recovery_id = stage.recovery(robin).id
    assert "second person" in giving_up.write_off(stage.house, recovery_id, why="bankrupt", by="ada").sentence
    assert "already" in giving_up.write_off(stage.house, recovery_id, why="bankrupt", by="bob").sentence
    assert line(stage, robin)["cause"] is Cause.APPROVAL
    assert not giving_up.decide(stage.house, recovery_id, approve=True, by="ada").done
    assert giving_up.decide(stage.house, recovery_id, approve=True, by="bob").done
    stage.settle()
    closed = stage.recovery(robin)
    assert (closed.status, closed.closed_reason) == (Status.STOPPED, "written_off")
    assert stage.invoice(robin)["status"] == "uncollectible"
    assert not giving_up.decide(stage.house, recovery_id, approve=True, by="bob").done


def test_a_small_write_off_needs_nobody_else_and_a_refused_one_goes_on(quick_stage: Stage) -> None:
    stage = quick_stage
    small = stage.recovery(stage.fails("insufficient_funds")).id
    assert giving_up.write_off(stage.house, small, why="too small to chase", by="ada").done
    stage.policy(second_approval_from=1)
    robin = stage.fails("insufficient_funds")
    large = stage.recovery(robin).id
    giving_up.write_off(stage.house, large, why="bankrupt", by="ada")
    assert giving_up.decide(stage.house, large, approve=False, by="bob").done
    assert (stage.recovery(robin).status, line(stage, robin)["cause"]) == (Status.SCHEDULED, None)


def test_what_was_paid_elsewhere_is_told_to_stripe_and_closed_by_its_event(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    recovery_id = stage.recovery(robin).id
    assert giving_up.paid_elsewhere(stage.house, recovery_id, why="bank transfer", by="ada").done
    stage.settle()
    closed = stage.recovery(robin)
    assert (closed.status, closed.reason) == (Status.RECOVERED, "out_of_band")
    assert stage.charges(robin, by="dunning") == []
    assert not giving_up.paid_elsewhere(stage.house, recovery_id, why="again", by="ada").done


def test_a_bulk_retry_says_what_it_will_skip_and_then_does_the_rest(stage: Stage) -> None:
    robin, mallory = stage.fails("insufficient_funds", clears_after_hours=1), stage.fails("lost_card")
    stage.pass_time(hours=13)
    ids = [stage.recovery(robin).id, stage.recovery(mallory).id]
    run_id = bulk.show(stage.house, BulkAction.RETRY, {}, ids, by="ada")
    with stage.house.store.read() as connection:
        told = {row["recovery_id"]: row for row in bulk_store.rows(connection, run_id)}
    assert told[ids[0]]["state"] is BulkRowState.PLANNED
    assert told[ids[1]]["state"] is BulkRowState.SKIPPED
    assert "card" in told[ids[1]]["sentence"]
    assert bulk.show(stage.house, BulkAction.RETRY, {}, ids, by="ada") == run_id  # the same, asked twice
    assert bulk.start(stage.house, run_id, by="ada").done
    assert not bulk.start(stage.house, run_id, by="ada").done
    stage.settle()
    with stage.house.store.read() as connection:
        run, counts = bulk_store.by_id(connection, run_id), bulk_store.counts(connection, run_id)
    assert run is not None
    assert (run["state"], counts[BulkRowState.DONE], counts[BulkRowState.SKIPPED]) == (BulkState.DONE, 1, 1)
    assert stage.recovery(robin).reason == "staff"


def test_a_bulk_action_goes_on_where_a_worker_left_it(quick_stage: Stage) -> None:
    stage = quick_stage
    ids = [stage.recovery(stage.fails("insufficient_funds")).id for _ in range(2)]
    run_id = bulk.show(stage.house, BulkAction.ASSIGN, {"to": "ada"}, ids, by="ada")
    bulk.start(stage.house, run_id, by="ada")
    desk.assign(
        stage.house, ids[0], to="ada", by="ada"
    )  # the row was done, and its worker died before it said so
    bulk.go_on(stage.house, run_id)
    bulk.go_on(stage.house, run_id)
    assert sorted(on(stage, Tab.MINE)) == sorted(ids)
    with pytest.raises(bulk.Unusable):
        bulk.show(stage.house, BulkAction.SNOOZE, {"why": "x"}, ids, by="ada")
    with pytest.raises(bulk.Unusable):
        bulk.show(stage.house, BulkAction.STOP, {}, [], by="ada")


def test_nobody_lets_a_bulk_action_of_somebody_else_begin_in_their_name(quick_stage: Stage) -> None:
    stage = quick_stage
    ids = [stage.recovery(stage.fails("insufficient_funds")).id]
    run_id = bulk.show(stage.house, BulkAction.STOP, {}, ids, by="ada")
    assert "Somebody else" in bulk.start(stage.house, run_id, by="bob").sentence
    assert bulk.show(stage.house, BulkAction.NOTE, {"text": "a"}, ids, by="ada") != bulk.show(
        stage.house, BulkAction.NOTE, {"text": "b"}, ids, by="ada"
    )
    with pytest.raises(bulk.Unusable, match="no such recovery"):
        bulk.show(stage.house, BulkAction.STOP, {}, ["rec_nobody"], by="ada")


def test_many_are_paused_moved_and_written_off_at_once_under_the_same_guards(stage: Stage) -> None:
    robin, mallory = stage.fails("insufficient_funds"), stage.fails("insufficient_funds")
    ids = [stage.recovery(robin).id, stage.recovery(mallory).id]
    giving_up.write_off(stage.house, ids[1], why="gone", by="ada")
    until = (stage.clock.now() + timedelta(days=3)).isoformat()
    paused = gone_on(stage, BulkAction.PAUSE, {"until": until, "why": "on holiday"}, ids)
    assert stage.recovery(robin).status is Status.PAUSED
    assert [paused[one]["state"] for one in ids] == [BulkRowState.DONE, BulkRowState.SKIPPED]
    moved = gone_on(stage, BulkAction.MOVE, {"campaign": stage.recovery(robin).campaign_key}, ids)
    assert "already" in moved[ids[0]]["sentence"]
    gone_on(stage, BulkAction.WRITE_OFF, {"why": "nobody answers"}, ids)
    assert (stage.recovery(robin).status, stage.recovery(robin).closed_reason) == (
        Status.STOPPED,
        "written_off",
    )
    for action, given, said in (
        (BulkAction.PAUSE, {"until": until}, "needs a reason"),
        (BulkAction.PAUSE, {"why": "x"}, "ends on a day"),
        (BulkAction.WRITE_OFF, {"why": " "}, "needs a reason"),
        (BulkAction.MOVE, {}, "Name a campaign"),
        (BulkAction.MOVE, {"campaign": "nowhere"}, "no campaign 'nowhere'"),
    ):
        with pytest.raises(bulk.Unusable, match=said):
            bulk.show(stage.house, action, given, ids, by="ada")
    with stage.house.store.read() as connection:
        entries = [entry["after"] or "" for entry in audit.page(connection, q="bulk.start")]
    assert not [one for one in entries if "nobody answers" in one], "no free words are in the audit log"


def test_a_large_write_off_in_bulk_waits_for_a_second_person(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    recovery_id = stage.recovery(robin).id
    with stage.house.store.write() as connection:
        limit = PolicyVersion(Policy(second_approval_from=1)).dumps()
        connection.execute(update(tables.policies).values(definition=limit))
    rows = gone_on(stage, BulkAction.WRITE_OFF, {"why": "nobody answers"}, [recovery_id])
    assert "second person" in rows[recovery_id]["sentence"]
    assert stage.recovery(robin).status in OPEN
    assert giving_up.decide(stage.house, recovery_id, approve=True, by="bob").done


def gone_on(stage: Stage, action: BulkAction, given: dict[str, str], ids: list[str]) -> dict[str, RowMapping]:
    """Show a bulk action, let it go to its end, and return its rows."""
    run_id = bulk.show(stage.house, action, given, ids, by="ada")
    bulk.start(stage.house, run_id, by="ada")
    bulk.go_on(stage.house, run_id)
    with stage.house.store.read() as connection:
        return {row["recovery_id"]: row for row in bulk_store.rows(connection, run_id)}


def test_a_card_number_is_kept_nowhere(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.recovery(stage.fails("lost_card")).id
    number, until = "4242 4242 4242 4242", stage.clock.now() + timedelta(days=3)
    answers = [
        desk.note(stage.house, robin, text=f"New card: {number}", by="ada"),
        desk.snooze(stage.house, robin, until=until, why=number, by="ada"),
        desk.promise(stage.house, robin, until=until, why=number, by="ada"),
        staff.pause(stage.house, robin, until=until, why=number, by="ada"),
        giving_up.write_off(stage.house, robin, why=number, by="ada"),
    ]
    assert {answer.done for answer in answers} == {False}
    assert all("card number" in answer.sentence for answer in answers)
