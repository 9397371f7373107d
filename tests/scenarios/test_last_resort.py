"""Diaries: nobody paid in the whole window, and the policy has a last resort."""

from datetime import timedelta
from typing import Any

import pytest
from flows.stopping import steps
from flows.test_rarer_events import sent_by_hand
from scenarios.stage import Stage
from scenarios.test_segments import LARGE

from dunning.core.policy import LastResort
from dunning.core.vocabulary import ClosedReason, ErrandState, Status
from dunning.errors import NotAsked
from dunning.flows import carrying_out, staff, switches, work
from dunning.flows.guard import Guard
from dunning.gateway.gate import Passage
from dunning.sandbox import billing

CANCEL = LastResort.CANCEL_SUBSCRIPTION
KINDS = {
    LastResort.MARK_UNCOLLECTIBLE: ("mark_uncollectible", "marked uncollectible"),
    LastResort.CANCEL_SUBSCRIPTION: ("cancel_subscription", "was cancelled"),
    LastResort.PAUSE_SUBSCRIPTION: ("pause_subscription", "was paused"),
}


def standing(stage: Stage, ids: dict[str, Any]) -> tuple[str, str, bool]:
    """The invoice's status, the subscription's, and whether collection is paused, as Stripe has them."""
    subscription = stage.subscription(ids)
    return stage.invoice(ids)["status"], subscription["status"], bool(subscription["pause_collection"])


def about_to_be_lost(stage: Stage, resort: LastResort = CANCEL, **more: Any) -> dict[str, Any]:
    """Return a customer whose bank said no for two weeks, at the instant before the window ends."""
    stage.policy(last_resort=resort)
    robin = stage.fails("do_not_honor", **more)
    stage.pass_time(days=13, hours=23)
    assert stage.recovery(robin).closed_at is None
    stage.clock.advance_to(stage.recovery(robin).deadline)
    return robin


def planned(stage: Stage, ids: dict[str, Any]) -> str:
    """Let the window end, with nobody at work yet on what is to be done at Stripe; return the errand's id."""
    work.work_recovery(stage.house, stage.recovery(ids).id)
    assert stage.recovery(ids).status is Status.LOST
    [errand] = stage.rows("errands", ids)
    return str(errand["id"])


@pytest.mark.parametrize("resort", KINDS)
def test_the_last_resort_is_carried_out_once_and_the_timeline_says_so(
    stage: Stage, resort: LastResort
) -> None:
    robin = about_to_be_lost(stage, resort)
    before = standing(stage, robin)
    assert before == ("open", "past_due", False)

    # The window ends: the recovery is lost, and what the policy says is done at Stripe.
    stage.settle()
    assert stage.recovery(robin).status is Status.LOST
    kind, words = KINDS[resort]
    assert stage.errands(robin) == [(kind, "done")]
    assert (
        standing(stage, robin)
        == {
            LastResort.MARK_UNCOLLECTIBLE: ("uncollectible", "active", False),
            LastResort.CANCEL_SUBSCRIPTION: ("open", "canceled", False),
            LastResort.PAUSE_SUBSCRIPTION: ("open", "past_due", True),
        }[resort]
    )
    assert sum(words in sentence for sentence in stage.sentences(robin)) == 1

    # The event that comes of it changes nothing more, and it is not done again.
    stage.pass_time(days=10)
    assert stage.errands(robin) == [(kind, "done")]
    assert stage.recovery(robin).closed_reason in {ClosedReason.WINDOW, ClosedReason.BUDGET}


