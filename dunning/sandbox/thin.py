"""Thin (v2) notifications: what changed and where to read it, and nothing of the object itself."""

import json

from dunning.sandbox.state import Actor, Obj, StoredEvent, World, from_stamp

_PATHS = {
    "billing_portal.session": "billing_portal/sessions",
    "checkout.session": "checkout/sessions",
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
}


def notification(world: World, snapshot: StoredEvent, obj: Obj, actor: Actor) -> StoredEvent:
    """Return the thin event that tells the same as a snapshot; a change without a request has no reason."""
    request = {"id": actor.request_id, "idempotency_key": actor.key}
    kind = str(obj["object"])
    body: Obj = {
        "id": world.new_id("evt_test" if not world.livemode else "evt_live"),
        "object": "v2.core.event",
        "type": f"v1.{snapshot.type}",
        "created": from_stamp(snapshot.created).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "livemode": world.livemode,
        "context": world.account,
        "reason": {"type": "request", "request": request} if actor.request_id else None,
        "related_object": {
            "id": obj["id"],
            "type": kind,
            "url": f"/v1/{_PATHS.get(kind, kind + 's')}/{obj['id']}",
        },
    }
    told = json.dumps(body, separators=(",", ":"))
    made = StoredEvent(body["id"], body["type"], snapshot.created, told, snapshot=snapshot.id)
    world.thin_events[made.id] = made
    return made
