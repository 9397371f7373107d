"""Events as Stripe renders them: a snapshot of the object at the moment of the change."""

import json
from typing import Any

from dunning.sandbox.state import Actor, Obj, StoredEvent, World

API_VERSION = "2026-10-28.endive"
# What a dunning system subscribes to: the money that failed or came, and whatever ends a recovery.
DUNNING_EVENTS = frozenset(
    {
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.updated",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "customer.updated",
        "customer.deleted",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "payment_intent.payment_failed",
        "payment_method.attached",
        "payment_method.automatically_updated",
        "payment_method.updated",
        "payment_method.detached",
        "checkout.session.completed",
        "charge.refunded",
        "refund.created",
        "charge.dispute.created",
        "charge.dispute.closed",
        "credit_note.created",
        "radar.early_fraud_warning.created",
    }
)


def dump(obj: Any) -> str:
    """Return compact JSON, as it goes over the wire."""
    return json.dumps(obj, separators=(",", ":"))


def emit(
    world: World, event_type: str, obj: Obj, actor: Actor, *, previous: Obj | None = None
) -> StoredEvent:
    """Record that `obj` changed; it is posted later if the endpoint subscribed to the type."""
    wanted = event_type in world.enabled_events or "*" in world.enabled_events
    event_id = world.new_id("evt")
    created = world.stamp()
    data: Obj = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    body = dump(
        {
            "id": event_id,
            "object": "event",
            "api_version": API_VERSION,
            "created": created,
            "data": data,
            "livemode": world.livemode,
            "pending_webhooks": 1 if wanted else 0,
            "request": {"id": actor.request_id, "idempotency_key": actor.key},
            "type": event_type,
        }
    )
    event = StoredEvent(event_id, event_type, created, body, delivered=not wanted)
    world.events[event_id] = event
    if wanted:
        world.outbox.append(event)
    return event