def test_the_built_in_policy_leaves_everything_as_it_is(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    stage.pass_time(days=20)
    assert stage.recovery(robin).status is Status.LOST
    assert stage.errands(robin) == []
    assert standing(stage, robin) == ("open", "past_due", False)


def test_a_one_off_invoice_has_no_subscription_to_cancel(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.policy(last_resort=CANCEL)
    robin = stage.fails("do_not_honor", one_off=True)
    stage.pass_time(days=15)
    assert stage.recovery(robin).status is Status.LOST
    assert stage.errands(robin) == []


def test_whoever_pays_in_the_last_second_keeps_the_subscription(stage: Stage) -> None:
    robin = about_to_be_lost(stage)
    planned(stage, robin)

    # In the very second in which the window ends, the customer pays; no event has come yet.
    stage.hold_events = True
    stage.pays_out_of_band(robin)
    stage.settle()
    assert stage.subscription(robin)["status"] == "active"
    assert stage.errands(robin) == [("cancel_subscription", "dropped")]

    # Stripe's event comes late, and the recovery is recovered after all.
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.late) == (Status.RECOVERED, True)
    assert stage.subscription(robin)["status"] == "active"


def test_what_somebody_else_cancelled_while_stripe_was_away_is_not_called_ours(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Guard, __: Passage) -> None:
        raise NotAsked("Stripe is away.")

    stage = quick_stage
    robin = about_to_be_lost(stage)
    planned(stage, robin)
    stage.hold_events = True
    with monkeypatch.context() as patched:
        patched.setattr(Guard, "enter", away)
        stage.settle()
    assert stage.errands(robin) == [("cancel_subscription", "planned")]
    stage.merchant("DELETE", f"/v1/subscriptions/{robin['subscription']}")
    stage.skip_time(hours=12)
    assert stage.errands(robin) == [("cancel_subscription", "dropped")]
    assert not any("was cancelled" in sentence for sentence in stage.sentences(robin))


def test_an_event_that_tells_of_the_payment_first_gives_the_last_resort_up(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    planned(stage, robin)
    switches.pause_all(stage.house, "a bad day", by="ada")
    stage.pays_out_of_band(robin)
    stage.settle()
    assert stage.errands(robin) == [("cancel_subscription", "dropped")]
    switches.resume_all(stage.house, by="ada")
    stage.pass_time(days=1)
    assert stage.subscription(robin)["status"] == "active"


@pytest.mark.parametrize("done", [1, 2], ids=["before Stripe was asked", "after Stripe carried it out"])
@pytest.mark.parametrize("resort", KINDS)
def test_a_worker_that_dies_half_way_leaves_it_to_the_next_one(
    stage: Stage, resort: LastResort, done: int
) -> None:
    robin = about_to_be_lost(stage, resort)
    errand_id = planned(stage, robin)
    for step in steps(carrying_out.carry_out(stage.house, errand_id))[:done]:
        step()
    stage.pass_time(minutes=10)
    kind, words = KINDS[resort]
    assert stage.errands(robin) == [(kind, "done")]
    assert sum(words in sentence for sentence in stage.sentences(robin)) == 1
    assert standing(stage, robin) != ("open", "past_due", False)


def test_a_slow_worker_that_comes_back_changes_nothing_more(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    claim, ask, record = steps(carrying_out.carry_out(stage.house, planned(stage, robin)))
    claim()
    ask()
    stage.pass_time(minutes=10)
    told = stage.sentences(robin)
    record()
    assert stage.errands(robin) == [("cancel_subscription", "done")]
    assert stage.sentences(robin) == told


def test_two_workers_at_once_cancel_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    errand_id = planned(stage, robin)
    first = carrying_out.carry_out(stage.house, errand_id)
    held = first.claim()
    assert held is not None
    assert carrying_out.carry_out(stage.house, errand_id).claim() is None
    first.record(held, first.ask(held))
    stage.settle()
    assert sum("was cancelled" in sentence for sentence in stage.sentences(robin)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stripe_that_breaks_is_asked_again_until_it_is_known(quick_stage: Stage, when: str) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    stage.sandbox.faults.add(path="/v1/subscriptions/*", method="DELETE", status=500, when=when, times=3)
    stage.pass_time(hours=1)
    assert stage.errands(robin) == [("cancel_subscription", "done")]
    assert stage.subscription(robin)["status"] == "canceled"


def test_what_stripe_refuses_for_good_is_said_and_not_repeated(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage, LastResort.PAUSE_SUBSCRIPTION)
    stage.sandbox.faults.add(path="/v1/subscriptions/*", method="POST", status=400, times=None)
    stage.pass_time(days=2)
    assert stage.errands(robin) == [("pause_subscription", "refused")]
    assert any("Stripe refused" in sentence for sentence in stage.sentences(robin))


def test_nothing_is_cancelled_under_the_kill_switch(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    planned(stage, robin)
    switches.pause_all(stage.house, "wrong price", by="ada")
    stage.skip_time(hours=48)
    assert stage.errands(robin) == [("cancel_subscription", "planned")]
    assert stage.subscription(robin)["status"] == "past_due"
    switches.resume_all(stage.house, by="ada")
    stage.pass_time(hours=1)
    assert stage.subscription(robin)["status"] == "canceled"


def test_nothing_is_cancelled_under_the_kill_switch_of_a_segment(quick_stage: Stage) -> None:
    stage = quick_stage
    ours = LARGE.replace('"watch"', '"own"')
    switches.publish_segments(stage.house, ours, by="ada")
    robin = about_to_be_lost(stage, amount=250_000)
    planned(stage, robin)
    switches.pause_all(stage.house, "the account manager calls", by="ada", segment="large")
    stage.skip_time(hours=48)
    assert stage.errands(robin) == [("cancel_subscription", "planned")]
    assert stage.subscription(robin)["status"] == "past_due"
    switches.resume_all(stage.house, by="ada", segment="large")
    stage.pass_time(hours=1)
    assert stage.subscription(robin)["status"] == "canceled"


@pytest.mark.parametrize("asked", [False, True])
def test_what_waits_is_left_to_stripe_once_everything_was_given_back(stage: Stage, *, asked: bool) -> None:
    robin = about_to_be_lost(stage)
    errand_id = planned(stage, robin)
    if asked:
        stage.sandbox.faults.add(path="/v1/subscriptions/*", method="DELETE", status=500)
        work.work_errand(stage.house, errand_id)
    switches.set_mode(stage.house, release=True, by="ada")
    stage.pass_time(hours=1)
    assert stage.errands(robin) == [("cancel_subscription", "dropped")]
    assert stage.subscription(robin)["status"] == "past_due"
    [said] = [one for one in stage.sentences(robin) if "set to watch meanwhile" in one]
    assert ("may have carried it out" in said) is asked


def test_an_invoice_that_was_sent_is_written_about_and_nothing_else(stage: Stage) -> None:
    stage.policy(last_resort=LastResort.MARK_UNCOLLECTIBLE)
    robin = sent_by_hand(stage)
    stage.pass_time(days=15)
    assert stage.recovery(robin).status is Status.LOST
    assert stage.errands(robin) == []
    assert stage.invoice(robin)["status"] == "open"


def test_while_we_only_watch_the_last_resort_is_stripes(watching_stage: Stage) -> None:
    stage = watching_stage
    stage.sandbox.final_subscription = "past_due"
    stage.policy(last_resort=CANCEL)
    robin = stage.fails("do_not_honor")
    stage.pass_time(days=20)
    assert stage.recovery(robin).status is Status.LOST
    assert stage.errands(robin) == []
    assert stage.subscription(robin)["status"] == "past_due"


def test_an_invoice_written_off_can_still_be_paid(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage, LastResort.MARK_UNCOLLECTIBLE)
    stage.settle()
    assert stage.invoice(robin)["status"] == "uncollectible"
    stage.pass_time(days=30)
    stage.pays_out_of_band(robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.late, recovery.reason) == (Status.RECOVERED, True, "out_of_band")


def test_other_bills_of_the_subscription_that_we_cancelled_are_lost_not_stopped(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    with stage.sandbox.world.lock:
        billing.bill(stage.sandbox.world, robin["subscription"], 5, again=False)
    stage.settle()
    younger = robin | {"invoice": stage.subscription(robin)["latest_invoice"]}
    assert stage.subscription(robin)["status"] == "canceled"
    recovery = stage.recovery(younger)
    assert (recovery.status, recovery.closed_reason) == (Status.LOST, ClosedReason.SUBSCRIPTION_CANCELLED)


def test_staff_see_what_cancelling_does_before_they_do_it(stage: Stage) -> None:
    robin = stage.fails("do_not_honor")
    stage.pass_time(days=1)
    recovery_id = stage.recovery(robin).id
    found = staff.debt(stage.house, recovery_id)
    assert found is not None
    assert (found.open_amounts, found.draft_amounts) == ({"usd": 2900}, {})
    assert stage.subscription(robin)["status"] == "past_due", "looking changes nothing"

    answer = staff.cancel_subscription(stage.house, recovery_id, by="ada")
    assert answer.done
    assert not staff.cancel_subscription(stage.house, recovery_id, by="ada").done, "once is enough"
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (
        Status.STOPPED,
        ClosedReason.SUBSCRIPTION_CANCELLED,
    )
    assert stage.subscription(robin)["status"] == "canceled"
    assert any("as ada asked" in sentence for sentence in stage.sentences(robin))
    assert not staff.cancel_subscription(stage.house, recovery_id, by="ada").done
    charged = stage.charges(robin)
    stage.pass_time(days=20)
    assert stage.charges(robin) == charged


def test_staff_do_not_cancel_what_was_paid_a_second_ago(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    stage.hold_events = True
    stage.pays_out_of_band(robin)
    assert staff.cancel_subscription(stage.house, stage.recovery(robin).id, by="ada").done
    stage.settle()
    assert stage.subscription(robin)["status"] == "active"
    assert [state for _, state in stage.errands(robin)] == [ErrandState.DROPPED]
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert "paid" in staff.cancel_subscription(stage.house, stage.recovery(robin).id, by="ada").sentence


def test_a_debit_on_its_way_is_waited_for_before_anything_is_cancelled(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = about_to_be_lost(stage)
    planned(stage, robin)
    with stage.sandbox.world.lock:
        stage.sandbox.world.cards[robin["payment_method"]].trouble.cause = "processing"  # type: ignore[union-attr]  # it has one
    stage.merchant_charges(robin)
    stage.pass_time(hours=2)
    assert stage.errands(robin) == [("cancel_subscription", "planned")]
    stage.pass_time(days=2)
    assert stage.recovery(robin).status is Status.RECOVERED
    assert stage.subscription(robin)["status"] == "active"
    assert stage.errands(robin) == [("cancel_subscription", "dropped")]
    assert timedelta(0) <= stage.clock.now() - stage.recovery(robin).deadline
