"""Events of the v2 API: what a thin notification lets its receiver fetch."""

import json

from dunning.sandbox.api_call import Call, Endpoint, endpoint
from dunning.sandbox.api_errors import ApiError
from dunning.sandbox.state import Obj


def _event(call: Call) -> Obj:
    found = call.world.thin_events.get(call.path["id"])
    if found is None:
        raise ApiError(404, code="not_found", message=f"No such event: {call.path['id']}")
    told = json.loads(call.world.events[found.snapshot].body)["data"]
    before = told.get("previous_attributes")
    changes = before and {"before": before, "after": {name: told["object"].get(name) for name in before}}
    body: Obj = json.loads(found.body)
    return body | {"snapshot_event": found.snapshot, "changes": changes or None}


ENDPOINTS: tuple[Endpoint, ...] = (endpoint("GET", "/v2/core/events/{id}", _event),)
