"""Connected accounts: their objects are kept apart, and their events name them."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.gateway.listen import read_head
from dunning.sandbox import Sandbox

ACME: Any = {"stripe_account": "acct_acme"}


def test_an_account_sees_its_own_objects_only(client: stripe.StripeClient, control: Any) -> None:
    theirs = control("customer", account="acct_acme", fail="lost_card")
    ours = control("customer", fail="lost_card")
    assert client.v1.invoices.retrieve(theirs["invoice"], None, ACME).status == "open"
    assert [one.id for one in client.v1.invoices.list(None, ACME).data] == [theirs["invoice"]]
    assert [one.id for one in client.v1.invoices.list().data] == [ours["invoice"]]
    for object_id, options in ((theirs["invoice"], {}), (ours["invoice"], ACME)):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.invoices.retrieve(object_id, None, options)
        assert caught.value.code == "resource_missing"


def test_an_account_that_is_not_connected_is_refused(client: stripe.StripeClient, control: Any) -> None:
    with pytest.raises(stripe.PermissionError) as caught:
        client.v1.invoices.list(None, {"stripe_account": "acct_nobody"})
    assert caught.value.http_status == 403
    assert caught.value.json_body["error"]["code"] == "account_invalid"
    answer = httpx.post(f"{control.url}/_sandbox/customer", json={"account": "acme"})
    assert (answer.status_code, "write acct_" in answer.json()["error"]) == (400, True)


def test_events_name_the_account_and_leave_through_the_platform(sandbox: Sandbox, control: Any) -> None:
    control("set", payloads="both")
    control("customer", account="acct_acme", fail="lost_card")
    control("customer", fail="lost_card")
    heads = [read_head(event.body.encode()) for event in sandbox.world.outbox]
    assert {head.account_id for head in heads} == {"acct_acme", "self"}
    for event in sandbox.world.outbox:
        body = json.loads(event.body)
        told = body.get("account") if body["object"] == "event" else body["context"]
        assert told in {"acct_acme", None}


def test_the_same_key_in_two_accounts_is_two_charges(client: stripe.StripeClient, control: Any) -> None:
    theirs = control("customer", account="acct_acme", fail="do_not_honor", clears_after_hours=1)
    ours = control("customer", fail="do_not_honor", clears_after_hours=1)
    control("advance", seconds=3601)
    key = "v1:pay:same"
    assert client.v1.invoices.pay(theirs["invoice"], {}, {**ACME, "idempotency_key": key}).status == "paid"
    assert client.v1.invoices.pay(ours["invoice"], {}, {"idempotency_key": key}).status == "paid"


def test_a_connected_accounts_life_goes_on_by_itself(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    theirs = control("customer", account="acct_acme", fail="insufficient_funds", clears_after_hours=1)
    control("advance", seconds=timedelta(days=3).total_seconds())
    assert client.v1.invoices.retrieve(theirs["invoice"], None, ACME).status == "paid"
    assert control.books()[-1]["made_by"] == "stripe"
    assert sandbox.summary()["invoices"] == {"paid": 1}


def test_a_hosted_page_and_a_thin_events_context_find_the_account(
    sandbox: Sandbox, server: Any, control: Any
) -> None:
    control("set", payloads="thin")
    theirs = control("customer", account="acct_acme", fail="authentication_required")
    page = httpx.post(f"{server.url}/invoice/{theirs['invoice']}", data={"card": "on_file"})
    assert page.status_code == 200
    world = sandbox.accounts.named("acct_acme")
    assert world.tables["invoices"][theirs["invoice"]]["status"] == "paid"
    event = next(iter(world.thin_events))
    headers = {"Authorization": "Bearer sk_test_x", "Stripe-Context": "acct_platform/acct_acme"}
    assert httpx.get(f"{server.url}/v2/core/events/{event}", headers=headers).status_code == 200
