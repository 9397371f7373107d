"""What customers and merchants do when they are told to."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox


def refused(control: Any, action: str, **given: Any) -> str:
    answer = httpx.post(f"{control.url}/_sandbox/{action}", json=given)
    assert answer.status_code == 400
    return str(answer.json()["error"])


def test_a_customer_confirms_on_the_hosted_page(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="authentication_required")
    types = [event.type for event in sandbox.world.events.values()]
    assert "invoice.payment_action_required" in types
    assert "invoice.payment_failed" not in types
    assert control("pay", invoice=made["invoice"]) == {"paid": True}
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"
    assert control.books()[-1]["credited_to"] == "customer_payment"
    assert "it cannot be paid" in refused(control, "pay", invoice=made["invoice"])


def test_a_card_on_file_that_is_still_declined_does_not_pay_but_another_one_does(control: Any) -> None:
    made = control("customer", fail="lost_card")
    assert control("pay", invoice=made["invoice"]) == {"paid": False}
    assert control("pay", invoice=made["invoice"], card="new") == {"paid": True}


@pytest.mark.parametrize(
    ("via", "default", "credited"),
    [
        ("portal", True, "customer_card_update"),
        ("checkout", False, "our_retry"),
        ("api", True, "our_retry"),
    ],
)
def test_a_card_is_changed_where_it_is_said(
    client: stripe.StripeClient, control: Any, via: str, default: str, credited: str
) -> None:
    made = control("customer", fail="do_not_honor", clears_after_hours=1)
    card = control("change_card", customer=made["customer"], via=via)["payment_method"]
    owner = client.v1.customers.retrieve(made["customer"])
    assert owner.invoice_settings is not None
    assert (owner.invoice_settings.default_payment_method == card) is default
    control("set", smart_retries=False)
    control("advance", seconds=3601)
    client.v1.invoices.pay(made["invoice"], {}, {"idempotency_key": "v1:pay:self:x:1"})
    assert control.books()[-1]["credited_to"] == credited


def test_a_changed_card_may_fail_too(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    control("change_card", customer=made["customer"], fail="insufficient_funds")
    with pytest.raises(stripe.CardError) as caught:
        client.v1.invoices.pay(made["invoice"])
    assert caught.value.error is not None
    assert caught.value.error.decline_code == "insufficient_funds"


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("void", "void", "void"),
        ("write_off", "uncollectible", "charge"),
        ("pay_out_of_band", "paid", "out_of_band"),
    ],
)
def test_a_merchant_settles_an_open_invoice(
    client: stripe.StripeClient, control: Any, action: str, status: str, kind: str
) -> None:
    made = control("customer", fail="lost_card")
    assert control(action, invoice=made["invoice"]) == {"status": status}
    assert client.v1.invoices.retrieve(made["invoice"]).status == status
    assert control.books()[-1]["kind"] == kind
    assert f"the invoice is {status}" in refused(control, action, invoice=made["invoice"])


def test_a_merchant_charges_by_hand(control: Any) -> None:
    made = control("customer", fail="do_not_honor", clears_after_hours=1)
    assert control("charge", invoice=made["invoice"]) == {"outcome": "declined"}
    control("set", smart_retries=False)
    control("advance", seconds=3601)
    assert control("charge", invoice=made["invoice"]) == {"outcome": "paid"}
    assert control.books()[-1]["credited_to"] == "merchant"
    bare = control("customer", card=False)
    assert "there is no card" in refused(control, "charge", invoice=bare["invoice"])


def test_a_merchant_cancels_and_deletes(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="do_not_honor")
    assert control("cancel", customer=made["customer"]) == {"cancelled": 1}
    assert client.v1.subscriptions.retrieve(made["subscription"]).status == "canceled"
    control("delete_customer", customer=made["customer"])
    assert getattr(client.v1.customers.retrieve(made["customer"]), "deleted", False)


def test_an_unpaid_subscription_bills_drafts_that_can_be_finalized(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    control("set", final_subscription="unpaid")
    made = control("customer", fail="insufficient_funds", clears_after_hours=20 * 24)
    control("advance", seconds=timedelta(days=20).total_seconds())
    assert client.v1.subscriptions.retrieve(made["subscription"]).status == "unpaid"
    draft = control("bill", subscription=made["subscription"])["invoice"]
    assert client.v1.invoices.retrieve(draft).status == "draft"
    assert "not paid by a charge" in refused(control, "refund", invoice=draft)
    assert "no payment of this invoice" in refused(control, "settle", invoice=draft)
    client.v1.invoices.finalize_invoice(draft, {"auto_advance": True})
    sandbox.play()
    assert client.v1.invoices.retrieve(draft).status == "paid"


def test_a_crowd_lives_beside_the_story(sandbox: Sandbox, control: Any) -> None:
    control("populate", customers=12, days=40)
    control("advance", seconds=timedelta(days=31).total_seconds())
    assert sandbox.summary()["customers"] == 12
    assert len(control.books()) >= 12


def test_who_does_not_read_mail_never_clicks(sandbox: Sandbox, clock: VirtualClock, control: Any) -> None:
    readers = [control("customer", fail="lost_card", reads_mail=reads) for reads in (True, False)]
    control("set", smart_retries=False)
    for ids in readers:
        for _ in range(30):
            control("mail", to=ids["email"], text="Pay at http://127.0.0.1:1/pay/token", subject="Your card")
    clicks = [details["customer"] for _, _, what, details in sandbox.world._agenda if what == "click"]
    assert set(clicks) == {readers[0]["customer"]}


@pytest.mark.parametrize(
    ("action", "given", "says"),
    [
        ("refund", {"invoice": "in_none"}, "there is no 'in_none'"),
        ("refund", {"invoice": "debit"}, "has to name the invoice: it is a payment_method"),
        ("settle", {"invoice": "paid"}, "no payment of this invoice is processing"),
        ("return_debit", {"invoice": "paid"}, "only debits are returned"),
        ("refund", {"invoice": "paid", "amount": 9999}, "2900 of this charge are left"),
        ("credit", {"invoice": "paid", "amount": 9999}, "the invoice still bears 2900"),
        ("update_card", {"payment_method": "debit"}, "only cards are renewed"),
    ],
)
def test_what_cannot_be_done_says_why(control: Any, action: str, given: dict[str, Any], says: str) -> None:
    known = {
        "paid": control("customer")["invoice"],
        "debit": control("customer", debit="sepa_debit")["payment_method"],
    }
    assert says in refused(
        control, action, **{name: known.get(value, value) for name, value in given.items()}
    )
