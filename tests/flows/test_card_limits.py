"""A card has its limits, whichever of its customer's invoices is tried."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from flows.stopping import due, frozen, steps
from scenarios.stage import OURS, Stage
from simulation import seeded_guards
from sqlalchemy import insert, select

from dunning.core.ids import pay_key
from dunning.core.vocabulary import AttemptState, Status
from dunning.flows import attempting, charging, staff, switches, work
from dunning.flows.driver import run
from dunning.sandbox import billing
from dunning.sandbox.state import Trouble
from dunning.sandbox.wallet import update_card
from dunning.store import attempts, tables
from dunning.store import due as due_now


def bill_again(stage: Stage, robin: dict[str, Any], times: int) -> list[dict[str, Any]]:
    """Bill the customer for more invoices; returns the ids of each."""
    world, made = stage.sandbox.world, []
    with world.lock:
        for _ in range(times):
            invoice = billing.open_invoice(
                world, world.tables["customers"][robin["customer"]], None, amount=700
            )
            billing.first_charge(world, invoice)
            made.append(robin | {"invoice": invoice["id"]})
    stage.settle()
    return made


def now_answers(stage: Stage, card: str, code: str) -> None:
    world = stage.sandbox.world
    world.cards[card].trouble = Trouble("scripted", code, world.now())


def new_card(stage: Stage, robin: dict[str, Any]) -> str:
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    return str(next(reversed(stage.sandbox.world.cards)))


def renew(stage: Stage, robin: dict[str, Any]) -> None:
    with stage.sandbox.world.lock:
        update_card(stage.sandbox.world, robin["payment_method"])


def hear(stage: Stage) -> None:
    """Let Stripe's news arrive and be followed, and make no charge yet."""
    stage.sandbox.play()
    stage.deliver()
    with stage.house.store.write() as connection:
        seqs = due_now.stamp(connection, "event", stage.clock.now())
    for seq in seqs:
        work.work_event(stage.house, seq)


def charges_of(stage: Stage, card: str) -> list[datetime]:
    """Return when the network was asked for a card, by anyone."""
    lines = (line for line in stage.sandbox.books() if line["kind"] == "charge")
    return sorted(datetime.fromisoformat(line["at"]) for line in lines if line["payment_method"] == card)


def most_in(span: timedelta, times: list[datetime]) -> int:
    return max(sum(start <= at < start + span for at in times) for start in times)


def ring_of(stage: Stage, robin: dict[str, Any]) -> datetime | None:
    query = select(tables.recoveries.c.ring_at).where(tables.recoveries.c.id == stage.recovery(robin).id)
    with stage.house.store.read() as connection:
        ring: datetime | None = connection.execute(query).scalar_one()
    return ring


