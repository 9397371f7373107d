"""Diaries: an empty account fills up again, and our retries collect."""

from scenarios.stage import Stage

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import AttemptState, MadeBy, Status


def test_an_empty_account_is_collected_by_our_second_retry(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")

    # Monday morning: the payment failed. The invoice is ours now, and the next attempt has a date.
    recovery = stage.recovery(robin)
    assert recovery.status is Status.SCHEDULED
    assert recovery.next_attempt_at is not None
    assert recovery.next_attempt_at < recovery.deadline
    assert stage.invoice(robin)["auto_advance"] is False
    assert stage.invoice(robin)["next_payment_attempt"] is None

    # The first retry finds the account still empty.
    stage.pass_time(seconds=(recovery.next_attempt_at - stage.clock.now()).total_seconds())
    assert stage.ours(robin) == [AttemptState.DECLINED]
    second = stage.recovery(robin).next_attempt_at
    assert second is not None
    assert second > stage.clock.now()

    # Payday comes, then the second retry.
    stage.sandbox.world.cards[robin["payment_method"]].trouble = None
    stage.pass_time(seconds=(second - stage.clock.now()).total_seconds())
    recovered = stage.recovery(robin)
    assert (recovered.status, recovered.reason, recovered.late) == (Status.RECOVERED, "our_retry", False)
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]

    # Weeks later nothing more has happened: one payment, and no more mail than before.
    mails = len(stage.mails.sent)
    stage.pass_time(days=40)
    assert stage.charges(robin) == ["declined", "declined", "paid"]
    assert stage.charges(robin, by="stripe") == ["declined"]
    assert len(stage.mails.sent) == mails
    assert "The invoice was paid." in stage.sentences(robin)


def test_the_timeline_of_one_instant_reads_in_the_order_in_which_it_happened(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    began, paid = "An attempt began.", "The invoice was paid."
    shown = [sentence for sentence in stage.sentences(robin) if sentence in {began, paid}]
    assert shown[-2:] == [began, paid]


def test_a_bank_debit_on_its_way_is_waited_for_and_never_charged_twice(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    trouble = stage.sandbox.world.cards[robin["payment_method"]].trouble
    assert trouble is not None
    trouble.cause = "processing"
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.pass_time(seconds=(due - stage.clock.now()).total_seconds())
    assert stage.ours(robin) == [AttemptState.PROCESSING]
    assert stage.recovery(robin).status is Status.ATTEMPTING

    stage.pass_time(days=3)
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.recovery(robin).reason == "our_retry"
    assert stage.charges(robin, by="dunning") == ["processing", "paid"]


def test_what_the_bank_told_somebody_else_is_taken_to_heart(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    assert stage.recovery(robin).status is Status.SCHEDULED
    trouble = stage.sandbox.world.cards[robin["payment_method"]].trouble
    assert trouble is not None
    stage.pass_time(hours=1)
    trouble.decline_code = "stolen_card"  # and the merchant tries from the Dashboard, not knowing
    stage.merchant_charges(robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.decline_class) == (Status.WAITING, DeclineClass.HARD)
    assert [attempt.made_by for attempt in stage.attempts(robin)] == [MadeBy.STRIPE, MadeBy.MERCHANT]
    stage.pass_time(days=15)
    assert stage.charges(robin, by="dunning") == []
