import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Mischief, Sandbox

SECRET = "whsec_test"


class Endpoint:
    """A webhook endpoint that keeps what it was sent and answers what it is told."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[tuple[bytes, str]] = []
        endpoint = self

        class Receiver(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.received.append((body, self.headers["Stripe-Signature"]))
                self.send_response(endpoint.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/stripe"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for body, _ in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint(sandbox: Sandbox) -> Iterator[Endpoint]:
    made = Endpoint()
    sandbox.deliver_to = made.url
    yield made
    sandbox.close()
    made.close()


def test_deliveries_are_signed_with_the_sandboxs_time(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, control: Any
) -> None:
    made = control("customer", fail="insufficient_funds", deliver=True)
    assert made["delivered"] == len(endpoint.received) > 0
    for body, signature in endpoint.received:
        assert stripe.WebhookSignature.verify_header(body.decode(), signature, SECRET)
        assert signature.startswith(f"t={int(clock.now().timestamp())},v1=")
    types = [json.loads(body)["type"] for body, _ in endpoint.received]
    assert "invoice.payment_failed" in types
    assert "invoice.created" not in types
    assert "charge.failed" not in types


def test_stripes_own_attempts_carry_no_request_and_ours_carry_our_key(
    sandbox: Sandbox, client: stripe.StripeClient, endpoint: Endpoint, control: Any
) -> None:
    made = control("customer", fail="do_not_honor")
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(made["invoice"], {}, {"idempotency_key": "v1:pay:self:x:1"})
    sandbox.deliver()
    bodies = [json.loads(body) for body, _ in endpoint.received]
    first, second = (one for one in bodies if one["type"] == "invoice.payment_failed")
    assert first["request"] == {"id": None, "idempotency_key": None}
    assert second["request"]["idempotency_key"] == "v1:pay:self:x:1"
    assert second["request"]["id"].startswith("req_")


def test_a_refused_event_comes_again_with_growing_gaps_for_three_days(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, control: Any
) -> None:
    sandbox.enabled_events = frozenset({"invoice.payment_failed"})
    control("set", smart_retries=False)
    control("customer", fail="lost_card")
    endpoint.status = 503
    assert sandbox.deliver() == 0
    start, gaps = clock.now(), []
    while (due := sandbox.next_at()) is not None:
        gaps.append(due - clock.now())
        clock.advance_to(due)
        assert sandbox.deliver() == 0
    assert gaps == sorted(gaps)
    assert timedelta(days=2) < clock.now() - start <= timedelta(days=3)
    assert len(set(endpoint.ids())) == 1


def test_a_refused_event_is_listed_as_undelivered_until_it_arrives(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, client: stripe.StripeClient, control: Any
) -> None:
    sandbox.enabled_events = frozenset({"invoice.payment_failed"})
    endpoint.status = 500
    control("customer", fail="lost_card", deliver=True)
    missed = client.v1.events.list({"delivery_success": False, "types": ["invoice.payment_failed"]})
    assert len(missed.data) == 1
    endpoint.status = 200
    clock.advance_to(clock.now() + timedelta(minutes=10))
    assert sandbox.deliver() == 1
    assert client.v1.events.list({"delivery_success": False}).data == []


def test_mischief_repeats_reorders_and_loses_but_everything_arrives(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, control: Any
) -> None:
    for _ in range(6):
        control("customer", fail="insufficient_funds")
    sandbox.mischief = Mischief(duplicate_share=0.4, reorder=True, drop_share=0.4)
    wanted = [event.id for event in sandbox.world.outbox]
    sandbox.deliver()
    assert set(endpoint.ids()) < set(wanted)
    for _ in range(12):
        clock.advance_to(clock.now() + timedelta(hours=6))
        sandbox.deliver()
    assert set(endpoint.ids()) == set(wanted)
    assert len(endpoint.ids()) > len(wanted)
    assert endpoint.ids()[:5] != wanted[:5]


def test_a_missing_event_never_comes_and_is_left_to_the_events_api(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, client: stripe.StripeClient, control: Any
) -> None:
    control("set", missing_share=0.5)
    for _ in range(6):
        control("customer", fail="lost_card")
    wanted = {event.id for event in sandbox.world.outbox}
    sandbox.deliver()
    control("set", smart_retries=False)
    control("advance", seconds=4 * 86400)
    missing = wanted - set(endpoint.ids())
    assert 0 < len(missing) < len(wanted)
    listed = client.v1.events.list({"delivery_success": False, "limit": 100}).data
    assert {event.id for event in listed} >= missing


def test_late_events_come_within_their_hours(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, control: Any
) -> None:
    control("set", late_share=0.5, late_hours=2, smart_retries=False)
    for _ in range(6):
        control("customer", fail="lost_card")
    wanted = {event.id for event in sandbox.world.outbox}
    sandbox.deliver()
    assert 0 < len(endpoint.ids()) < len(wanted)
    clock.advance_to(clock.now() + timedelta(hours=2))
    sandbox.deliver()
    assert set(endpoint.ids()) == wanted


def test_what_happens_while_the_endpoint_is_disabled_is_never_posted(
    sandbox: Sandbox, clock: VirtualClock, endpoint: Endpoint, client: stripe.StripeClient, control: Any
) -> None:
    sandbox.enabled_events = frozenset({"invoice.payment_failed"})
    control("set", smart_retries=False)
    control("disable", hours=72)
    control("customer", fail="lost_card", deliver=True)
    control("advance", seconds=71 * 3600)
    control("customer", fail="lost_card")
    control("advance", seconds=3600)
    control("customer", fail="lost_card", deliver=True)
    assert len(endpoint.ids()) == 1
    missed = client.v1.events.list({"delivery_success": False, "types": ["invoice.payment_failed"]}).data
    assert len(missed) == 2
    control("disable")
    control("customer", fail="lost_card")
    control("enable")
    assert sandbox.deliver() == 0


def test_the_same_seed_loses_the_same_events(sandbox: Sandbox, clock: VirtualClock, control: Any) -> None:
    twin = Sandbox(clock=clock, seed=7, webhook_secret=SECRET)
    for one in (sandbox, twin):
        one.do("set", missing_share=0.3, late_share=0.3)
        for _ in range(4):
            one.do("customer", fail="lost_card")
    fates = [
        [(event.id, one.courier._misses(event)) for event in one.world.outbox] for one in (sandbox, twin)
    ]
    twin.close()
    assert fates[0] == fates[1]


def test_without_a_listener_events_wait(sandbox: Sandbox, control: Any) -> None:
    control("customer", fail="lost_card")
    assert sandbox.deliver() == 0
    assert sandbox.summary()["events_waiting"] > 0


def test_the_events_api_shows_everything_and_pages(client: stripe.StripeClient, control: Any) -> None:
    control("customer", fail="lost_card")
    page = client.v1.events.list({"limit": 3})
    assert page.has_more
    types = [event.type for event in page.auto_paging_iter()]
    assert {"invoice.created", "charge.failed", "invoice.payment_failed"} <= set(types)
    newest, older = page.data[0].id, page.data[2].id
    back = client.v1.events.list({"ending_before": older, "limit": 100})
    assert [event.id for event in back.data] == [newest, page.data[1].id]


def test_events_older_than_thirty_days_are_gone(client: stripe.StripeClient, control: Any) -> None:
    control("set", smart_retries=False)
    made = control("customer", fail="lost_card", one_off=True)
    control("advance", seconds=31 * 86400)
    assert client.v1.events.list().data == []
    assert client.v1.invoices.retrieve(made["invoice"]).status == "open"
