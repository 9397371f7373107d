"""Keeping an event: the row of one that was delivered, or found by asking."""

from datetime import datetime
from typing import Any

from dunning.core.vocabulary import EventState
from dunning.gateway.listen import Head


def event_row(head: Head, payload: bytes, now: datetime, *, livemode: bool) -> dict[str, Any]:
    """Return the row of an event; one of the other mode than our key's is kept and never acted on."""
    acted_on = head.livemode is livemode
    columns = {name: getattr(head, name) for name in Head.__slots__}
    return columns | {
        "received_at": now,
        "payload": payload,
        "state": EventState.NEW if acted_on else EventState.IGNORED,
        "note": None if acted_on else "wrong livemode",
        "ring_at": now if acted_on else None,
    }
