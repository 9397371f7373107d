"""No event is lost, whatever happens to it on the way: and none is done twice."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flows.stopping import due as due_attempt
from flows.stopping import frozen, steps
from scenarios.stage import Stage, Switchboard, set_stage
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from dunning.core.vocabulary import AttemptState, ClosedReason, EventState, Status
from dunning.errors import Refused, Unreachable
from dunning.flows import charging, driver, receive, reconcile, work
from dunning.flows.driver import Flow, run
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, StoredEvent
from dunning.store import due, objects, recoveries, tables

FAILED = "invoice.payment_failed"
REVOKED = Refused("Expired API Key provided", status=401)
DATABASE_AWAY = OperationalError("COMMIT", None, ConnectionError("the server closed the connection"))


def arrived(stage: Stage, wanted: str = FAILED) -> list[dict[str, Any]]:
    """Return the kept events of a type, oldest first."""
    query = select(tables.events).where(tables.events.c.type == wanted).order_by(tables.events.c.seq)
    with stage.house.store.read() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def held(stage: Stage, *types: str) -> list[StoredEvent]:
    """Return the events that Stripe made and that did not arrive, of some types."""
    stage.sandbox.play()
    stage.deliver()
    return [event for event in stage.held if event.type in types]


def resembling(event: StoredEvent, **news: Any) -> StoredEvent:
    body = json.loads(event.body) | news
    return StoredEvent(body["id"], body["type"], event.created, json.dumps(body))


def breaks(monkeypatch: pytest.MonkeyPatch, stage: Stage, error: Exception) -> None:
    """Let every reading of an invoice end in `error`."""

    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr(stage.house.stripe, "invoice", broken)


def paid_charge(stage: Stage) -> dict[str, Any]:
    return next(charge for charge in stage.sandbox.world.tables["charges"].values() if charge["paid"])


@pytest.fixture
def postgres_stage(switchboard: Switchboard, postgres_url: str, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(switchboard, postgres_url, tmp_path) as made:
        yield made
        assert made.laws_broken() == {}


@pytest.mark.parametrize("error", [REVOKED, DATABASE_AWAY], ids=["key revoked", "database away"])
def test_days_of_trouble_outside_park_no_event(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    stage = quick_stage
    with monkeypatch.context() as patch:
        breaks(patch, stage, error)
        robin = stage.fails("insufficient_funds")
        stage.pass_time(days=2)
        assert arrived(stage)[0]["state"] is EventState.NEW
    stage.pass_time(hours=1)
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_what_waited_through_an_outage_is_taken_up_within_two_minutes_of_its_end(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = quick_stage
    with monkeypatch.context() as patch:
        breaks(patch, stage, Unreachable("Stripe does not answer."))
        robin = stage.fails("insufficient_funds")
        stage.pass_time(hours=3)
        assert arrived(stage)[0]["state"] is EventState.NEW
    stage.pass_time(minutes=2)
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_an_event_that_was_parked_is_tried_again_an_hour_later(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = quick_stage
    with monkeypatch.context() as patch:
        breaks(patch, stage, RuntimeError("nobody thought of this"))
        robin = stage.fails("insufficient_funds")
        stage.skip_time(hours=24, hop=1)
        assert arrived(stage)[0]["state"] is EventState.PARKED
    reconcile.reconcile(stage.house)
    stage.settle()
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_an_event_that_stays_poison_is_not_tried_for_ever(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = quick_stage
    breaks(monkeypatch, stage, RuntimeError("nobody thought of this"))
    stage.fails("insufficient_funds")
    for _ in range(30):
        stage.skip_time(hours=2, hop=1)
        reconcile.reconcile(stage.house)
        stage.settle()
    event = arrived(stage)[0]
    assert (event["state"], event["tries"]) == (EventState.PARKED, 2 * receive.MOST_TRIES)


def test_a_customer_inside_the_event_instead_of_an_id_is_followed(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.hold_events = True
    robin = stage.sandbox.customer(fail="insufficient_funds", country="GB")
    (event,) = held(stage, FAILED)
    body = json.loads(event.body)
    body["data"]["object"]["customer"] = {"id": robin["customer"], "object": "customer"}
    stage.receive([resembling(event, data=body["data"])])
    stage.ring()
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_an_event_that_cannot_even_be_looked_at_counts_its_tries_and_waits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise TypeError("unhashable")

    with monkeypatch.context() as patch:
        patch.setattr(receive, "_with_ticket", broken)
        robin = stage.fails("insufficient_funds")
        (event,) = arrived(stage)
        assert (event["state"], event["tries"]) == (EventState.NEW, 1)
        assert event["ring_at"] > stage.clock.now()
    stage.pass_time(minutes=1)
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_a_failure_overtaken_by_a_later_read_of_its_invoice_still_counts(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("insufficient_funds")
    stage.hold_events = True
    stage.pass_time(days=4)
    stage.hold_events = False
    event = next(event for event in stage.held if event.type == FAILED)
    stage.receive([event, resembling(event, id="evt_update", type="invoice.updated")])
    with stage.house.store.write() as connection:
        flows = [
            receive.receive(stage.house, seq) for seq in due.stamp(connection, "event", stage.clock.now())
        ]
    claims = [flow.claim() for flow in flows]
    answers = [flow.ask(claimed) for flow, claimed in zip(flows, claims, strict=True) if claimed]
    for flow, claimed, answer in reversed(list(zip(flows, claims, answers, strict=True))):
        assert claimed is not None
        flow.record(claimed, answer)
    assert len(stage.attempts(robin)) == 1
    stage.pass_time(seconds=10)
    assert len(stage.attempts(robin)) == 2
    assert arrived(stage)[-1]["state"] is EventState.HANDLED


def test_a_failure_that_is_always_overtaken_is_let_go_with_a_note(
    quick_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = quick_stage
    monkeypatch.setattr(objects, "apply_read", lambda *_: False)
    stage.fails("insufficient_funds")
    stage.pass_time(minutes=5)
    (event,) = arrived(stage)
    assert (event["state"], event["tries"]) == (EventState.HANDLED, receive.MOST_STALE + 1)
    assert "later read" in event["note"]


def test_our_paid_charge_is_followed_by_its_event_when_the_recovery_did_not_hear_of_it(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = due_attempt(stage)
    stage.hold_events = True
    attempt_id = frozen(stage, robin)
    for step in steps(charging.charge(stage.house, attempt_id))[:2]:
        step()
    (event,) = held(stage, "invoice.paid")
    paid = {"state": AttemptState.PAID, "finished_at": stage.clock.now(), "ring_at": None, "fence": 9}
    attempts = tables.attempts
    with stage.house.store.write() as connection:
        connection.execute(update(attempts).where(attempts.c.id == attempt_id).values(paid))
    assert stage.recovery(robin).status is Status.ATTEMPTING
    stage.hold_events = False
    stage.receive([event])
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


def test_events_that_were_delivered_to_a_database_now_lost_are_found(quick_stage: Stage) -> None:
    stage = quick_stage
    assert reconcile.reconcile(stage.house) == []
    stage.hold_events = True
    robin = stage.sandbox.customer(fail="insufficient_funds", country="GB")
    lost = held(stage, FAILED)
    for event in stage.held:
        event.delivered = True
    stage.hold_events = False
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=30))
    newer = stage.fails("do_not_honor")
    assert {event.id for event in lost} <= set(reconcile.reconcile(stage.house))
    assert reconcile.reconcile(stage.house) == []
    stage.settle()
    assert stage.recovery(robin).status is stage.recovery(newer).status is Status.SCHEDULED


def test_a_dry_run_finds_the_same_events_again(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.hold_events = True
    stage.sandbox.customer(fail="insufficient_funds", country="GB")
    for event in held(stage, FAILED):
        event.delivered = True
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=3))
    found = reconcile.reconcile(stage.house, dry_run=True)
    assert found
    assert reconcile.reconcile(stage.house) == found


def test_events_that_may_still_be_on_their_way_are_left_alone(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.hold_events = True
    stage.sandbox.customer(fail="insufficient_funds", country="GB")
    held(stage, FAILED)
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=9))
    assert reconcile.reconcile(stage.house) == []
    stage.clock.advance_to(stage.clock.now() + timedelta(minutes=2))
    assert reconcile.reconcile(stage.house)


@pytest.mark.parametrize("ending", ["warning_closed", "lost", "won"])
def test_an_inquiry_takes_no_money_until_it_has_become_a_dispute(quick_stage: Stage, ending: str) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    assert stage.recovery(robin).status is Status.RECOVERED
    world = stage.sandbox.world
    inquiry = {"id": "du_1", "object": "dispute", "charge": paid_charge(stage)["id"], "amount": 2900}
    with world.lock:
        emit(world, "charge.dispute.created", inquiry | {"status": "warning_needs_response"}, STRIPE)
    stage.settle()
    assert len(stage.ledger(robin)) == 1
    with world.lock:
        emit(world, "charge.dispute.closed", inquiry | {"status": ending}, STRIPE)
    stage.settle()
    taken = {"warning_closed": [], "lost": [-2900], "won": [-2900, 2900]}[ending]
    assert sorted(amount for _, amount, _ in stage.ledger(robin)[1:]) == taken


@pytest.mark.parametrize("kind", ["inquiry", "warning"])
def test_a_charge_outside_our_ledger_stops_its_customer_when_the_event_or_an_attempt_names_it(
    quick_stage: Stage, kind: str
) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    charge_id = next(iter(stage.sandbox.world.tables["charges"]))
    found: dict[str, Any] = {"id": "du_2", "object": "dispute", "charge": charge_id, "amount": 2900}
    world = stage.sandbox.world
    with world.lock:
        if kind == "inquiry":
            emit(world, "charge.dispute.created", found | {"status": "warning_needs_response"}, STRIPE)
        else:
            expanded = {"id": "ch_elsewhere", "customer": robin["customer"]}
            emit(world, "radar.early_fraud_warning.created", found | {"charge": expanded}, STRIPE)
    stage.settle()
    reason = ClosedReason.DISPUTED if kind == "inquiry" else ClosedReason.FRAUD_WARNING
    assert stage.recovery(robin).closed_reason is reason
    assert stage.ledger(robin) == []


def test_the_payer_of_an_unknown_charge_is_left_alone(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds")
    world = stage.sandbox.world
    with world.lock:
        emit(world, "charge.dispute.created", {"id": "du_3", "charge": "ch_?", "status": "lost"}, STRIPE)
    stage.settle()
    assert stage.recovery(robin).status is Status.SCHEDULED


class Undone(Exception):
    """What the database's driver raises when a transaction was undone."""

    sqlstate = "40P01"


