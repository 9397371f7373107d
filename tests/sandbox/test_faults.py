"""What an API does when it is not well: doors that are shut, garbled answers, and effects that come late."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox

KEY = "v1:pay:self:x:1"


def pay(client: stripe.StripeClient, invoice: str) -> stripe.Invoice:
    return client.v1.invoices.pay(invoice, {}, {"idempotency_key": KEY})


@pytest.fixture
def ready(control: Any) -> str:
    """An invoice whose next charge would be paid."""
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    control("set", smart_retries=False)
    control("advance", seconds=3601)
    return str(made["invoice"])


def test_an_effect_comes_up_to_150_seconds_after_the_connection_broke(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any, ready: str
) -> None:
    control("fault", late_seconds=150)
    with pytest.raises(stripe.APIConnectionError):
        pay(client, ready)
    clock.advance_to(clock.now() + timedelta(seconds=149))
    sandbox.play()
    assert client.v1.invoices.retrieve(ready).status == "open"
    with pytest.raises(stripe.APIError) as caught:
        pay(client, ready)
    assert caught.value.http_status == 409, "the key is in flight until then"
    clock.advance_to(clock.now() + timedelta(seconds=1))
    sandbox.play()
    assert pay(client, ready).status == "paid", "and replays the answer from then on"
    assert [line["outcome"] for line in control.books()] == ["declined", "paid"]


def test_a_late_decline_is_replayed_too(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="do_not_honor")
    control("fault", late_seconds=60)
    with pytest.raises(stripe.APIConnectionError):
        pay(client, made["invoice"])
    clock.advance_to(clock.now() + timedelta(seconds=60))
    sandbox.play()
    with pytest.raises(stripe.CardError):
        pay(client, made["invoice"])
    assert len(control.books()) == 2


def test_a_late_effect_that_is_refused_leaves_the_key_free(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="do_not_honor")
    control("fault", late_seconds=60)
    with pytest.raises(stripe.APIConnectionError):
        client.v1.invoices.pay(made["invoice"], {"payment_method": "pm_none"}, {"idempotency_key": KEY})
    clock.advance_to(clock.now() + timedelta(seconds=60))
    sandbox.play()
    with pytest.raises(stripe.CardError):
        pay(client, made["invoice"])


@pytest.mark.parametrize(
    ("status", "raised"),
    [(401, stripe.AuthenticationError), (403, stripe.PermissionError), (429, stripe.RateLimitError)],
)
def test_a_shut_door_comes_before_the_key(
    client: stripe.StripeClient, control: Any, ready: str, status: int, raised: type[Exception]
) -> None:
    assert pay(client, ready).status == "paid"
    control("fault", status=status)
    with pytest.raises(raised):
        pay(client, ready)
    assert pay(client, ready).status == "paid", "the answer is still kept"
    assert len(control.books()) == 2


def test_a_503_is_a_503(server: Any, control: Any, ready: str) -> None:
    control("fault", status=503)
    headers = {"Authorization": "Bearer sk_test_x", "Idempotency-Key": "k"}
    url = f"{server.url}/v1/invoices/{ready}/pay"
    assert [httpx.post(url, headers=headers).status_code for _ in range(2)] == [503, 503]


@pytest.mark.parametrize(("garble", "status"), [("html", 502), ("empty", 200)])
def test_a_proxy_that_answers_in_stripes_place_leaves_the_outcome_unknown(
    client: stripe.StripeClient, control: Any, ready: str, garble: str, status: int
) -> None:
    control("fault", garble=garble, when="after")
    with pytest.raises(stripe.APIError) as caught:
        pay(client, ready)
    assert caught.value.http_status == status
    assert pay(client, ready).status == "paid"
    assert len(control.books()) == 2, "it had taken effect"


def test_a_fault_that_cannot_be_is_refused(control: Any) -> None:
    for given in ({"status": 200}, {"times": 0}, {"when": "later"}, {"late_seconds": -1}):
        assert httpx.post(f"{control.url}/_sandbox/fault", json=given).status_code == 400
