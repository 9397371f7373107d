"""Diaries of a customer with two cards, where the policy lets us use one of them alone."""

from typing import Any

import pytest
from flows.every_event import Body, deliver
from flows.test_rarer_events import snapshot, thin
from scenarios.stage import Stage
from scenarios.test_backup_cards import used_cards

from dunning.core.vocabulary import Status
from dunning.sandbox import billing


def second_subscription(stage: Stage, ids: dict[str, Any]) -> Body:
    """Return another subscription of the customer, which is paid with the other card."""
    other = {
        "id": "sub_other",
        "default_payment_method": ids["backup_payment_method"],
        "latest_invoice": None,
    }
    made = stage.subscription(ids) | other
    stage.sandbox.world.tables["subscriptions"]["sub_other"] = made
    return made


def shadowed_default(stage: Stage) -> dict[str, Any]:
    """Bill a subscription with a lost card of its own, while the customer's default is another card."""
    robin = stage.sandbox.customer(
        fail="lost_card", country="GB", backup=True, subscription_default=True, bill=False
    )
    settings = {"invoice_settings[default_payment_method]": robin["backup_payment_method"]}
    stage.merchant("POST", f"/v1/customers/{robin['customer']}", **settings)
    stage.settle()
    with stage.sandbox.world.lock:
        billing.bill(stage.sandbox.world, robin["subscription"], 5, again=False)
    stage.settle()
    return robin | {"invoice": stage.subscription(robin)["latest_invoice"]}


@pytest.mark.parametrize("shape", ["snapshot", "thin"])
def test_news_of_another_subscription_charges_nothing_to_its_card(stage: Stage, shape: str) -> None:
    # Monday: a lost card; the customer's other subscription is paid with another card.
    robin = stage.fails("lost_card", backup=True)
    other = second_subscription(stage, robin)

    # On Tuesday the other subscription's trial ends; its card is as it was.
    told = snapshot("customer.subscription.updated", other)
    told["data"]["previous_attributes"] = {"status": "trialing"}
    if shape == "thin":
        told = thin("customer.subscription.active", "subscription", other["id"])
    stage.pass_time(days=1)
    for _ in range(2):
        deliver(stage, told)
        stage.settle()
    assert used_cards(stage, robin) == [robin["payment_method"]]
    assert stage.recovery(robin).status is Status.WAITING


@pytest.mark.parametrize("shape", ["snapshot", "thin"])
def test_another_name_of_the_customer_charges_nothing_to_the_default_card(stage: Stage, shape: str) -> None:
    robin = shadowed_default(stage)
    assert stage.recovery(robin).status is Status.WAITING
    owner = stage.sandbox.world.tables["customers"][robin["customer"]]
    told = snapshot("customer.updated", owner)
    told["data"]["previous_attributes"] = {"name": "Robin"}
    if shape == "thin":
        told = thin("customer.updated", "customer", robin["customer"])
    deliver(stage, told)
    stage.settle()
    assert used_cards(stage, robin) == [robin["payment_method"]]
    assert stage.recovery(robin).status is Status.WAITING


@pytest.mark.parametrize("shape", ["snapshot", "thin"])
def test_a_card_that_the_customer_makes_the_default_is_tried_at_once(stage: Stage, shape: str) -> None:
    robin = stage.fails("lost_card", backup=True)
    owner = stage.sandbox.world.tables["customers"][robin["customer"]]
    before = owner["invoice_settings"]
    owner["invoice_settings"] = before | {"default_payment_method": robin["backup_payment_method"]}
    told = snapshot("customer.updated", owner)
    told["data"]["previous_attributes"] = {"invoice_settings": before}
    if shape == "thin":
        told = thin("customer.updated", "customer", robin["customer"])
    deliver(stage, told)
    stage.settle()
    assert used_cards(stage, robin) == [robin["payment_method"], robin["backup_payment_method"]]
    assert stage.recovery(robin).status is Status.RECOVERED
