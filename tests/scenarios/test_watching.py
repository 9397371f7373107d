"""Diaries of a new installation: Stripe retries, we watch and report."""

from datetime import timedelta
from pathlib import Path

from scenarios.stage import Stage, Switchboard, set_stage

from dunning.core.vocabulary import MadeBy, Retries, Status
from dunning.flows import switches
from dunning.sandbox.wallet import update_card


def test_stripes_own_retry_recovers_and_we_neither_charged_nor_wrote(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=60)
    assert stage.recovery(robin).status is Status.WATCHING
    assert stage.invoice(robin)["auto_advance"] is True
    assert stage.invoice(robin)["next_payment_attempt"] is not None

    stage.pass_time(days=10)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason) == (Status.RECOVERED, "stripe_retry")
    assert stage.charges(robin) == ["declined", "declined", "paid"]
    assert stage.charges(robin, by="dunning") == []
    assert {attempt.made_by for attempt in stage.attempts(robin)} == {MadeBy.STRIPE}
    assert [attempt.state for attempt in stage.attempts(robin)] == ["declined", "declined", "paid"]
    assert stage.mails.sent == []
    assert stage.ledger(robin) == [("recovered", 2900, "stripe_retry")]


def test_a_card_that_the_network_renews_after_the_payment_did_not_pay(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.hold_events = True
    stage.pass_time(days=10)  # Stripe's retry has paid, and its news is on the way
    with stage.sandbox.world.lock:
        update_card(stage.sandbox.world, robin["payment_method"])
    stage.settle()
    held = sorted(stage.held, key=lambda event: event.type != "payment_method.automatically_updated")
    stage.hold_events = False
    stage.receive(held)  # the card's news comes first
    stage.settle()
    assert stage.recovery(robin).reason == "stripe_retry"


def test_what_stripe_cannot_collect_is_lost_only_after_its_last_retry(watching_stage: Stage) -> None:
    stage = watching_stage
    stage.sandbox.world.final_invoice = "open"
    robin = stage.fails("do_not_honor")
    stage.pass_time(days=13)
    assert stage.recovery(robin).status is Status.WATCHING
    stage.pass_time(days=10)
    assert stage.recovery(robin).status in {Status.LOST, Status.STOPPED}
    assert stage.charges(robin, by="dunning") == []
    assert stage.mails.sent == []


def test_taking_over_in_the_middle_stops_stripes_retries_and_starts_ours(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("insufficient_funds")
    stage.pass_time(hours=1)
    assert switches.set_mode(stage.house, by="ada", retries=Retries.OWN) == 1
    stage.settle()
    assert stage.recovery(robin).status is Status.SCHEDULED
    assert stage.invoice(robin)["auto_advance"] is False
    stage.pass_time(days=15)
    assert stage.charges(robin, by="stripe") == ["declined"]
    assert 1 <= len(stage.charges(robin, by="dunning")) <= 8


def test_releasing_everything_hands_the_invoice_back_to_stripe(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    assert stage.invoice(robin)["auto_advance"] is False
    assert switches.set_mode(stage.house, by="ada", release=True) == 1
    stage.settle()
    assert stage.recovery(robin).status is Status.WATCHING
    assert stage.invoice(robin)["auto_advance"] is True
    stage.pass_time(days=30)
    assert stage.charges(robin, by="dunning") == []


def test_a_new_card_in_watch_mode_is_left_to_stripe(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("lost_card")
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.pass_time(days=3)
    assert stage.charges(robin, by="dunning") == []
    assert stage.recovery(robin).status is Status.WATCHING


def test_weaving_both_retry_in_turns_and_never_close_to_each_other(
    switchboard: Switchboard, database_url: str, tmp_path: Path
) -> None:
    with set_stage(switchboard, database_url, tmp_path, retries=Retries.WEAVE) as stage:
        robin = stage.fails("insufficient_funds")
        assert stage.invoice(robin)["auto_advance"] is True
        stage.pass_time(days=15)
        by = {who: [a.at for a in stage.attempts(robin) if a.made_by is who] for who in MadeBy}
        assert len(by[MadeBy.STRIPE]) > 2
        assert len(by[MadeBy.DUNNING]) > 1
        apart = [abs(ours - theirs) for ours in by[MadeBy.DUNNING] for theirs in by[MadeBy.STRIPE]]
        assert min(apart) >= timedelta(hours=6)
        assert len(stage.charges(robin, by="dunning")) <= 8
        assert stage.laws_broken() == {}
