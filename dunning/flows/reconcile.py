"""Finding what the webhooks did not bring: events that Stripe could not deliver in the last 30 days.

They go through the same door as delivered ones: kept once by their id, then handled.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from dunning import logs
from dunning.core.effects import SUBSCRIBED
from dunning.flows.house import House
from dunning.flows.keeping import event_row
from dunning.gateway.listen import read_head
from dunning.gateway.shapes import instant
from dunning.store import inbox
from dunning.store.events import insert_events

STILL_ON_ITS_WAY: Final = timedelta(minutes=10)
TYPES_A_CALL: Final = 20  # the most that Stripe's list of events takes

log = logs.get(__name__)


def reconcile(house: House, *, dry_run: bool = False, since: datetime | None = None) -> list[str]:
    """Keep every undelivered event that is new to us and return their ids, oldest first.

    `since` leaves out what Stripe made earlier; `dry_run` keeps nothing.

    Raises:
        StripeError: the list could not be read; nothing was lost, run it again.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(SUBSCRIBED), TYPES_A_CALL):
        types = SUBSCRIBED[start : start + TYPES_A_CALL]
        found |= {str(event["id"]): event for event in house.stripe.missed_events(types=types)}
    now = house.clock.now()
    rows = [_row(house, event, now) for event in reversed(found.values()) if _missed(event, since, now)]
    with house.store.write() as connection:
        known = inbox.known(connection, [row["id"] for row in rows])
        new = [row for row in rows if row["id"] not in known]
        if not dry_run:
            insert_events(connection, new)
    if new:
        log.warning("events_were_missed", count=len(new), dry_run=dry_run)
    return [str(row["id"]) for row in new]


def _missed(event: Mapping[str, Any], since: datetime | None, now: datetime) -> bool:
    """Return whether an event should have come by now; a younger one is still on its way."""
    made = instant(event.get("created")) or now
    return made + STILL_ON_ITS_WAY <= now and (since is None or made >= since)


def _row(house: House, event: Mapping[str, Any], now: Any) -> dict[str, Any]:
    payload = json.dumps(event, default=str).encode()  # the SDK turns some strings into decimals
    return event_row(read_head(payload), payload, now, livemode=house.settings.livemode)
