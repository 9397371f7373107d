"""Events as Stripe renders them: a snapshot of the object at the moment of the change."""

import json
from typing import Any

from dunning.sandbox import thin
from dunning.sandbox.state import Actor, Obj, StoredEvent, World
from dunning.sandbox.versions import rendered, shape_of

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
        "refund.failed",
        "refund.updated",
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.closed",
        "credit_note.created",
        "credit_note.voided",
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
    platform = world.platform or world
    wanted = bool(platform.enabled_events & {event_type, "*"})
    posted = wanted and platform.payloads != "thin"
    event_id = world.new_id("evt")
    created = world.stamp()
    data: Obj = {"object": rendered(world, obj, shape_of(platform.api_version, hybrid=platform.hybrid))}
    if previous is not None:
        data["previous_attributes"] = previous
    body = dump(
        {
            "id": event_id,
            "object": "event",
            "api_version": platform.api_version,
            "created": created,
            "data": data,
            "livemode": world.livemode,
            "pending_webhooks": 1 if posted else 0,
            "request": {"id": actor.request_id, "idempotency_key": actor.key},
            "type": event_type,
        }
        | ({"account": world.account} if world.account else {})
    )
    event = StoredEvent(event_id, event_type, created, body, delivered=not posted)
    world.events[event_id] = event
    if posted:
        platform.outbox.append(event)
    if platform.payloads != "snapshot":
        platform.outbox += thin.notifications(world, event, obj, actor, previous)
    return event
