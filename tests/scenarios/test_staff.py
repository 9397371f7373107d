"""Diaries of what people do: pause, promise, resume, retry, stop, and the kill switch."""

from datetime import timedelta

from scenarios.stage import Stage

from dunning.core.vocabulary import AttemptState, Status
from dunning.flows import staff, switches


def test_a_promise_to_pay_holds_charges_and_mail_until_its_date(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    until = stage.clock.now() + timedelta(days=5)
    answer = staff.pause(
        stage.house, stage.recovery(robin).id, until=until, why="Pays on Saturday, says Robin", by="ada"
    )
    assert answer.done
    stage.pass_time(days=4, hours=23)
    paused = stage.recovery(robin)
    assert (paused.status, paused.pause_until) == (Status.PAUSED, until)
    assert stage.charges(robin) == ["declined"]
    assert stage.mails.sent == []
    assert stage.invoice(robin)["auto_advance"] is False  # nor does Stripe charge during a promise

    stage.pass_time(hours=2)
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.pass_time(days=10)
    assert stage.charges(robin, by="dunning") != []


def test_a_promise_that_is_kept_ends_the_pause_as_recovered(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    until = stage.clock.now() + timedelta(days=5)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="a promise", by="ada")
    stage.pass_time(days=2)
    stage.pays_out_of_band(robin)
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert stage.recovery(robin).pause_until is None


def test_resuming_plans_the_next_attempt_at_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    recovery_id = stage.recovery(robin).id
    until = stage.clock.now() + timedelta(days=9)
    staff.pause(stage.house, recovery_id, until=until, why="on holiday", by="ada")
    stage.pass_time(days=1)
    assert staff.resume(stage.house, recovery_id, by="ada").done
    assert stage.recovery(robin).status is Status.SCHEDULED
    assert not staff.resume(stage.house, recovery_id, by="ada").done
    stage.pass_time(days=14)
    assert stage.recovery(robin).reason == "our_retry"


def test_a_pause_needs_a_reason_and_a_future_date(quick_stage: Stage) -> None:
    stage = quick_stage
    recovery_id = stage.recovery(stage.fails("insufficient_funds")).id
    tomorrow = stage.clock.now() + timedelta(days=1)
    assert not staff.pause(stage.house, recovery_id, until=tomorrow, why="  ", by="ada").done
    assert not staff.pause(stage.house, recovery_id, until=stage.clock.now(), why="late", by="ada").done


def test_a_new_card_during_a_pause_waits_for_its_end(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    until = stage.clock.now() + timedelta(days=3)
    staff.pause(stage.house, stage.recovery(robin).id, until=until, why="a promise", by="ada")
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.pass_time(days=2)
    assert stage.charges(robin) == ["declined"]
    stage.pass_time(days=12)
    assert stage.charges(robin, by="dunning") == ["paid"]


def test_a_retry_that_staff_asks_for_is_made_now_and_credited_to_staff(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(hours=2)
    assert staff.retry(stage.house, stage.recovery(robin).id, by="ada").done
    stage.settle()
    assert stage.recovery(robin).reason == "staff"
    assert stage.ours(robin) == [AttemptState.PAID]
    refused = staff.retry(stage.house, stage.recovery(robin).id, by="ada")
    assert not refused.done
    assert "closed" in refused.sentence


def test_a_stop_by_staff_gives_the_invoice_back_and_nothing_more_is_ours(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    assert staff.stop(stage.house, stage.recovery(robin).id, by="ada").done
    stage.settle()
    assert stage.recovery(robin).status is Status.STOPPED
    assert stage.invoice(robin)["auto_advance"] is True
    stage.pass_time(days=20)
    assert stage.charges(robin, by="dunning") == []
    assert stage.mails.sent == []


def test_under_the_kill_switch_nothing_is_charged_or_sent_and_afterwards_it_goes_on(stage: Stage) -> None:
    robin, mallory = stage.fails("insufficient_funds"), stage.fails("lost_card")
    switches.pause_all(stage.house, "the bank called", by="ada")
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=mallory["customer"])
    stage.skip_time(hours=6 * 24)
    assert stage.charges(robin) == ["declined"]
    assert stage.charges(mallory) == ["declined"]
    assert stage.mails.sent == []
    assert stage.recovery(robin).status is Status.SCHEDULED

    switches.resume_all(stage.house, by="ada")
    stage.sandbox.world.cards[robin["payment_method"]].trouble = None
    stage.pass_time(hours=4)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.charges(mallory, by="dunning") == ["paid"]


def test_a_retry_by_staff_in_the_instant_of_a_decline_is_an_attempt_of_its_own(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    staff.retry(stage.house, stage.recovery(robin).id, by="ada")
    stage.settle()
    staff.retry(stage.house, stage.recovery(robin).id, by="bob")
    stage.settle()
    assert stage.ours(robin) == [AttemptState.DECLINED] * 2
