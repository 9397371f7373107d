"""Events of the v2 API: what a thin notification lets its receiver fetch."""

import json
from datetime import datetime

from dunning.sandbox.api_call import Call, Endpoint, endpoint
from dunning.sandbox.api_errors import ApiError
from dunning.sandbox.state import Obj, StoredEvent, World

_PAGE = 20


def _event(call: Call) -> Obj:
    found = call.world.thin_events.get(call.path["id"])
    if found is None:
        raise ApiError(404, code="not_found", message=f"No such event: {call.path['id']}")
    return _shown(call.world, found)


def _shown(world: World, event: StoredEvent) -> Obj:
    body: Obj = json.loads(event.body)
    snapshot = world.events.get(event.snapshot)
    return body | {
        "snapshot_event": snapshot.id if snapshot else None,
        "changes": _changes(snapshot) if snapshot else None,
    }


def _changes(snapshot: StoredEvent) -> Obj | None:
    told = json.loads(snapshot.body)["data"]
    before = told.get("previous_attributes")
    if not before:
        return None
    return {"before": before, "after": {name: told["object"].get(name) for name in before}}


def _events(call: Call) -> Obj:
    start, size = int(call.param("page") or 0), int(call.param("limit") or _PAGE)
    found = [one for one in reversed(call.world.thin_events.values()) if _asked_for(call, one)]
    more = {"page": str(start + size), "limit": str(size)} if len(found) > start + size else None
    return {
        "data": [_shown(call.world, one) for one in found[start : start + size]],
        "next_page_url": more and f"/v2/core/events?page={more['page']}&limit={more['limit']}",
        "previous_page_url": None,
    }


def _asked_for(call: Call, event: StoredEvent) -> bool:
    types, about = call.param("types"), call.param("object_id")
    if types and event.type not in types:
        return False
    if about and json.loads(event.body)["related_object"]["id"] != about:
        return False
    limits: Obj = call.param("created") or {}
    bounds = {name: datetime.fromisoformat(value).timestamp() for name, value in limits.items()}
    return (
        bounds.get("gte", event.created) <= event.created <= bounds.get("lte", event.created)
        and event.created > bounds.get("gt", float("-inf"))
        and event.created < bounds.get("lt", float("inf"))
    )


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint("GET", "/v2/core/events", _events, "object_id types limit created page"),
    endpoint("GET", "/v2/core/events/{id}", _event),
)