def test_a_new_card_that_turns_out_stolen_is_charged_once_for_ten_invoices(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    others = bill_again(stage, robin, 9)
    card = new_card(stage, robin)
    now_answers(stage, card, "stolen_card")
    stage.settle()
    assert len(charges_of(stage, card)) == 1
    assert {stage.recovery(ids).status for ids in [robin, *others]} == {Status.WAITING}
    stage.pass_time(days=15)
    assert len(charges_of(stage, card)) == 1


def test_without_the_card_s_stop_each_of_its_invoices_is_tried(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard that `seeded_bugs` takes out: there each customer has one invoice, and nothing shows it."""
    no_city: Any = None
    seeded_guards.stopped_cards_are_charged(monkeypatch, no_city)
    robin = stage.fails("lost_card")
    bill_again(stage, robin, 2)
    card = new_card(stage, robin)
    now_answers(stage, card, "stolen_card")
    stage.settle()
    assert len(charges_of(stage, card)) > 1


def test_a_stop_on_one_invoice_parks_the_planned_retry_of_another(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    [other] = bill_again(stage, robin, 1)
    now_answers(stage, robin["payment_method"], "stolen_card")
    stage.pass_time(days=14, hours=-1)
    asked = [stage.charges(ids, by="dunning") for ids in (robin, other)]
    assert sorted(asked) == [[], ["declined"]]
    parked = robin if asked[0] == [] else other
    assert stage.recovery(parked).status is Status.WAITING
    assert "another card" in stage.recovery(parked).why
    refused = staff.retry(stage.house, stage.recovery(parked).id, by="ada")
    assert "must not be tried again" in refused.sentence


def test_a_stopped_card_that_the_network_renews_may_be_tried_again(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("stolen_card")
    stage.pass_time(hours=3)
    renew(stage, robin)
    stage.settle()
    assert stage.charges(robin) == ["declined", "paid"]


def test_eight_invoices_on_one_card_are_tried_twice_a_day_in_all(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    bill_again(stage, robin, 7)
    stage.pass_time(days=14)
    times = charges_of(stage, robin["payment_method"])
    ours = times[8:]
    assert len(ours) > 2
    assert most_in(timedelta(days=1), ours) <= 2
    assert most_in(timedelta(days=30), times) <= 15


def test_staff_may_pass_the_policy_s_day_but_not_the_network_s_month(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=10_000)
    bill_again(stage, robin, 11)
    for _ in range(3):
        assert staff.retry(stage.house, stage.recovery(robin).id, by="ada").done
        stage.settle()
        stage.clock.advance_to(stage.clock.now() + timedelta(minutes=1))
    assert len(charges_of(stage, robin["payment_method"])) == 15
    refused = staff.retry(stage.house, stage.recovery(robin).id, by="ada")
    assert not refused.done
    assert "is reached until 04 February 2026" in refused.sentence
    stage.settle()
    assert len(charges_of(stage, robin["payment_method"])) == 15


def test_a_card_renewed_again_and_again_has_one_try_more_and_no_crowded_day(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    for _ in range(26):
        renew(stage, robin)
        now_answers(stage, robin["payment_method"], "do_not_honor")
        stage.settle()
        stage.pass_time(hours=12)
    assert len(stage.charges(robin, by="dunning")) == 9
    assert most_in(timedelta(days=1), charges_of(stage, robin["payment_method"])) == 2


def test_a_new_card_is_remembered_when_its_charge_never_left_the_house(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    card = new_card(stage, robin)
    hear(stage)
    attempt_id = frozen(stage, robin)
    switches.pause_all(stage.house, "a doubt", by="ada")
    assert not run(charging.charge(stage.house, attempt_id))
    switches.resume_all(stage.house, by="ada")
    assert stage.recovery(robin).fresh_card_id == card
    assert stage.recovery(robin).status is Status.SCHEDULED
    stage.pass_time(days=2)
    assert sorted(stage.ours(robin)) == [AttemptState.CANCELLED, AttemptState.PAID]


def test_a_declined_new_card_is_new_no_more(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    now_answers(stage, new_card(stage, robin), "insufficient_funds")
    stage.settle()
    assert stage.ours(robin) == [AttemptState.DECLINED]
    assert stage.recovery(robin).fresh_card_id is None


def test_a_card_renewed_while_its_charge_was_out_is_still_to_be_tried(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("expired_card")
    stage.pass_time(hours=2)
    renew(stage, robin)
    now_answers(stage, robin["payment_method"], "insufficient_funds")
    hear(stage)
    claim, ask, record = steps(charging.charge(stage.house, frozen(stage, robin)))
    claim()
    ask()
    stage.clock.advance_to(stage.clock.now() + timedelta(seconds=30))
    stage.hold_events = True  # the refusal's own event is slower than Stripe's answer
    renew(stage, robin)
    stage.deliver()
    stage.receive([event for event in stage.held if event.type == "payment_method.automatically_updated"])
    stage.settle()
    record()
    assert stage.ours(robin) == [AttemptState.DECLINED]
    assert stage.recovery(robin).fresh_card_id == robin["payment_method"]


def test_an_invoice_that_is_now_sent_to_its_customer_is_not_charged(stage: Stage) -> None:
    robin = due(stage)
    stage.invoice(robin)["collection_method"] = "send_invoice"
    stage.settle()
    assert stage.charges(robin, by="dunning") == []
    assert stage.attempts(robin)[-1].state is AttemptState.CANCELLED


def test_a_staff_request_ends_with_a_pause(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=24)
    recovery = stage.recovery(robin).id
    assert staff.retry(stage.house, recovery, by="ada").done
    staff.pause(stage.house, recovery, until=stage.clock.now() + timedelta(days=2), why="a promise", by="ada")
    assert stage.recovery(robin).staff_request is None
    stage.pass_time(days=12)
    assert stage.recovery(robin).reason == "our_retry"


def test_a_staff_request_is_credited_to_staff(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    assert staff.retry(stage.house, stage.recovery(robin).id, by="ada").done
    stage.settle()
    assert stage.recovery(robin).reason == "staff"


def test_the_next_ordinal_jumps_past_every_key_that_stripe_sent_back(stage: Stage) -> None:
    keys = [pay_key("self", "in_1", 3), pay_key("self", "in_1", 12), pay_key("self", "in_12", 40), "other"]
    with stage.house.store.write() as connection:
        assert attempts.next_ordinal(connection, OURS, "in_1") == 1
        for index, key in enumerate(keys):
            row = {"account_id": "self", "livemode": False, "id": f"evt_{index}", "type": "invoice.paid"}
            row |= {"received_at": stage.clock.now(), "payload": b"{}", "state": "handled"}
            connection.execute(insert(tables.events).values(**row, idempotency_key=key))
        assert attempts.next_ordinal(connection, OURS, "in_1") == 13
        assert attempts.next_ordinal(connection, OURS, "in_2") == 1


def test_a_recovery_with_a_charge_under_way_does_not_ring_all_the_time(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = due(stage)
    frozen(stage, robin)
    assert not run(attempting.prepare(stage.house, stage.recovery(robin).id))
    assert ring_of(stage, robin) == stage.clock.now() + timedelta(hours=1)


def test_staff_cannot_charge_a_card_before_the_networks_own_date(stage: Stage) -> None:
    said = {"brand": "mastercard", "network_advice_code": "30", "clears_after_hours": 1}
    robin = stage.fails("insufficient_funds", **said)  # advice 30: not before ten days
    until = stage.clock.now() + timedelta(days=10)
    stage.pass_time(hours=5)
    refused = staff.retry(stage.house, stage.recovery(robin).id, by="ada")
    assert not refused.done
    assert refused.sentence.startswith("The card's network said to wait until 15 January 2026")
    stage.settle()
    recovery = stage.recovery(robin)
    assert stage.charges(robin) == ["declined"]
    assert recovery.next_attempt_at is not None
    assert recovery.next_attempt_at >= until
    assert stage.ours(robin) == []
    stage.pass_time(days=12)
    assert stage.charges(robin) == ["declined", "paid"]
