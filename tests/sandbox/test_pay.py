from typing import Any

import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox

DAY = 86400


def pay(client: stripe.StripeClient, invoice: str, ordinal: int = 1, **params: Any) -> stripe.Invoice:
    key = f"v1:pay:self:{invoice}:{ordinal}"
    return client.v1.invoices.pay(invoice, {"off_session": True, **params}, {"idempotency_key": key})


def test_a_declined_charge_carries_every_code(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", brand="mastercard", network_advice_code="24")
    with pytest.raises(stripe.CardError) as caught:
        pay(client, made["invoice"])
    error = caught.value.error
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    assert error is not None
    assert error.decline_code == "insufficient_funds"
    assert error.advice_code == "try_again_later"
    assert (error.network_advice_code, error.network_decline_code) == ("24", "51")
    assert error.charge is not None
    assert error.charge.startswith("ch_")
    assert error.payment_intent["id"] == made["payment_intent"]
    assert error.payment_method["id"] == made["payment_method"]


def test_money_that_arrives_is_collected_and_credited_to_our_retry(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=24)
    control("advance", seconds=DAY + 1)
    paid = pay(client, made["invoice"])
    assert (paid.status, paid.amount_remaining, paid.amount_paid) == ("paid", 0, 2900)
    first, last = control.books()
    assert (first["made_by"], first["outcome"], first["credited_to"]) == ("stripe", "declined", None)
    assert (last["made_by"], last["outcome"], last["credited_to"]) == ("dunning", "paid", "our_retry")
    assert last["idempotency_key"] == f"v1:pay:self:{made['invoice']}:1"


def test_a_paid_invoice_refuses_without_a_code(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer")
    with pytest.raises(stripe.InvalidRequestError, match="already paid") as caught:
        pay(client, made["invoice"])
    assert (caught.value.http_status, caught.value.code) == (400, None)
    assert len(control.books()) == 1


def test_a_void_invoice_refuses(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    client.v1.invoices.void_invoice(made["invoice"])
    with pytest.raises(stripe.InvalidRequestError, match="void"):
        pay(client, made["invoice"])


def test_authentication_is_asked_for_with_its_own_code(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="authentication_required")
    with pytest.raises(stripe.CardError) as caught:
        pay(client, made["invoice"])
    assert caught.value.code == "invoice_payment_intent_requires_action"
    intent = client.v1.payment_intents.retrieve(made["payment_intent"])
    assert intent.status == "requires_action"
    assert client.v1.invoices.retrieve(made["invoice"]).next_payment_attempt is None


def test_a_processing_payment_leaves_the_invoice_open_until_it_settles(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="processing")
    assert client.v1.payment_intents.retrieve(made["payment_intent"]).status == "processing"
    assert client.v1.invoices.retrieve(made["invoice"]).status == "open"
    with pytest.raises(stripe.InvalidRequestError, match="processing"):
        pay(client, made["invoice"])
    control("advance", seconds=DAY + 1)
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"


def test_a_backup_card_pays_without_becoming_the_default(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card", backup=True)
    paid = pay(client, made["invoice"], payment_method=made["backup_payment_method"])
    assert paid.status == "paid"
    line = control.books()[-1]
    assert (line["card_source"], line["credited_to"]) == ("backup", "backup_card")
    owner = client.v1.customers.retrieve(made["customer"])
    assert owner.invoice_settings is not None
    assert owner.invoice_settings.default_payment_method == made["payment_method"]


def test_a_card_of_somebody_else_is_refused(client: stripe.StripeClient, control: Any) -> None:
    made, other = control("customer", fail="lost_card"), control("customer")
    with pytest.raises(stripe.InvalidRequestError, match="does not belong"):
        pay(client, made["invoice"], payment_method=other["payment_method"])


def test_the_merchant_is_told_from_us_by_the_key(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="processing_error", clears_after_hours=1)
    control("advance", seconds=3601)
    client.v1.invoices.pay(made["invoice"])
    line = control.books()[-1]
    assert (line["made_by"], line["credited_to"]) == ("merchant", "merchant")


def test_money_from_outside_pays_without_a_charge(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    charges = len(client.v1.charges.list({"customer": made["customer"]}).data)
    assert client.v1.invoices.pay(made["invoice"], {"paid_out_of_band": True}).status == "paid"
    assert len(client.v1.charges.list({"customer": made["customer"]}).data) == charges
    line = control.books()[-1]
    assert (line["kind"], line["credited_to"]) == ("out_of_band", "out_of_band")


def test_stripe_retries_for_two_weeks_and_then_cancels(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds")
    assert client.v1.invoices.retrieve(made["invoice"]).next_payment_attempt is not None
    control("advance", seconds=15 * DAY)
    lines = control.books()
    assert [line["made_by"] for line in lines] == ["stripe"] * 9
    invoice = client.v1.invoices.retrieve(made["invoice"])
    assert (invoice.status, invoice.attempt_count, invoice.next_payment_attempt) == ("open", 9, None)
    subscription = client.v1.subscriptions.retrieve(made["subscription"])
    assert subscription.status == "canceled"
    assert subscription.cancellation_details is not None
    assert subscription.cancellation_details.reason == "payment_failed"


def test_stripe_never_sends_a_hard_code_again_on_the_same_card(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="stolen_card")
    control("advance", seconds=8 * DAY)
    assert len(control.books()) == 1
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": made["customer"]})
    client.v1.customers.update(made["customer"], {"invoice_settings": {"default_payment_method": card.id}})
    control("advance", seconds=3 * DAY)
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"
    assert control.books()[-1]["credited_to"] == "stripe_retry"


def test_auto_advance_off_hands_the_invoice_to_us(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds")
    answer = client.v1.invoices.update(made["invoice"], {"auto_advance": False})
    assert (answer.auto_advance, answer.next_payment_attempt) == (False, None)
    control("advance", seconds=20 * DAY)
    assert len(control.books()) == 1
    assert client.v1.subscriptions.retrieve(made["subscription"]).status == "past_due"


def test_our_failures_do_not_move_stripes_count(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="do_not_honor")
    client.v1.invoices.update(made["invoice"], {"auto_advance": False})
    for ordinal in (1, 2):
        with pytest.raises(stripe.CardError):
            pay(client, made["invoice"], ordinal)
    assert client.v1.invoices.retrieve(made["invoice"]).attempt_count == 1


def test_a_subscription_default_shadows_the_customers_new_card(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="lost_card", subscription_default=True)
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": made["customer"]})
    client.v1.customers.update(made["customer"], {"invoice_settings": {"default_payment_method": card.id}})
    with pytest.raises(stripe.CardError):
        pay(client, made["invoice"], 1)
    client.v1.subscriptions.update(made["subscription"], {"default_payment_method": card.id})
    assert pay(client, made["invoice"], 2).status == "paid"


def test_a_written_off_invoice_can_still_be_paid(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    client.v1.invoices.mark_uncollectible(made["invoice"])
    control("advance", seconds=3601)
    assert pay(client, made["invoice"]).status == "paid"


def test_only_test_keys_open_the_door(server: Any) -> None:
    for key in ("sk_live_1", "whatever"):
        stranger = stripe.StripeClient(key, base_addresses={"api": server.url})
        with pytest.raises(stripe.AuthenticationError):
            stranger.v1.invoices.list()


def test_an_unknown_parameter_is_named(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    with pytest.raises(stripe.InvalidRequestError) as caught:
        pay(client, made["invoice"], retry_harder="yes")
    assert (caught.value.code, caught.value.param) == ("parameter_unknown", "retry_harder")


def test_a_credit_note_for_the_rest_settles_an_open_invoice(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="lost_card")
    client.v1.credit_notes.create({"invoice": made["invoice"], "amount": 2900})
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"


def test_refunds_and_disputes_are_in_the_books_and_on_the_balance(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer")
    intent = client.v1.payment_intents.retrieve(made["payment_intent"])
    client.v1.refunds.create({"payment_intent": intent.id, "amount": 900})
    control("dispute", invoice=made["invoice"])
    assert [(line["kind"], line["amount"]) for line in control.books()] == [
        ("charge", 2900),
        ("refund", 900),
        ("dispute", 2900),
    ]
    moved = client.v1.balance_transactions.list().data
    assert sorted(one.amount for one in moved) == [-2900, -900, 2900]
    with pytest.raises(stripe.InvalidRequestError, match="left to refund"):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": 2001})


def test_the_network_renews_a_card_under_the_same_id(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="expired_card")
    sandbox.world.schedule(clock.now(), "update_card", pm=made["payment_method"])
    sandbox.play()
    assert pay(client, made["invoice"]).status == "paid"
    line = control.books()[-1]
    assert (line["card_source"], line["credited_to"]) == ("updater", "account_updater")


def test_a_first_invoice_that_fails_leaves_the_subscription_incomplete(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", reason="subscription_create", fail="do_not_honor", clears_after_hours=1)
    invoice = client.v1.invoices.retrieve(made["invoice"])
    assert (invoice.billing_reason, invoice.status) == ("subscription_create", "open")
    assert client.v1.subscriptions.retrieve(made["subscription"]).status == "incomplete"
    control("advance", seconds=3601)
    pay(client, made["invoice"])
    assert client.v1.subscriptions.retrieve(made["subscription"]).status == "active"


def test_without_a_card_nothing_reaches_the_network(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", card=False)
    invoice = client.v1.invoices.retrieve(made["invoice"])
    assert (invoice.status, invoice.attempted, invoice.next_payment_attempt) == ("open", True, None)
    assert control.books() == []
    with pytest.raises(stripe.InvalidRequestError, match="no payment method") as caught:
        pay(client, made["invoice"])
    assert caught.value.code is None


@pytest.mark.parametrize(
    ("fail", "told_as", "kind", "reason", "status"),
    [
        ("generic_decline", "generic_decline", "issuer_declined", "generic_decline", "declined_by_network"),
        ("fraudulent", "fraudulent", "blocked", "highest_risk_level", "not_sent_to_network"),
        ("rule", "generic_decline", "blocked", "rule", "not_sent_to_network"),
    ],
)
def test_only_the_charge_tells_a_block_from_the_banks_no(
    client: stripe.StripeClient, control: Any, fail: str, told_as: str, kind: str, reason: str, status: str
) -> None:
    made = control("customer", fail=fail)
    with pytest.raises(stripe.CardError) as caught:
        pay(client, made["invoice"])
    error = caught.value.error
    assert error is not None
    assert error.decline_code == told_as
    assert (error.network_decline_code is not None) is (kind == "issuer_declined")
    outcome = client.v1.charges.retrieve(str(error.charge)).outcome
    assert outcome is not None
    assert (outcome.type, outcome.reason, outcome.network_status) == (kind, reason, status)


def test_a_bank_debit_has_a_fingerprint_and_no_brand(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", debit="sepa_debit")
    found = client.v1.payment_methods.retrieve(made["payment_method"])
    assert found.type == "sepa_debit"
    assert found.sepa_debit is not None
    assert found.sepa_debit.fingerprint
    assert "card" not in found
