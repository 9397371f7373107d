"""Money in parts, and money that goes back: refunds, disputes, inquiries and credit notes."""

from typing import Any

import httpx
import pytest
import stripe

from dunning.sandbox import Sandbox


def kinds(control: Any) -> list[tuple[str, int]]:
    return [(line["kind"], line["amount"]) for line in control.books()]


def types(sandbox: Sandbox) -> list[str]:
    return [event.type for event in sandbox.world.events.values()]


def test_an_invoice_paid_in_parts_has_a_payment_for_each(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    control("pay_part", invoice=made["invoice"], amount=900)
    found = client.v1.invoices.retrieve(made["invoice"])
    assert (found.status, found.amount_paid, found.amount_remaining) == ("open", 900, 2000)
    control("advance", seconds=3601)
    paid = client.v1.invoices.pay(made["invoice"], {"expand": ["payments"]})
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 2900, 0)
    assert paid.payments is not None
    parts = [(one.is_default, one.status, one.amount_paid) for one in paid.payments.data]
    assert parts == [(False, "paid", 900), (True, "paid", 2000)]
    assert len(client.v1.invoice_payments.list({"invoice": made["invoice"]}).data) == 2
    assert kinds(control) == [("charge", 2900), ("charge", 900), ("charge", 2000)]


def test_the_last_part_settles_the_invoice_and_more_is_refused(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="lost_card")
    control("pay_part", invoice=made["invoice"], amount=2000)
    control("pay_part", invoice=made["invoice"], amount=900)
    assert client.v1.invoices.retrieve(made["invoice"]).amount_paid == 2900
    assert types(sandbox).count("invoice.paid") == 1
    assert control.books()[-1]["credited_to"] == "customer_payment"
    answer = httpx.post(f"{control.url}/_sandbox/pay_part", json={"invoice": made["invoice"], "amount": 1})
    assert (answer.status_code, "at most what is due" in answer.json()["error"]) == (400, True)


def test_a_refund_that_fails_gives_the_money_back_to_the_merchant(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer")
    refund = control("refund", invoice=made["invoice"], amount=900, fails_after_hours=24)["refund"]
    assert client.v1.refunds.retrieve(refund).status == "succeeded"
    control("advance", seconds=86401)
    failed = client.v1.refunds.retrieve(refund)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert client.v1.charges.retrieve(str(failed.charge)).amount_refunded == 0
    assert kinds(control) == [("charge", 2900), ("refund", 900), ("refund_failure", 900)]
    assert sum(one.amount for one in client.v1.balance_transactions.list().data) == 2900
    control("fail_refund", refund=refund)
    assert types(sandbox).count("refund.failed") == 1, "it does not fail twice"


def test_an_inquiry_takes_nothing_until_it_becomes_a_dispute(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer")
    dispute = control("dispute", invoice=made["invoice"], inquiry=True)["dispute"]
    assert client.v1.disputes.retrieve(dispute).status == "warning_needs_response"
    assert kinds(control) == [("charge", 2900)]
    assert control("escalate", dispute=dispute)["status"] == "needs_response"
    assert control("close_dispute", dispute=dispute, won=True)["status"] == "won"
    assert kinds(control)[1:] == [("dispute", 2900), ("dispute_reversal", 2900)]
    moved = client.v1.disputes.retrieve(dispute).balance_transactions
    assert [one.amount for one in moved] == [-2900, 2900]
    told = [one.removeprefix("charge.dispute.") for one in types(sandbox) if "dispute" in one]
    assert told == ["created", "funds_withdrawn", "updated", "funds_reinstated", "closed"]


def test_an_inquiry_that_is_answered_just_ends(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer")
    control("dispute", invoice=made["invoice"], inquiry=True, amount=900)
    control("advance", seconds=21 * 86400)
    [found] = client.v1.disputes.list().data
    assert (found.status, found.amount, found.balance_transactions) == ("warning_closed", 900, [])
    assert kinds(control) == [("charge", 2900)]


def test_a_credit_note_after_payment_may_refund_the_card(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer")
    note = control("credit", invoice=made["invoice"], amount=900, refund=500)["credit_note"]
    found = client.v1.credit_notes.retrieve(note)
    assert (found.type, found.post_payment_amount) == ("post_payment", 900)
    assert [one.amount_refunded for one in found.refunds] == [500]
    assert kinds(control) == [("charge", 2900), ("refund", 500), ("credit_note", 400)]
    assert control("void_credit", credit_note=note)["status"] == "void"
    assert kinds(control)[-1] == ("credit_note_void", 400)
    with pytest.raises(stripe.InvalidRequestError, match="no longer be voided"):
        client.v1.credit_notes.void_credit_note(note)


def test_a_voided_credit_note_is_owed_again(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    note = client.v1.credit_notes.create({"invoice": made["invoice"], "amount": 900})
    assert client.v1.invoices.retrieve(made["invoice"]).amount_remaining == 2000
    client.v1.credit_notes.void_credit_note(note.id)
    assert client.v1.invoices.retrieve(made["invoice"]).amount_remaining == 2900
