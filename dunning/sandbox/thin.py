"""Thin (v2) notifications: what changed and where to read it, and nothing of the object itself."""

import json
from collections.abc import Iterator

from dunning.sandbox.state import Actor, Obj, StoredEvent, World

_PATHS = {
    "billing_portal.session": "billing_portal/sessions",
    "checkout.session": "checkout/sessions",
    "radar.early_fraud_warning": "radar/early_fraud_warnings",
}
_PAYMENTS = {"invoice.finalized": "invoice_payment.open", "invoice.voided": "invoice_payment.canceled"}


def notifications(
    world: World, snapshot: StoredEvent, obj: Obj, actor: Actor, previous: Obj | None
) -> Iterator[StoredEvent]:
    """Yield what a thin destination is sent of a change: the same, and what only thin events tell."""
    wanted = (world.platform or world).enabled_events
    if wanted & {snapshot.type, "*"}:
        yield _notification(world, snapshot.type, obj, actor, snapshot)
    for kind, of in _only_thin(world, snapshot.type, obj, previous or {}):
        if wanted & {kind, f"v1.{kind}", "*"}:
            yield _notification(world, kind, of, actor, None)


def _only_thin(world: World, kind: str, obj: Obj, previous: Obj) -> Iterator[tuple[str, Obj]]:
    """Yield the types that have no snapshot: subscriptions by their status, payments of invoices."""
    if kind == "customer.subscription.updated" and "status" in previous:
        yield f"customer.subscription.{obj['status']}", obj
    if kind == "customer.subscription.updated" and "default_payment_method" in previous:
        yield "customer.subscription.default_payment_method_changed", obj
    if kind in _PAYMENTS:
        yield _PAYMENTS[kind], world.tables["invoice_payments"][f"inpay{obj['id'][2:]}"]


def _notification(
    world: World, event_type: str, obj: Obj, actor: Actor, snapshot: StoredEvent | None
) -> StoredEvent:
    request = {"id": actor.request_id, "idempotency_key": actor.key}
    kind = str(obj["object"])
    body: Obj = {
        "id": world.new_id("evt_live" if world.livemode else "evt_test"),
        "object": "v2.core.event",
        "type": f"v1.{event_type}",
        "created": world.now().strftime("%Y-%m-%dT%H:%M:%S.000Z"),
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
    named = snapshot.id if snapshot else ""
    made = StoredEvent(body["id"], body["type"], world.stamp(), told, snapshot=named)
    world.thin_events[made.id] = made
    return made
