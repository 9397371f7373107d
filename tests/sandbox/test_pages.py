"""The pages a customer sees, and customers who find their way there from a mail."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox


def portal(client: stripe.StripeClient, customer: str) -> str:
    redirect = {"type": "redirect", "redirect": {"return_url": "http://shop.invalid/done"}}
    session = client.v1.billing_portal.sessions.create(
        {"customer": customer, "flow_data": {"type": "payment_method_update", "after_completion": redirect}}
    )
    return str(session.url)


def events_of(client: stripe.StripeClient) -> list[str]:
    return [event.type for event in reversed(client.v1.events.list({"limit": 100}).data)]


def test_the_portal_saves_a_card_makes_it_the_default_and_returns(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="lost_card")
    url = portal(client, made["customer"])
    page = httpx.get(url)
    assert (page.status_code, "Simulation" in page.text) == (200, True)
    answer = httpx.post(url, data={"card": "works"})
    assert (answer.status_code, answer.headers["location"]) == (303, "http://shop.invalid/done")
    owner = client.v1.customers.retrieve(
        made["customer"], {"expand": ["invoice_settings.default_payment_method"]}
    ).to_dict()
    default = owner["invoice_settings"]["default_payment_method"]
    assert (default["object"], default["customer"]) == ("payment_method", made["customer"])
    assert default["id"] != made["payment_method"]
    assert events_of(client)[-4:] == [
        "billing_portal.session.created",
        "setup_intent.succeeded",
        "payment_method.attached",
        "customer.updated",
    ]
    paid = client.v1.invoices.pay(made["invoice"], {}, {"idempotency_key": "v1:pay:self:x:1"})
    assert paid.status == "paid"
    line = control.books()[-1]
    assert (line["card_source"], line["credited_to"]) == ("portal", "customer_card_update")


def test_a_card_refused_in_the_portal_changes_nothing(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    answer = httpx.post(portal(client, made["customer"]), data={"card": "refused"})
    assert (answer.status_code, "declined" in answer.text) == (402, True)
    assert len(client.v1.customers.payment_methods.list(made["customer"]).data) == 1


def test_a_card_may_be_saved_and_declined_later(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    httpx.post(portal(client, made["customer"]), data={"card": "later_declines"})
    with pytest.raises(stripe.CardError) as caught:
        client.v1.invoices.pay(made["invoice"])
    assert caught.value.error is not None
    assert caught.value.error.decline_code == "generic_decline"


def test_the_hosted_invoice_authenticates_the_card_on_file(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="authentication_required")
    url = client.v1.invoices.retrieve(made["invoice"]).hosted_invoice_url
    assert "29.00 USD" in httpx.get(str(url)).text
    assert "received" in httpx.post(str(url), data={"card": "on_file"}).text
    line = control.books()[-1]
    assert (line["made_by"], line["credited_to"]) == ("customer", "customer_payment")
    paid = next(one for one in client.v1.events.list().data if one.type == "invoice.paid")
    assert paid.request is not None
    assert paid.request.id is not None
    assert paid.request.idempotency_key is not None
    assert not paid.request.idempotency_key.startswith("v1:")


def test_a_card_used_once_on_the_hosted_invoice_is_not_kept(
    client: stripe.StripeClient, control: Any
) -> None:
    made = control("customer", fail="insufficient_funds")
    url = str(client.v1.invoices.retrieve(made["invoice"]).hosted_invoice_url)
    assert httpx.post(url, data={"card": "on_file"}).status_code == 402
    httpx.post(url, data={"card": "new"})
    assert client.v1.invoices.retrieve(made["invoice"]).status == "paid"
    assert len(client.v1.customers.payment_methods.list(made["customer"]).data) == 1
    assert control.books()[-1]["card_source"] == "hosted"


def test_checkout_saves_a_card_but_sets_no_default(client: stripe.StripeClient, control: Any) -> None:
    made = control("customer", fail="lost_card")
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": made["customer"],
            "currency": "usd",
            "success_url": "http://shop.invalid/ok?cs={CHECKOUT_SESSION_ID}",
        }
    )
    answer = httpx.post(str(session.url), data={"card": "works"})
    assert answer.headers["location"] == f"http://shop.invalid/ok?cs={session.id}"
    assert client.v1.checkout.sessions.retrieve(session.id).status == "complete"
    assert len(client.v1.customers.payment_methods.list(made["customer"]).data) == 2
    owner = client.v1.customers.retrieve(made["customer"])
    assert owner.invoice_settings is not None
    assert owner.invoice_settings.default_payment_method == made["payment_method"]


def test_an_unknown_link_is_a_404(server: Any) -> None:
    assert httpx.get(f"{server.url}/portal/bps_nobody").status_code == 404
    assert httpx.get(f"{server.url}/invoice/in_nobody").status_code == 404


class Shop:
    """A merchant's page: GET shows it, POST makes a portal session of the customer in the path."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self.seen: list[tuple[str, str]] = []
        shop = self

        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.seen.append(("GET", self.path))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_POST(self) -> None:
                shop.seen.append(("POST", self.path))
                customer = urlsplit(self.path).path.rsplit("/", 1)[1]
                session = client.v1.billing_portal.sessions.create(
                    {"customer": customer, "return_url": f"{shop.url}/thanks"}
                )
                self.send_response(303)
                self.send_header("Location", str(session.url))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def shop(client: stripe.StripeClient) -> Iterator[Shop]:
    made = Shop(client)
    yield made
    made.close()


def test_customers_who_are_written_to_follow_the_link_in_their_daytime(
    sandbox: Sandbox, clock: VirtualClock, control: Any, shop: Shop
) -> None:
    people = [control("customer", fail="lost_card", zone="America/New_York") for _ in range(12)]
    sent = clock.now()
    for one in people:
        text = f"Hello,\nplease see http://elsewhere.invalid/x and {shop.url}/pay/{one['customer']}."
        text = text.removesuffix(".")
        sandbox.mail(to=one["email"], subject="Your payment", text=text, at=sent)
    assert shop.seen == [], "nobody reads a mail at once"
    while (due := sandbox.next_at()) is not None and due <= sent + timedelta(days=2):
        clock.advance_to(due)
        assert clock.now().hour >= 13 or clock.now().hour < 4, "8 to 22 h in New York"
        sandbox.play()
    posts = [path for method, path in shop.seen if method == "POST"]
    assert 2 <= len(posts) <= 11
    assert shop.seen.count(("GET", "/thanks")) == len(posts)
    updated = [event for event in sandbox.world.events.values() if event.type == "payment_method.attached"]
    assert len(updated) == len(posts)


def test_a_mail_to_a_stranger_is_nobodys(sandbox: Sandbox, clock: VirtualClock) -> None:
    sandbox.mail(to="nobody@example.com", subject="", text="http://x.invalid/pay/1", at=clock.now())
    assert sandbox.next_at() is None
