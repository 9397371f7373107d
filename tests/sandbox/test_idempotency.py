import threading
from typing import Any

import httpx
import pytest
import stripe

DAY = 86400


def pay(client: stripe.StripeClient, invoice: str, key: str = "v1:pay:self:x:1", **params: Any) -> Any:
    return client.v1.invoices.pay(invoice, {"off_session": True, **params}, {"idempotency_key": key})


def post(url: str, path: str, key: str, body: str = "") -> httpx.Response:
    headers = {
        "Authorization": "Bearer sk_test_x",
        "Idempotency-Key": key,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return httpx.post(f"{url}{path}", content=body, headers=headers, timeout=30)


def test_a_replayed_decline_is_the_same_answer_and_no_new_charge(server: Any, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    path = f"/v1/invoices/{made['invoice']}/pay"
    first = post(server.url, path, "k")
    control("advance", seconds=3600 * 2)
    again = post(server.url, path, "k")
    assert (again.status_code, again.content) == (402, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Request-Id"] != first.headers["Request-Id"]
    assert len(control.books()) == 2


def test_a_key_executes_again_after_a_day(server: Any, control: Any) -> None:
    made = control("customer", fail="do_not_honor")
    path = f"/v1/invoices/{made['invoice']}/pay"
    post(server.url, path, "k")
    before = len(control.books())
    control("set", smart_retries=False)
    control("advance", seconds=DAY)
    assert "Idempotent-Replayed" not in post(server.url, path, "k").headers
    ours = [line for line in control.books()[before:] if line["idempotency_key"] == "k"]
    assert len(ours) == 1


def test_a_key_with_other_parameters_is_an_idempotency_error(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="do_not_honor", backup=True)
    with pytest.raises(stripe.CardError):
        pay(client, made["invoice"])
    with pytest.raises(stripe.IdempotencyError):
        pay(client, made["invoice"], payment_method=made["backup_payment_method"])


def test_a_key_in_flight_is_a_409(client: stripe.StripeClient, server: Any, control: Any) -> None:
    made = control("customer", fail="insufficient_funds")
    control("hold", when="before")
    path = f"/v1/invoices/{made['invoice']}/pay"
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(post(server.url, path, "k")))
    waiting.start()
    until_held(server.url, 1)
    second = post(server.url, path, "k")
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert len(control.books()) == 1, "the effect waits as well"
    assert control("release")["released"] == 1
    waiting.join(10)
    assert answers[0].status_code == 402
    assert len(control.books()) == 2


def until_held(url: str, count: int) -> None:
    for _ in range(500):
        if httpx.get(f"{url}/_sandbox/summary").json()["held"] == count:
            return
    raise AssertionError("the request was never held")


def test_an_answer_held_after_the_effect_is_found_by_its_key(server: Any, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    control("advance", seconds=3601)
    control("hold")
    path = f"/v1/invoices/{made['invoice']}/pay"
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(post(server.url, path, "k")))
    waiting.start()
    until_held(server.url, 1)
    replay = post(server.url, path, "k")
    assert (replay.status_code, replay.json()["status"]) == (200, "paid")
    control("release")
    waiting.join(10)
    assert answers[0].content == replay.content
    assert [line["outcome"] for line in control.books()] == ["declined", "paid"]


@pytest.mark.parametrize(("when", "charges"), [("before", 1), ("after", 2)])
def test_a_500_is_replayed_whatever_happened(server: Any, control: Any, when: str, charges: int) -> None:
    made = control("customer", fail="do_not_honor")
    control("fault", status=500, when=when)
    path = f"/v1/invoices/{made['invoice']}/pay"
    first, again = post(server.url, path, "k"), post(server.url, path, "k")
    assert (first.status_code, again.status_code) == (500, 500)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert len(control.books()) == charges


def test_a_lock_timeout_is_not_saved(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    control("advance", seconds=3601)
    control("fault", status=429, code="lock_timeout")
    with pytest.raises(stripe.RateLimitError) as caught:
        pay(client, made["invoice"])
    assert caught.value.error is not None
    assert caught.value.error.code == "lock_timeout"
    assert pay(client, made["invoice"]).status == "paid"


def test_a_validation_error_is_not_saved(server: Any, control: Any) -> None:
    made = control("customer", fail="do_not_honor")
    path = f"/v1/invoices/{made['invoice']}"
    assert post(server.url, path, "k", "nonsense=1").status_code == 400
    assert post(server.url, path, "k", "metadata[a]=b").status_code == 200


@pytest.mark.parametrize(("when", "charges"), [("before", 1), ("after", 2)])
def test_a_broken_connection_is_a_connection_error(
    client: stripe.StripeClient, control: Any, when: str, charges: int
) -> None:
    made = control("customer", fail="do_not_honor")
    control("fault", drop=True, when=when)
    with pytest.raises(stripe.APIConnectionError):
        pay(client, made["invoice"])
    assert len(control.books()) == charges
    with pytest.raises(stripe.CardError):
        pay(client, made["invoice"])
    assert len(control.books()) == 2


def test_a_forced_402_declines_for_real(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="insufficient_funds", clears_after_hours=1)
    control("advance", seconds=3601)
    control("fault", status=402, decline_code="call_issuer")
    with pytest.raises(stripe.CardError) as caught:
        pay(client, made["invoice"])
    assert caught.value.error is not None
    assert caught.value.error.decline_code == "call_issuer"
    assert control.books()[-1]["decline_code"] == "call_issuer"
