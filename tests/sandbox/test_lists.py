from typing import Any

import pytest
import stripe

from dunning.sandbox import forms


def test_pages_are_newest_first_and_complete(client: stripe.StripeClient, control: Any) -> None:
    made = [control("customer", fail="lost_card")["invoice"] for _ in range(5)]
    page = client.v1.invoices.list({"limit": 2})
    assert [one.id for one in page.data] == made[:-3:-1]
    assert page.has_more
    assert [one.id for one in page.auto_paging_iter()] == made[::-1]
    back = client.v1.invoices.list({"ending_before": made[0], "limit": 2})
    assert [one.id for one in back.data] == [made[2], made[1]]


def test_lists_are_filtered(client: stripe.StripeClient, control: Any, clock: Any) -> None:
    paid, failed = control("customer"), control("customer", fail="lost_card")
    assert [one.id for one in client.v1.invoices.list({"status": "open"}).data] == [failed["invoice"]]
    mine = client.v1.invoices.list({"customer": paid["customer"]}).data
    assert [one.id for one in mine] == [paid["invoice"]]
    bills = client.v1.invoices.list({"subscription": failed["subscription"]}).data
    assert [one.id for one in bills] == [failed["invoice"]]
    future = int(clock.now().timestamp()) + 1
    assert client.v1.invoices.list({"created": {"gte": future}}).data == []
    linked = client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": failed["payment_intent"]}}
    ).data
    assert [one.invoice for one in linked] == [failed["invoice"]]


def test_a_limit_over_a_hundred_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.invoices.list({"limit": 101})
    assert caught.value.param == "limit"


def test_four_levels_expand_and_five_do_not(client: stripe.StripeClient, control: Any) -> None:
    invoice = control("customer", fail="insufficient_funds")["invoice"]
    plain = client.v1.invoices.retrieve(invoice).to_dict()
    assert "payments" not in plain
    deep = "payments.data.payment.payment_intent"
    full = client.v1.invoices.retrieve(invoice, {"expand": [deep, "customer"]}).to_dict()
    error = full["payments"]["data"][0]["payment"]["payment_intent"]["last_payment_error"]
    assert error["decline_code"] == "insufficient_funds"
    assert error["payment_method"]["card"]["fingerprint"]
    assert full["customer"]["object"] == "customer"
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        client.v1.invoices.retrieve(invoice, {"expand": [f"{deep}.latest_charge"]})
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        client.v1.invoices.retrieve(invoice, {"expand": ["nonsense"]})


def test_expansion_leaves_the_stored_object_alone(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", subscription_default=True)
    expanded = client.v1.subscriptions.retrieve(
        made["subscription"], {"expand": ["default_payment_method"]}
    ).to_dict()
    assert expanded["default_payment_method"]["id"] == made["payment_method"]
    again = client.v1.subscriptions.retrieve(made["subscription"])
    assert again.default_payment_method == made["payment_method"]


def test_an_empty_field_stays_empty_when_expanded(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer")
    sub = client.v1.subscriptions.retrieve(made["subscription"], {"expand": ["default_payment_method"]})
    assert sub.default_payment_method is None


def test_what_does_not_exist_is_missing(client: stripe.StripeClient, control: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.invoices.retrieve("in_nobody")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    made = control("customer")
    client.v1.customers.delete(made["customer"])
    assert client.v1.customers.retrieve(made["customer"]).to_dict()["deleted"] is True


def test_pausing_and_cancelling_a_subscription(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    paused = client.v1.subscriptions.update(
        made["subscription"], {"pause_collection": {"behavior": "keep_as_draft"}, "metadata": {"a": "b"}}
    )
    assert paused.pause_collection is not None
    assert (paused.pause_collection.behavior, paused.metadata["a"]) == ("keep_as_draft", "b")
    resumed = client.v1.subscriptions.update(made["subscription"], {"pause_collection": ""})
    assert resumed.pause_collection is None
    assert client.v1.subscriptions.cancel(made["subscription"]).status == "canceled"
    invoice = client.v1.invoices.retrieve(made["invoice"])
    assert (invoice.status, invoice.auto_advance) == ("open", False)


def test_the_account_answers_who_it_is(client: stripe.StripeClient) -> None:
    assert client.v1.accounts.retrieve_current().id.startswith("acct_")
    assert client.v1.billing_portal.configurations.list().data[0].is_default


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        ("a=1&b[c]=2&b[d]=3", {"a": "1", "b": {"c": "2", "d": "3"}}),
        ("e[]=x&e[]=y", {"e": ["x", "y"]}),
        ("e[0]=x&e[1]=y&e[10]=z", {"e": ["x", "y", "z"]}),
        ("a[b][0][c]=1", {"a": {"b": [{"c": "1"}]}}),
        ("a=&b=%5B", {"a": "", "b": "["}),
    ],
)
def test_stripes_form_encoding_is_read(encoded: str, decoded: dict[str, Any]) -> None:
    assert forms.parse(encoded) == decoded