def test_a_transaction_that_the_database_undid_is_run_again_up_to_three_times() -> None:
    tries: list[str] = []

    def transaction(name: str, often: int) -> str:
        tries.append(name)
        if tries.count(name) <= often:
            raise OperationalError("UPDATE", {}, Undone())
        return name

    def flow(claim: int, record: int) -> Flow[str, str]:
        return Flow(
            claim=lambda: transaction("claim", claim),
            ask=lambda _: transaction("ask", 0),
            record=lambda _, __: tries.append("recorded") if transaction("record", record) else None,
        )

    assert run(flow(1, 3))
    assert tries == ["claim"] * 2 + ["ask"] + ["record"] * 4 + ["recorded"]
    tries.clear()
    with pytest.raises(OperationalError):
        run(flow(0, driver.REPEATS + 1))


def test_an_error_of_the_row_itself_is_not_repeated() -> None:
    tries: list[str] = []

    def claim() -> str:
        tries.append("claim")
        raise OperationalError("UPDATE", {}, ValueError())

    with pytest.raises(OperationalError):
        run(Flow(claim=claim, ask=str, record=lambda _, __: None))
    assert tries == ["claim"]


def test_a_payment_that_shows_a_card_and_the_renewal_of_that_card_pass_each_other(
    postgres_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = postgres_stage
    robin = stage.fails("insufficient_funds")
    stage.hold_events = True
    world = stage.sandbox.world
    world.cards[robin["payment_method"]].trouble = None
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/pay")
    with world.lock:
        emit(world, "payment_method.automatically_updated", world.get(robin["payment_method"]), STRIPE)
    stage.receive(held(stage, "invoice.paid", "payment_method.automatically_updated"))
    with stage.house.store.write() as connection:
        seqs = due.stamp(connection, "event", stage.clock.now())
    card_kept, recoveries_held = threading.Event(), threading.Event()
    keep_card, open_of_customer = objects.keep_card, recoveries.open_of_customer

    def keep_then_wait(*arguments: Any, **more: Any) -> None:
        keep_card(*arguments, **more)
        card_kept.set()
        recoveries_held.wait(1)

    def hold_then_wait(*arguments: Any) -> Any:
        found = open_of_customer(*arguments)
        recoveries_held.set()
        card_kept.wait(1)
        return found

    monkeypatch.setattr(objects, "keep_card", keep_then_wait)
    monkeypatch.setattr(recoveries, "open_of_customer", hold_then_wait)
    repeated: list[Any] = []
    monkeypatch.setattr(driver, "is_conflict", repeated.append)
    threads = [threading.Thread(target=work.work_event, args=(stage.house, seq)) for seq in seqs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert repeated == []
    assert stage.recovery(robin).status is Status.RECOVERED
    assert {row["state"] for row in arrived(stage, "invoice.paid")} == {EventState.HANDLED}
