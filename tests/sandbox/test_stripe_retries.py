"""Stripe's own tries: where they go, what moves them, and whom they leave alone."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox
from dunning.sandbox.declines import NEVER_RETRIED_BY_STRIPE

DAY = 86400
IMMEDIATELY_UNPLANNED = {"authentication_required"}


def test_a_try_that_is_moved_is_told_and_made_when_it_says(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="insufficient_funds")
    before = client.v1.invoices.retrieve(made["invoice"]).next_payment_attempt
    moved = control("stripe_retries", invoice=made["invoice"], hours=5)["next_payment_attempt"]
    assert moved == int((clock.now() + timedelta(hours=5)).timestamp()) != before
    newest = next(reversed(sandbox.world.events.values()))
    assert (newest.type, f'"next_payment_attempt":{moved}' in newest.body) == ("invoice.updated", True)
    control("advance", seconds=5 * 3600 - 1)
    assert len(control.books()) == 1
    control("advance", seconds=1)
    assert [line["made_by"] for line in control.books()] == ["stripe", "stripe"]
    control("advance", seconds=DAY)
    assert client.v1.invoices.retrieve(made["invoice"]).attempt_count == len(control.books()), "none twice"


def test_at_once_means_now(client: stripe.StripeClient, sandbox: Sandbox, control: Any) -> None:
    made = control("customer", fail="insufficient_funds")
    control("stripe_retries", invoice=made["invoice"])
    sandbox.play()
    assert client.v1.invoices.retrieve(made["invoice"]).attempt_count == 2


@pytest.mark.parametrize("code", sorted(NEVER_RETRIED_BY_STRIPE))
def test_the_nine_codes_are_counted_and_never_sent(
    client: stripe.StripeClient, control: Any, code: str
) -> None:
    made = control("customer", fail=code)
    control("advance", seconds=15 * DAY)
    assert len(control.books()) == 1
    counted = client.v1.invoices.retrieve(made["invoice"]).attempt_count
    assert counted == (0 if code in IMMEDIATELY_UNPLANNED else 9)
    assert len(NEVER_RETRIED_BY_STRIPE) == 9


def test_cards_from_india_are_left_alone(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", country="IN")
    assert client.v1.invoices.retrieve(made["invoice"]).next_payment_attempt is None
    control("advance", seconds=15 * DAY)
    assert len(control.books()) == 1
    answer = httpx.post(f"{control.url}/_sandbox/stripe_retries", json={"invoice": made["invoice"]})
    assert (answer.status_code, "does not retry" in answer.json()["error"]) == (400, True)


def test_switched_off_nothing_is_retried(client: stripe.StripeClient, control: Any) -> None:
    control("set", smart_retries=False)
    made = control("customer", fail="insufficient_funds")
    control("advance", seconds=15 * DAY)
    invoice = client.v1.invoices.retrieve(made["invoice"])
    assert (invoice.attempt_count, invoice.next_payment_attempt, len(control.books())) == (1, None, 1)


def test_the_network_renews_a_card_when_told(client: stripe.StripeClient, control: Any) -> None:
    control("set", smart_retries=False)
    made = control("customer", fail="expired_card", updates_after_hours=24)
    other = control("customer", fail="expired_card")
    control("advance", seconds=DAY)
    control("update_card", payment_method=other["payment_method"])
    for ids in (made, other):
        assert client.v1.invoices.pay(ids["invoice"]).status == "paid"
        assert client.v1.payment_methods.retrieve(ids["payment_method"]).id == ids["payment_method"]
    assert [line["card_source"] for line in control.books()[-2:]] == ["updater", "updater"]
