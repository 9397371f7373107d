"""Diaries of money that comes another way, and of money that goes back."""

from scenarios.stage import Stage

from dunning.core.vocabulary import ClosedReason, Status
from dunning.sandbox import money
from dunning.sandbox.actions_merchant import refund


def recovered(stage: Stage) -> dict[str, str]:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    assert stage.recovery(robin).reason == "our_retry"
    return robin


def test_a_bank_transfer_counts_as_recovered_out_of_band(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    stage.pass_time(hours=3)
    stage.pays_out_of_band(robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason, recovery.late) == (Status.RECOVERED, "out_of_band", False)
    assert stage.ledger(robin) == [("recovered", 2900, "out_of_band")]
    stage.pass_time(days=20)
    assert stage.charges(robin, by="dunning") == []


def test_a_refund_is_one_negative_row_however_often_it_is_told(stage: Stage) -> None:
    robin = recovered(stage)
    stage.pass_time(days=1)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})
    [told] = [event for event in stage.sandbox.world.outbox if event.type == "refund.created"]
    stage.settle()
    stage.receive([told, told])
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry"), ("refund", -900, None)]
    assert stage.recovery(robin).status is Status.RECOVERED


def test_two_refunds_are_two_rows(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = recovered(stage)
    for amount in (900, 2000):
        refund(stage.sandbox, {"invoice": robin["invoice"], "amount": amount})
        stage.pass_time(hours=1)
    assert [amount for _, amount, _ in stage.ledger(robin)] == [2900, -900, -2000]


def test_a_dispute_takes_the_money_back_and_a_won_one_returns_it_on_the_day_of_the_verdict(
    stage: Stage,
) -> None:
    robin = recovered(stage)
    world = stage.sandbox.world
    with world.lock:
        made = money.dispute(world, next(c for c in world.tables["charges"].values() if c["paid"]))
    stage.settle()
    assert stage.ledger(robin)[1:] == [("dispute", -2900, None)]
    stage.pass_time(days=15)
    with world.lock:
        money.close_dispute(world, made["id"], won=True)
    stage.settle()
    assert stage.ledger(robin)[1:] == [("dispute", -2900, None), ("dispute_reversal", 2900, None)]
    days = {row["kind"]: row["at"] for row in stage.rows("ledger_entries", robin)}
    assert days["dispute_reversal"] == stage.clock.now()


def test_a_dispute_stops_what_the_same_customer_still_owes(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = recovered(stage)
    world = stage.sandbox.world
    with world.lock:
        from dunning.sandbox import billing
        from dunning.sandbox.state import Trouble

        world.cards[robin["payment_method"]].trouble = Trouble("scripted", "do_not_honor", world.now())
        second = billing.open_invoice(world, world.tables["customers"][robin["customer"]], None, amount=700)
        billing.first_charge(world, second)
    stage.settle()
    other = robin | {"invoice": second["id"]}
    assert stage.recovery(other).status is Status.SCHEDULED
    with world.lock:
        money.dispute(world, next(c for c in world.tables["charges"].values() if c["paid"]))
    stage.settle()
    assert stage.recovery(other).closed_reason is ClosedReason.DISPUTED


def test_an_invoice_that_is_credited_in_full_is_stopped_and_not_recovered_money(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    stage.pass_time(hours=3)
    stage.credits(robin, 2900)
    stage.pass_time(days=15)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.STOPPED, ClosedReason.CREDITED)
    assert stage.ledger(robin) == []


def test_of_a_partly_credited_invoice_the_ledger_holds_what_was_paid(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=5)
    stage.pass_time(hours=3)
    stage.credits(robin, 900)
    stage.pass_time(days=14)
    assert stage.recovery(robin).status is Status.RECOVERED
    assert [amount for kind, amount, _ in stage.ledger(robin) if kind == "recovered"] == [2000]


def test_a_credit_note_after_the_recovery_is_a_negative_row(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = recovered(stage)
    stage.credits(robin, 400)
    stage.pass_time(hours=1)
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry"), ("credit_note", -400, None)]
