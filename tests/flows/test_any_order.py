"""Stripe tells a recovery's story in any order, and parts of it twice; the end is always the same."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flows.orders import Orders, differences, direct
from scenarios.stage import Stage, Switchboard, set_stage

from dunning.core.vocabulary import Retries
from dunning.sandbox import hosted, money
from dunning.sandbox.actions_merchant import refund
from dunning.sandbox.state import StoredEvent

MOST = 7
SAMPLE = 50
History = Callable[[Stage], dict[str, Any]]


def new_card(stage: Stage, robin: dict[str, Any]) -> None:
    """Let the merchant's own page save a card and make it the default."""
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    card = next(reversed(stage.sandbox.world.cards))
    settings = {"invoice_settings[default_payment_method]": card}
    stage.merchant("POST", f"/v1/customers/{robin['customer']}", **settings)


def bills(stage: Stage, code: str, **more: Any) -> dict[str, Any]:
    return stage.sandbox.customer(fail=code, country="GB", **more)


def stripe_recovers_it_and_some_is_refunded(stage: Stage) -> dict[str, Any]:
    robin = bills(stage, "do_not_honor")
    stage.pass_time(days=2)
    new_card(stage, robin)
    stage.pass_time(days=3)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})
    return robin


def the_customer_pays_on_the_page_and_disputes_it(stage: Stage) -> dict[str, Any]:
    robin = bills(stage, "insufficient_funds")
    stage.pass_time(days=2)
    hosted.pay_on_page(stage.sandbox.world, stage.invoice(robin), new_card=True)
    charge = next(c for c in stage.sandbox.world.tables["charges"].values() if c["paid"])
    made = money.dispute(stage.sandbox.world, charge)
    money.close_dispute(stage.sandbox.world, made["id"], won=True)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 100})
    return robin


def the_merchant_voids_it(stage: Stage) -> dict[str, Any]:
    robin = bills(stage, "insufficient_funds")
    stage.pass_time(days=2)
    new_card(stage, robin)
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/void")
    return robin


def we_are_refused_and_then_we_are_paid(stage: Stage) -> dict[str, Any]:
    stage.hold_events = False
    robin = stage.fails("do_not_honor", clears_after_hours=70)
    stage.hold_events = True
    stage.pass_time(days=10)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})
    assert "paid" in stage.charges(robin, by="dunning")
    return robin


def we_are_refused_and_the_customer_pays(stage: Stage) -> dict[str, Any]:
    stage.hold_events = False
    robin = stage.fails("do_not_honor")
    stage.hold_events = True
    stage.pass_time(days=4)
    assert "declined" in stage.charges(robin, by="dunning")
    hosted.pay_on_page(stage.sandbox.world, stage.invoice(robin), new_card=True)
    refund(stage.sandbox, {"invoice": robin["invoice"], "amount": 900})
    new_card(stage, robin)
    return robin


HISTORIES: dict[History, Retries] = {
    stripe_recovers_it_and_some_is_refunded: Retries.WATCH,
    the_customer_pays_on_the_page_and_disputes_it: Retries.WATCH,
    the_merchant_voids_it: Retries.WATCH,
    we_are_refused_and_then_we_are_paid: Retries.OWN,
    we_are_refused_and_the_customer_pays: Retries.OWN,
}
# The events that say something; the last of each kind matters most when there are more than can be ordered.
TELLING = (
    "invoice.payment_failed",
    "payment_intent.payment_failed",
    "payment_method.attached",
    "customer.updated",
    "invoice.paid",
    "invoice.voided",
    "refund.created",
    "charge.dispute.created",
    "charge.dispute.closed",
)


def told(stage: Stage, history: History) -> list[StoredEvent]:
    """Play a history whose events are held, and return those that say something, seven at most."""
    stage.hold_events = True
    history(stage)
    stage.settle()
    stage.hold_events = False
    telling = [event for event in stage.held if event.type in TELLING]
    news = [event for event in telling if not says_nothing(event)]
    failures = [event for event in news if event.type.endswith("payment_failed")]
    rest = [event for event in news if event not in failures]
    return [*failures[: MOST - len(rest)], *rest][:MOST]


def says_nothing(event: StoredEvent) -> bool:
    return (
        event.type == "customer.updated" and '"delinquent"' in event.body.partition("previous_attributes")[2]
    )


@pytest.mark.heavy
@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_every_order_of_up_to_seven_events_ends_alike(
    switchboard: Switchboard, sqlite_url: str, tmp_path: Path, history: History
) -> None:
    with set_stage(switchboard, sqlite_url, tmp_path, retries=HISTORIES[history], messages=False) as stage:
        events = told(stage, history)
        assert len(events) >= 4
        direct(stage)
        orders = Orders(stage, tmp_path / "dunning.db", events)
        orders.explore()
        assert stage.laws_broken() == {}
    assert len(orders.ends) == 1, differences(orders.ends, events)


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__)
def test_orders_by_chance_played_from_the_start_end_alike(
    switchboard: Switchboard, sqlite_url: str, tmp_path: Path, history: History
) -> None:
    """The same without the short cut, so that the short cut hides nothing."""
    dice, ends = random.Random(7), {}
    with set_stage(switchboard, sqlite_url, tmp_path, retries=HISTORIES[history], messages=False) as stage:
        events = told(stage, history)
        direct(stage)
        orders = Orders(stage, tmp_path / "dunning.db", events)
        start = orders._save()
        for _ in range(SAMPLE // len(HISTORIES)):
            order = dice.sample(range(len(events)), len(events))
            again = sorted(order + dice.choices(range(len(events)), k=3), key=lambda _: dice.random())
            orders._load(start)
            ends[json.dumps(orders.play([*order, *again]))] = tuple(order)
    assert len(ends) == 1, differences(ends, events)
