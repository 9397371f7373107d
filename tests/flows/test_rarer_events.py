"""What the rarer events do to a recovery, as snapshots and as thin notifications."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from flows.every_event import Body, deliver
from scenarios.stage import Stage

from dunning.core.billing import Whose
from dunning.core.vocabulary import AttemptState, ClosedReason, EventState, Retries, Status
from dunning.flows import card_update, reconcile, staff, switches
from dunning.sandbox import billing, hosted, money
from dunning.sandbox.actions_merchant import refund
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, Trouble
from dunning.sandbox.wallet import add_card, update_card
from dunning.store import wallets


def snapshot(event_type: str, shown: Body, **more: Any) -> Body:
    return {"id": "evt_x", "type": event_type, "created": 1767700000, "data": {"object": shown}} | more


def thin(event_type: str, kind: str, object_id: str) -> Body:
    related = {"id": object_id, "type": kind}
    return {
        "id": "evt_x",
        "object": "v2.core.event",
        "type": f"v1.{event_type}",
        "created": "2026-01-05T06:30:00.000Z",
        "related_object": related,
    }


def sent_by_hand(stage: Stage) -> dict[str, Any]:
    """Return a customer with an overdue invoice that was sent, and is not charged."""
    robin = stage.sandbox.customer(bill=False, country="GB")
    world = stage.sandbox.world
    invoice = billing.open_invoice(world, world.tables["customers"][robin["customer"]], None, amount=4200)
    invoice |= {"collection_method": "send_invoice", "auto_advance": True}
    stage.sandbox.enabled_events = stage.sandbox.enabled_events | {"invoice.overdue"}
    emit(world, "invoice.overdue", invoice, STRIPE)
    stage.settle()
    return robin | {"invoice": invoice["id"]}


def test_an_overdue_invoice_that_was_sent_is_written_about_and_never_charged(stage: Stage) -> None:
    robin = sent_by_hand(stage)
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.decline_code, recovery.amount) == (
        Status.WAITING,
        "invoice_overdue",
        4200,
    )
    switches.set_mode(stage.house, by="ada", retries=Retries.OWN)
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    assert not staff.retry(stage.house, recovery.id, by="ada").done
    stage.pass_time(days=15)
    assert stage.attempts(robin) == []
    assert stage.charges(robin) == []
    assert stage.invoice(robin)["auto_advance"] is True
    assert stage.mails.sent[0][1].subject.endswith("is overdue")
    assert stage.recovery(robin).status is Status.LOST


def test_the_link_of_an_overdue_invoice_leads_to_its_own_page_and_the_payment_is_recovered(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = sent_by_hand(stage)
    stage.pass_time(days=2)
    token = stage.mails.sent[0][1].text.split("/pay/")[1].split()[0].rstrip(".,)")
    page = card_update.look(stage.house, token)
    assert page.own is not None
    assert (page.own.needs, page.own.why) == ("payment", "it is past its due date")
    target = card_update.mint(stage.house, token)
    assert target is not None
    httpx.post(target, data={"card": "new"}, trust_env=False)
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 4200, "customer_payment")]


def test_an_automatic_invoice_that_is_overdue_opens_nothing(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.sandbox.customer()
    state, _ = deliver(stage, snapshot("invoice.overdue", {"id": robin["invoice"], "object": "invoice"}))
    assert state is EventState.HANDLED
    with pytest.raises(AssertionError, match="no recovery"):
        stage.recovery(robin)


def test_a_card_whose_expiry_was_corrected_is_tried_at_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("expired_card")
    assert stage.recovery(robin).status is Status.WAITING
    card = stage.sandbox.world.tables["payment_methods"][robin["payment_method"]]
    deliver(stage, snapshot("payment_method.updated", card))
    assert stage.recovery(robin).status is Status.WAITING  # a new address changes nothing
    stage.sandbox.world.cards[card["id"]].trouble = None
    card["card"] = card["card"] | {"exp_year": card["card"]["exp_year"] + 3}
    for _ in range(2):
        deliver(stage, snapshot("payment_method.updated", card))
    stage.settle()
    assert stage.ours(robin) == [AttemptState.PAID]
    assert stage.recovery(robin).reason == "our_retry"


@pytest.mark.parametrize("shape", ["snapshot", "thin"])
def test_a_card_chosen_for_the_subscription_is_tried_at_once(quick_stage: Stage, shape: str) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True)
    world = stage.sandbox.world
    card = add_card(world, world.tables["customers"][robin["customer"]], country="GB", origin="api")
    subscription = world.tables["subscriptions"][robin["subscription"]]
    subscription["default_payment_method"] = card["id"]
    changed = {"default_payment_method": robin["payment_method"]}
    told = snapshot("customer.subscription.updated", subscription)
    told["data"]["previous_attributes"] = changed
    if shape == "thin":
        name = "customer.subscription.default_payment_method_changed"
        told = thin(name, "subscription", robin["subscription"])
    deliver(stage, told)
    deliver(stage, told)
    stage.settle()
    assert stage.ours(robin) == [AttemptState.PAID]


def test_a_subscription_that_changed_otherwise_costs_no_call(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True)
    subscription = stage.sandbox.world.tables["subscriptions"][robin["subscription"]]
    told = snapshot("customer.subscription.updated", subscription)
    told["data"]["previous_attributes"] = {"current_period_end": 1}
    state, note = deliver(stage, told)
    assert state is EventState.HANDLED
    assert note == "Nothing that we keep of the subscription has changed; what is owed, its invoices tell."


def test_a_subscription_that_went_unpaid_is_known_at_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True)
    subscription = stage.sandbox.world.tables["subscriptions"][robin["subscription"]]
    subscription["status"] = "unpaid"
    told = snapshot("customer.subscription.updated", subscription)
    told["data"]["previous_attributes"] = {"status": "past_due"}
    assert deliver(stage, told) == (EventState.HANDLED, None)
    with stage.house.store.read() as connection:
        kept = wallets.subscription(connection, Whose(), robin["subscription"])
    assert kept is not None
    assert kept.status == "unpaid"
    assert stage.ours(robin) == []  # the same card is not tried again for it


def test_a_subscription_is_followed_although_the_card_that_it_names_is_gone(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card", subscription_default=True)
    subscription = stage.sandbox.world.tables["subscriptions"][robin["subscription"]]
    subscription |= {"status": "unpaid", "default_payment_method": "pm_gone"}
    told = snapshot("customer.subscription.updated", subscription)
    told["data"]["previous_attributes"] = {"status": "past_due"}
    assert deliver(stage, told) == (EventState.HANDLED, None)
    with stage.house.store.read() as connection:
        kept = wallets.subscription(connection, Whose(), robin["subscription"])
    assert kept is not None
    assert kept.status == "unpaid"


def recovered(stage: Stage) -> tuple[dict[str, Any], Body]:
    """Return a customer whose invoice was recovered, with the charge that paid it."""
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    charge = next(c for c in stage.sandbox.world.tables["charges"].values() if c["paid"])
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    return robin, charge


def test_a_dispute_follows_the_money_not_the_verdict(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, charge = recovered(stage)
    dispute: Body = {"id": "du_1", "object": "dispute", "amount": 2900, "charge": charge["id"]}
    taken, back = {"amount": -2900}, {"amount": 2900}
    story = (
        ("charge.dispute.created", "warning_needs_response", [], []),
        ("charge.dispute.funds_withdrawn", "needs_response", [taken], [-2900]),
        ("charge.dispute.closed", "won", [taken], [-2900]),
        ("charge.dispute.funds_reinstated", "won", [taken, back], [-2900, 2900]),
        ("charge.dispute.funds_withdrawn", "needs_response", [taken], [-2900, 2900]),
    )
    for event_type, status, moved, entered in story:
        deliver(stage, snapshot(event_type, dispute | {"status": status, "balance_transactions": moved}))
        moved_here = [amount for kind, amount, _ in stage.ledger(robin) if kind != "recovered"]
        assert sorted(moved_here) == entered, event_type


def test_a_refund_that_was_cancelled_gives_the_money_back(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, charge = recovered(stage)
    made = {"id": "re_1", "object": "refund", "amount": 900, "charge": charge["id"], "status": "pending"}
    deliver(stage, snapshot("refund.created", made))
    deliver(stage, snapshot("refund.updated", made | {"status": "succeeded"}))
    assert sum(amount for _, amount, _ in stage.ledger(robin)) == 2000
    for event_type in ("refund.updated", "refund.failed"):
        deliver(stage, snapshot(event_type, made | {"status": "canceled"}))
    assert sum(amount for _, amount, _ in stage.ledger(robin)) == 2900


@pytest.mark.parametrize("told", ["after the payment", "before the payment"])
def test_a_thin_refund_counts_like_the_snapshot_and_both_count_once(quick_stage: Stage, told: str) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.hold_events = told == "before the payment"
    hosted.pay_on_page(stage.sandbox.world, stage.invoice(robin), new_card=True)
    stage.settle()
    made = refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})["refund"]
    state, note = deliver(stage, thin("refund.created", "refund", made))
    assert state is EventState.HANDLED
    assert note is not None
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert sorted(stage.ledger(robin)) == [("recovered", 2900, "customer_payment"), ("refund", -900, None)]


def test_a_failure_told_thin_and_as_a_snapshot_opens_one_recovery_with_one_attempt(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    for event_type in ("invoice.payment_failed", "invoice.paid"):
        deliver(stage, thin(event_type, "invoice", robin["invoice"]))
    assert len(stage.attempts(robin)) == 1
    hosted.pay_on_page(stage.sandbox.world, stage.invoice(robin), new_card=True)
    stage.settle()
    deliver(stage, thin("invoice.paid", "invoice", robin["invoice"]))
    assert stage.ledger(robin) == [("recovered", 2900, "customer_payment")]


def test_a_dispute_told_thin_stops_what_the_customer_still_owes(quick_stage: Stage) -> None:
    stage = quick_stage
    robin, charge = recovered(stage)
    world = stage.sandbox.world
    world.cards[robin["payment_method"]].trouble = Trouble("scripted", "do_not_honor", world.now())
    second = billing.open_invoice(world, world.tables["customers"][robin["customer"]], None, amount=700)
    billing.first_charge(world, second)
    stage.settle()
    stage.hold_events = True
    made = money.dispute(world, charge)
    deliver(stage, thin("charge.dispute.created", "dispute", made["id"]))
    assert stage.recovery(robin | {"invoice": second["id"]}).closed_reason is ClosedReason.DISPUTED
    assert ("dispute", -2900, None) in stage.ledger(robin)


def test_the_banks_no_told_before_stripes_answer_ends_the_attempt_at_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=None)
    stage.sandbox.faults.add(status=500, when="after")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.clock.advance_to(due)
    stage.settle()
    assert stage.ours(robin) == [AttemptState.DECLINED]
    [attempt] = [attempt for attempt in stage.attempts(robin) if attempt.ordinal == 1]
    assert attempt.decline_code == "insufficient_funds"
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_a_no_that_is_told_after_somebody_else_paid_is_still_our_declined_attempt(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=None)
    stage.sandbox.faults.add(status=500, when="after")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.clock.advance_to(due)
    stage.hold_events = True
    stage.settle()
    stage.pays_out_of_band(robin)
    stage.settle()
    paid = [event for event in stage.held if event.type == "invoice.paid"]
    late = [event for event in stage.held if event.type == "payment_intent.payment_failed"]
    stage.hold_events = False
    stage.receive(paid)
    stage.pass_time(hours=2)
    stage.receive(late)
    stage.settle()
    assert stage.ours(robin) == [AttemptState.DECLINED]
    assert stage.ledger(robin) == [("recovered", 2900, "out_of_band")]


def test_somebody_elses_refusal_is_not_taken_for_ours(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=None)
    stage.sandbox.faults.add(status=500, when="before")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.clock.advance_to(due)
    stage.settle()
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    stage.merchant_charges(robin)
    stage.pass_time(hours=2)
    assert stage.charges(robin, by="merchant") == ["declined"]
    assert stage.ours(robin)[0] is AttemptState.NOT_SENT
    asked = {line["idempotency_key"] for line in stage.sandbox.books() if line["made_by"] == "dunning"}
    assert f"v1:pay:self:{robin['invoice']}:1" not in asked


def test_a_refusal_that_nobody_told_of_is_presumed_ours_after_a_day(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=None)
    stage.sandbox.faults.add(status=500, when="after")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.clock.advance_to(due)
    stage.hold_events = True
    stage.settle()
    stage.skip_time(hours=18)
    assert stage.ours(robin) == [AttemptState.UNKNOWN]
    stage.skip_time(hours=6)
    stage.nothing_is_missing()
    stage.skip_time(hours=30)
    assert stage.ours(robin)[0] is AttemptState.DECLINED
    assert stage.charges(robin, by="dunning")[0] == "declined"


def test_a_first_failure_that_is_told_after_a_later_one_dates_the_recovery(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.sandbox.smart_retries = True
    stage.hold_events = True
    robin = stage.fails("do_not_honor")
    first = stage.clock.now()
    stage.pass_time(days=2)
    failures = [event for event in stage.held if event.type == "invoice.payment_failed"]
    assert len(failures) == 2
    stage.hold_events = False
    for event in reversed(failures):
        stage.receive([event])
        stage.settle()
    recovery = stage.recovery(robin)
    assert recovery.failed_at == first
    assert recovery.deadline - first == timedelta(days=14)


def test_a_payment_told_two_days_late_is_the_customers_when_the_card_was_used_once(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.hold_events = True
    stage.clock.advance_to(due - timedelta(days=1, hours=1))
    hosted.pay_on_page(stage.sandbox.world, stage.invoice(robin), new_card=True)
    stage.clock.advance_to(due)
    stage.nothing_is_missing()
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 2900, "customer_payment")]


def test_a_payment_two_days_ago_is_credited_to_nobody_before_stripes_own_list_was_asked(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.hold_events = True
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=2))
    stage.merchant_charges(robin)
    stage.clock.advance_to(max(due, stage.clock.now() + timedelta(hours=30)))
    stage.settle()
    assert stage.ledger(robin) == []
    reconcile.reconcile(stage.house)
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 2900, "merchant")]


def test_a_card_that_the_network_renewed_just_before_it_paid_is_credited_to_the_updater(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.clock.advance_to(due)
    stage.hold_events = True
    update_card(stage.sandbox.world, robin["payment_method"])
    stage.settle()
    assert stage.recovery(robin).reason == "account_updater"


def test_a_card_that_was_changed_in_the_moment_of_our_charge_is_credited_to_the_customer(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    due = stage.recovery(robin).next_attempt_at
    assert due is not None
    stage.pass_time(hours=(due - stage.clock.now()) / timedelta(hours=1) - 0.01)
    assert stage.mails.sent
    stage.hold_events = True
    session = {"id": "bps_own", "object": "billing_portal.session", "customer": robin["customer"]}
    hosted.change_card(stage.sandbox.world, session)
    stage.clock.advance_to(due)
    stage.settle()
    assert stage.recovery(robin).reason == "customer_card_update"


def test_a_failure_first_heard_of_after_a_bank_transfer_is_recovered_out_of_band(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.hold_events = True
    robin = stage.fails("do_not_honor")
    stage.pays_out_of_band(robin)
    stage.settle()
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.ledger(robin) == [("recovered", 2900, "out_of_band")]
