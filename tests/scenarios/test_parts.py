"""Diaries: an invoice is paid in parts, credited in part, or paid outside Stripe, before and after."""

import pytest
from scenarios.stage import Stage

from dunning.core.vocabulary import ClosedReason, Retries, Status
from dunning.flows import switches
from dunning.sandbox.actions_customer import pay_part
from dunning.sandbox.actions_merchant import refund


def pays(stage: Stage, ids: dict[str, str], amount: int) -> None:
    """Let the customer pay a part on the invoice's page, and let the news arrive."""
    pay_part(stage.sandbox, {"invoice": ids["invoice"], "amount": amount})
    stage.settle()


def test_a_part_is_money_recovered_and_we_collect_the_rest(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=30)
    stage.pass_time(hours=3)

    # The customer pays ten of twenty-nine dollars on the page.
    pays(stage, robin, 1000)
    assert stage.ledger(robin) == [("recovered", 1000, "customer_payment")]
    assert stage.recovery(robin).status is Status.SCHEDULED
    assert sum("19.00 USD is still due" in sentence for sentence in stage.sentences(robin)) == 1

    # Our retry collects the rest, and nothing but the rest.
    stage.pass_time(days=13)
    recovery = stage.recovery(robin)
    assert recovery.status is Status.RECOVERED
    assert sorted(amount for _, amount, _ in stage.ledger(robin)) == [1000, 1900]
    assert stage.invoice(robin)["amount_paid"] == 2900
    [ours] = [
        line for line in stage.sandbox.books() if line["outcome"] == "paid" and line["made_by"] == "dunning"
    ]
    assert ours["amount"] == 1900

    # The invoice has one reason: of those that hold, the first.
    assert recovery.reason == "customer_payment"


def test_a_part_stays_recovered_when_the_rest_is_lost(stage: Stage) -> None:
    robin = stage.fails("do_not_honor")
    stage.pass_time(hours=3)
    pays(stage, robin, 1000)
    stage.pass_time(days=14)
    assert stage.recovery(robin).status is Status.LOST
    assert stage.ledger(robin) == [("recovered", 1000, "customer_payment")]

    # Much later the rest comes by bank transfer.
    stage.pass_time(days=10)
    stage.pays_out_of_band(robin)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.late) == (Status.RECOVERED, True)
    assert sorted(amount for _, amount, _ in stage.ledger(robin)) == [1000, 1900]


def test_parts_that_no_event_tells_of_are_found_before_the_charge(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=30)
    stage.hold_events = True
    pays(stage, robin, 1000)
    assert stage.ledger(robin) == []
    stage.pass_time(days=13)
    assert sorted(amount for _, amount, _ in stage.ledger(robin)) == [1000, 1900]


def test_several_parts_pay_the_whole(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    for amount in (500, 1400, 1000):
        stage.pass_time(hours=1)
        pays(stage, robin, amount)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason) == (Status.RECOVERED, "customer_payment")
    assert sorted(amount for _, amount, _ in stage.ledger(robin)) == [500, 1000, 1400]
    assert stage.charges(robin, by="dunning") == []


def test_a_part_and_a_credit_note_together_settle_an_invoice(stage: Stage) -> None:
    robin = stage.fails("do_not_honor")
    stage.pass_time(hours=3)
    pays(stage, robin, 1000)
    stage.credits(robin, 1900)
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert stage.ledger(robin) == [("recovered", 1000, "customer_payment")]


def test_an_invoice_credited_to_zero_is_stopped_at_once(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    stage.pass_time(hours=3)
    stage.credits(robin, 900)
    stage.settle()
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.credits(robin, 2000)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.closed_reason) == (Status.STOPPED, ClosedReason.CREDITED)
    assert stage.ledger(robin) == []


def test_what_was_credited_before_the_failure_was_never_owed(quick_stage: Stage) -> None:
    stage = quick_stage
    switches.set_mode(stage.house, retries=Retries.OWN, by="ada")
    stage.hold_events = True
    robin = stage.fails("do_not_honor")
    stage.credits(robin, 900)
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.recovery(robin).amount == 2000
    stage.pays_out_of_band(robin)
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 2000, "out_of_band")]


@pytest.mark.parametrize("amount", [400, 2900])
def test_a_credit_note_after_the_payment_takes_from_what_was_recovered(stage: Stage, amount: int) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    stage.credits(robin, amount)
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert [sum(n for _, n, _ in stage.ledger(robin))] == [2900 - amount]


def test_a_refund_of_a_part_is_taken_from_it(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=30)
    pays(stage, robin, 1000)
    stage.pass_time(days=13)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 1900})
    stage.settle()
    assert sum(amount for _, amount, _ in stage.ledger(robin)) == 1000


def test_while_we_watch_a_part_counts_as_well(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("do_not_honor")
    stage.pass_time(hours=3)
    pays(stage, robin, 1000)
    assert stage.ledger(robin) == [("recovered", 1000, "customer_payment")]
