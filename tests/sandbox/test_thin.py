"""Thin notifications say what changed and where to read it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.gateway.listen import read_head
from dunning.sandbox import Sandbox
from dunning.sandbox.delivery import sign
from dunning.sandbox.state import StoredEvent

SECRET = "whsec_test"


def thin(sandbox: Sandbox, kind: str) -> StoredEvent:
    return next(one for one in reversed(sandbox.world.thin_events.values()) if one.type == kind)


def parsed(client: stripe.StripeClient, event: StoredEvent) -> Any:
    header = sign(SECRET, event.body, datetime.now(UTC))
    return client.parse_event_notification(event.body, header, SECRET)


def test_the_sdk_reads_a_notification_and_fetches_event_and_object(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    control("set", payloads="thin")
    made = control("customer", fail="insufficient_funds")
    event = thin(sandbox, "v1.invoice.payment_failed")
    notification = parsed(client, event)
    assert (notification.related_object.id, notification.context) == (made["invoice"], None)
    assert notification.reason is None, "Stripe's own attempt has no request"
    assert notification.fetch_related_object().id == made["invoice"]
    fetched = notification.fetch_event()
    snapshot = client.v1.events.retrieve(fetched.snapshot_event)
    assert snapshot.type == "invoice.payment_failed"
    assert "data" not in json.loads(event.body)


def test_a_request_is_named_as_the_reason(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    control("set", payloads="thin")
    made = control("customer", fail="do_not_honor")
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(made["invoice"], {}, {"idempotency_key": "v1:pay:self:x:1"})
    event = thin(sandbox, "v1.invoice.payment_failed")
    assert parsed(client, event).reason.request.idempotency_key == "v1:pay:self:x:1"
    assert read_head(event.body.encode()).idempotency_key == "v1:pay:self:x:1"


def test_a_change_that_is_told_says_what_it_was_before(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any
) -> None:
    control("set", payloads="thin")
    made = control("customer", fail="do_not_honor")
    client.v1.invoices.update(made["invoice"], {"auto_advance": False})
    changes = parsed(client, thin(sandbox, "v1.invoice.updated")).fetch_event().changes.to_dict()
    assert (changes["before"]["auto_advance"], changes["after"]["auto_advance"]) == (True, False)


@pytest.mark.parametrize(("payloads", "kinds"), [("snapshot", {"event"}), ("thin", {"v2.core.event"}),
                                                 ("both", {"event", "v2.core.event"})])  # fmt: skip
def test_the_endpoint_gets_what_it_asked_for(
    sandbox: Sandbox, control: Any, payloads: str, kinds: set[str]
) -> None:
    control("set", payloads=payloads)
    control("customer", fail="lost_card")
    posted = [json.loads(event.body) for event in sandbox.world.outbox]
    assert {body["object"] for body in posted} == kinds
    names = [body["type"].removeprefix("v1.") for body in posted]
    assert names.count("invoice.payment_failed") == len(kinds)


def test_an_unknown_notification_is_not_found(client: stripe.StripeClient, clock: VirtualClock) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        client.v2.core.events.retrieve("evt_test_none")
