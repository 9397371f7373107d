"""What the objects of the past prove, and what they do not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dunning.core.billing import Card
from dunning.core.declines import Decline, DeclineClass
from dunning.core.history import PastCharge, PastInvoice, PastRecovery, tell
from dunning.core.vocabulary import AttemptState, ClosedReason, MadeBy, Reason, Status

DAY = timedelta(days=1)
START = datetime(2026, 1, 5, tzinfo=UTC)
NOW = START + 200 * DAY
CARD = Card("pm_1", fingerprint="fp", brand="visa", last4="4242")


def charge(day: int, *, paid: bool = False, **more: Any) -> PastCharge:
    said = Decline() if paid else Decline(code="insufficient_funds", brand="visa")
    known = {"payment_intent": "pi_1", "invoice": "in_1", "customer": "cus_1", "decline": said, "card": CARD}
    return PastCharge(f"ch_{day}", START + day * DAY, 2900, "usd", paid, **{**known, **more})


def invoice(status: str = "paid", **more: Any) -> PastInvoice:
    return replace(PastInvoice("in_1", START, status, "usd", customer="cus_1", attempt_count=2), **more)


def told(told_invoice: PastInvoice | None, *charges: PastCharge, now: datetime = NOW) -> PastRecovery | None:
    return tell(told_invoice, charges, window=14 * DAY, now=now)


def sure(told_invoice: PastInvoice | None, *charges: PastCharge, now: datetime = NOW) -> PastRecovery:
    found = told(told_invoice, *charges, now=now)
    assert found is not None
    return found


def test_an_invoice_that_never_failed_is_no_history() -> None:
    assert told(invoice(), charge(0, paid=True)) is None
    assert told(invoice(collection_method="send_invoice"), charge(0), charge(1, paid=True)) is None


def test_a_paid_retry_is_stripes_unless_there_were_more_charges_than_stripes_own() -> None:
    retried = sure(invoice(paid_at=START + 3 * DAY), charge(3, paid=True), charge(0))
    assert (retried.status, retried.reason, retried.amount) == (Status.RECOVERED, Reason.STRIPE_RETRY, 2900)
    assert retried.failed_at == START
    assert [one.state for one in retried.attempts] == [AttemptState.DECLINED, AttemptState.PAID]
    assert {one.made_by for one in retried.attempts} == {MadeBy.STRIPE}
    by_hand = sure(invoice(attempt_count=1), charge(0), charge(3, paid=True))
    assert (by_hand.reason, by_hand.attempts[-1].made_by) == (Reason.MERCHANT, MadeBy.MERCHANT)


def test_the_same_card_with_another_number_was_renewed_by_its_network() -> None:
    renewed = replace(CARD, last4="1881")
    assert sure(invoice(), charge(0), charge(3, paid=True, card=renewed)).reason is Reason.ACCOUNT_UPDATER
    other = replace(renewed, id="pm_2")
    assert sure(invoice(), charge(0), charge(3, paid=True, card=other)).reason is Reason.STRIPE_RETRY
    unnamed = replace(renewed, id="")
    same = sure(invoice(), charge(0, card=replace(CARD, id="")), charge(3, paid=True, card=unnamed))
    assert same.reason is Reason.STRIPE_RETRY


def test_nothing_of_the_past_is_credited_to_us() -> None:
    from dunning.core.attribution import OURS

    stories = [(invoice(attempt_count=n), charge(0), charge(3, paid=True)) for n in range(4)]
    assert not {sure(*story).reason for story in stories} & OURS


def test_paid_without_a_charge_was_paid_outside_stripe_or_settled_by_credit() -> None:
    outside = sure(invoice(paid_at=START + 5 * DAY, amount_credited=900), charge(0))
    assert (outside.reason, outside.entries[0].amount) == (Reason.OUT_OF_BAND, 2000)
    assert outside.entries[0].source == "in_1"
    credited = sure(invoice(amount_credited=2900), charge(0))
    assert (credited.status, credited.closed_reason) == (Status.STOPPED, ClosedReason.CREDITED)


@pytest.mark.parametrize(
    ("status", "when", "reason"),
    [
        ("void", "voided_at", ClosedReason.VOIDED),
        ("uncollectible", "uncollectible_at", ClosedReason.UNCOLLECTIBLE),
    ],
)
def test_what_was_given_up_was_stopped_when_it_was(status: str, when: str, reason: ClosedReason) -> None:
    found = sure(invoice(status, **{when: START + 20 * DAY}), charge(0))
    assert (found.status, found.closed_reason, found.closed_at) == (
        Status.STOPPED,
        reason,
        START + 20 * DAY,
    )


def test_what_is_open_is_lost_after_the_window_and_still_open_inside_it() -> None:
    lost = sure(invoice("open"), charge(0), charge(3))
    assert (lost.status, lost.closed_at) == (Status.LOST, START + 14 * DAY)
    assert sure(invoice("open"), charge(0), now=START + 10 * DAY).status is None


def test_a_charge_that_paid_counts_although_the_invoice_was_read_before_it() -> None:
    assert sure(invoice("open"), charge(0), charge(3, paid=True)).status is Status.RECOVERED
    part = replace(charge(3, paid=True), amount=900)
    assert sure(invoice("open"), charge(0), part).status is Status.LOST


def test_an_export_without_invoices_tells_what_charges_tell() -> None:
    assert sure(None, charge(0), charge(3, paid=True)).status is Status.RECOVERED
    assert sure(None, charge(0)).status is Status.LOST
    assert told(None, charge(0), now=START + 10 * DAY) is None


def test_the_amount_is_what_failed_or_what_was_paid_where_a_credit_does_not_explain_it() -> None:
    less = replace(charge(3, paid=True), amount=2000)
    assert sure(invoice(amount_credited=900), charge(0), less).amount == 2900
    assert sure(invoice(), charge(0), less).amount == 2000


def test_what_came_before_the_failure_was_never_at_risk() -> None:
    found = sure(invoice(attempt_count=3), charge(0, paid=True), charge(2), charge(3, paid=True))
    assert found.failed_at == START + 2 * DAY
    assert [entry.amount for entry in found.entries] == [2900]


def test_a_charge_that_wants_the_customer_is_no_plain_decline() -> None:
    asked = charge(0, decline=Decline(code="authentication_required"))
    found = sure(invoice("open"), asked)
    assert found.attempts[0].state is AttemptState.NEEDS_ACTION
    assert found.last_failure.decline_class() is DeclineClass.NEEDS_AUTHENTICATION
