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


def test_what_only_thin_events_tell(sandbox: Sandbox, client: stripe.StripeClient, control: Any) -> None:
    control("set", payloads="thin", events=["*"])
    made = control("customer", fail="lost_card")
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": made["customer"]})
    client.v1.subscriptions.update(made["subscription"], {"default_payment_method": card.id})
    control("void", invoice=made["invoice"])
    only = {one.type for one in sandbox.world.thin_events.values() if not one.snapshot}
    assert only == {
        "v1.customer.subscription.past_due",
        "v1.customer.subscription.active",
        "v1.customer.subscription.default_payment_method_changed",
        "v1.invoice_payment.open",
        "v1.invoice_payment.canceled",
    }
    notification = parsed(client, thin(sandbox, "v1.invoice_payment.canceled"))
    assert notification.fetch_related_object().status == "canceled"
    assert notification.fetch_event().snapshot_event is None


def test_events_are_listed_newest_first_by_object_type_and_time(
    clock: VirtualClock, client: stripe.StripeClient, control: Any
) -> None:
    control("set", payloads="thin", events=["*"])
    made = control("customer", fail="lost_card")
    control("advance", seconds=60)
    control("void", invoice=made["invoice"])
    events = client.v2.core.events
    about = [one.type for one in events.list({"object_id": made["invoice"], "limit": 2}).auto_paging_iter()]
    assert about[0] == "v1.invoice.voided"
    kinds: Any = {"types": ["v1.invoice.voided", "v1.invoice.created"]}
    assert [one.type for one in events.list(kinds).data] == kinds["types"]
    now = clock.now().isoformat()
    assert "v1.invoice.created" not in {one.type for one in events.list({"created": {"gte": now}}).data}


def test_an_unknown_notification_is_not_found(client: stripe.StripeClient, clock: VirtualClock) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        client.v2.core.events.retrieve("evt_test_none")
