"""Bank debits process for days; some fail, and some come back after they had succeeded."""

from datetime import timedelta
from typing import Any

import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.gateway.shapes import read_failure
from dunning.sandbox import Sandbox
from dunning.sandbox.debit_shapes import DEBITS

DAY = 86400


def pay(client: stripe.StripeClient, invoice: str, ordinal: int = 1) -> stripe.Invoice:
    return client.v1.invoices.pay(invoice, {}, {"idempotency_key": f"v1:pay:self:{invoice}:{ordinal}"})


def outcomes(control: Any) -> list[tuple[str, str | None]]:
    return [(line["outcome"], line["decline_code"]) for line in control.books()]


@pytest.mark.parametrize("method", sorted(DEBITS))
def test_a_debit_leaves_the_invoice_open_for_days_and_then_pays_it(
    client: stripe.StripeClient, control: Any, method: str
) -> None:
    made = control("customer", debit=method)
    intent = client.v1.payment_intents.retrieve(made["payment_intent"], {"expand": ["latest_charge"]})
    assert (intent.status, intent.payment_method_types) == ("processing", [method])
    assert (intent.latest_charge.status, intent.latest_charge.payment_method_details.type) == (
        "pending",
        method,
    )
    assert client.v1.invoices.retrieve(made["invoice"]).status == "open"
    with pytest.raises(stripe.InvalidRequestError, match="processing"):
        pay(client, made["invoice"])
    control("advance", seconds=(DEBITS[method].settles - timedelta(hours=1)).total_seconds())
    assert client.v1.invoices.retrieve(made["invoice"]).status == "open"
    control("advance", seconds=3601)
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"
    assert outcomes(control) == [("processing", None), ("paid", None)]
    assert [line["kind"] for line in control.books()] == ["charge", "settlement"], "one attempt, two lines"


def test_pay_answers_an_open_invoice_and_the_bank_says_no_days_later(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    control("set", smart_retries=False)
    made = control("customer", debit="sepa_debit", fail="insufficient_funds")
    control("advance", seconds=5 * DAY)
    assert pay(client, made["invoice"]).status == "open"
    assert client.v1.invoices.retrieve(made["invoice"]).attempt_count == 1
    control("advance", seconds=5 * DAY)
    assert [outcome for outcome, _ in outcomes(control)] == ["processing", "declined"] * 2
    intent = client.v1.payment_intents.retrieve(made["payment_intent"])
    assert intent.status == "requires_payment_method"
    error = intent.last_payment_error
    assert error is not None
    assert (error.code, "decline_code" in error) == ("insufficient_funds", False)
    assert read_failure(error.to_dict()).decline.code == "insufficient_funds"
    types = [event.type for event in sandbox.world.events.values()]
    assert types.count("invoice.payment_failed") == types.count("charge.failed") == 2


def test_an_account_that_fills_up_while_the_debit_processes_pays_it(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", debit="us_bank_account", fail="insufficient_funds", clears_after_hours=48)
    control("advance", seconds=4 * DAY)
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"


def test_a_debit_settles_early_or_fails_when_told(client: stripe.StripeClient, control: Any) -> None:
    control("set", smart_retries=False)
    failing = control("customer", debit="bacs_debit")
    assert control("settle", invoice=failing["invoice"], code="account_closed")["status"] == "open"
    paying = control("customer", debit="bacs_debit", settles_after_hours=1)
    control("advance", seconds=3601)
    assert client.v1.invoices.retrieve(paying["invoice"]).status == "paid"
    control("advance", seconds=9 * DAY)
    assert client.v1.invoices.retrieve(failing["invoice"]).status == "open", "it is not settled twice"


def test_a_bank_that_takes_a_debit_back_makes_a_dispute_nobody_can_win(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", debit="us_bank_account", returns_after_hours=48, return_code="account_closed")
    control("advance", seconds=6 * DAY + 1)
    [dispute] = client.v1.disputes.list().data
    assert (dispute.status, dispute.reason) == ("lost", "incorrect_account_details")
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid", "as Stripe leaves it"
    line = control.books()[-1]
    assert (line["kind"], line["amount"], line["decline_code"]) == ("dispute", 2900, "account_closed")
    [mandate] = sandbox.world.tables["mandates"].values()
    assert client.v1.mandates.retrieve(mandate["id"]).status == "inactive"
    again = control("customer", debit="sepa_debit")
    control("settle", invoice=again["invoice"])
    dispute = client.v1.disputes.retrieve(control("return_debit", invoice=again["invoice"])["dispute"])
    assert dispute.reason == "insufficient_funds"
    assert sum(one.amount for one in dispute.balance_transactions) == -2900


def test_without_a_mandate_a_debit_fails_at_once(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", debit="au_becs_debit", fail="insufficient_funds")
    control("settle", invoice=made["invoice"])
    control("revoke_mandate", payment_method=made["payment_method"])
    with pytest.raises(stripe.CardError) as caught:
        pay(client, made["invoice"])
    assert caught.value.code == "debit_not_authorized"


def test_stripes_own_try_waits_while_a_payment_is_processing(
    clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", debit="sepa_debit", fail="insufficient_funds", settles_after_hours=1)
    control("advance", seconds=3601)
    assert client.v1.invoices.retrieve(made["invoice"]).next_payment_attempt is not None
    sandbox_pays = pay(client, made["invoice"])
    control("stripe_retries", invoice=made["invoice"])
    control("advance", seconds=1)
    assert sandbox_pays.status == "open"
    following = client.v1.invoices.retrieve(made["invoice"]).next_payment_attempt
    assert following == int((clock.now() + timedelta(days=1)).timestamp()) - 1
    assert [line["made_by"] for line in control.books()] == ["stripe", "stripe", "dunning"]
