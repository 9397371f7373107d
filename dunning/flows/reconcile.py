"""Finding the events that we lack: those that Stripe could not deliver, and those lost with a database.

They go through the same door as delivered ones: kept once by their id, then handled. What is older than the
events that Stripe keeps is looked for among the objects themselves. Whatever is found is kept as a gap.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Whose
from dunning.core.effects import SUBSCRIBED
from dunning.flows.finding import Between
from dunning.flows.house import House
from dunning.flows.keeping import event_row
from dunning.flows.observing import STRIPE_KEEPS
from dunning.flows.pacing import Pace
from dunning.flows.receive import MOST_TRIES
from dunning.flows.sweeping import sweep_endings, sweep_openings
from dunning.gateway.listen import read_head
from dunning.gateway.shapes import instant
from dunning.store import gaps, inbox
from dunning.store.events import insert_events
from dunning.store.gaps import Kind

STILL_ON_ITS_WAY: Final = timedelta(minutes=10)
OVERLAP: Final = timedelta(hours=1)
TYPES_A_CALL: Final = 20  # the most that Stripe's list of events takes
PAGE: Final = 500

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """What should have come by webhook: events by id, and invoices that failed or ended, where we swept."""

    events: list[str]
    openings: list[str]
    endings: list[str]

    def __bool__(self) -> bool:
        return bool(self.events or self.openings or self.endings)


def reconcile_all(
    house: House,
    *,
    dry_run: bool = False,
    since: datetime | None = None,
    pace: Pace | None = None,
    slack: timedelta = STILL_ON_ITS_WAY,
    told: bool = True,
) -> Found:
    """Find what we lack: events, and beyond the 30 days that Stripe keeps them, objects.

    Arguments and errors are those of `reconcile`. The watermark moves only after the sweeps, so that a run
    which dies is made again.
    """
    now, pace = house.clock.now(), pace or Pace.fit_for(house)
    start = since or _watermark(house, now)
    if start >= now - STRIPE_KEEPS - OVERLAP:
        events = reconcile(house, dry_run=dry_run, since=since, slack=slack, told=told)
        return Found(events, [], [])
    # Charges tell when an invoice first failed, the events that are left only when it last did; but of
    # payments, events tell most.
    failed = Between(start, now - slack)
    openings = sweep_openings(house, failed, pace=pace, dry_run=dry_run)
    events = reconcile(house, dry_run=dry_run, since=since, mark=False, slack=slack, told=told)
    endings = sweep_endings(house, start, pace=pace, dry_run=dry_run)
    if since is None and not dry_run:
        with house.store.write() as connection:
            inbox.keep_reconciled(connection, now)
    return Found(events, openings, endings)


def reconcile(
    house: House,
    *,
    dry_run: bool = False,
    since: datetime | None = None,
    mark: bool = True,
    slack: timedelta = STILL_ON_ITS_WAY,
    told: bool = True,
) -> list[str]:
    """Keep every event that is new to us and should have come by now; return their ids, oldest first.

    `since` (aware UTC) looks at everything that Stripe made from then on and at nothing earlier; without it
    each run looks back to the one before, and 30 days for what could not be delivered. Parked events are
    tried again, too. `dry_run` changes nothing; `mark` moves the mark up to which events were compared. What
    is younger than `slack` is still on its way; `told` keeps what was found as a gap of the webhook.

    Raises:
        StripeError: the list could not be read; nothing was lost, run it again.
    """
    now = house.clock.now()
    if not dry_run:
        _unpark(house, now)
    new = _new(house, since, now, slack)
    rows = [_row(house, event, now) for event in new]
    if not dry_run:
        with house.store.write() as connection:
            if told:
                _keep_gap(connection, house, rows, now)
            insert_events(connection, rows)
            if since is None and mark:
                inbox.keep_reconciled(connection, now)
    if rows:
        log.warning("events_were_missed", count=len(rows), dry_run=dry_run)
    return [str(row["id"]) for row in rows]


def _keep_gap(connection: Connection, house: House, rows: list[dict[str, Any]], now: datetime) -> None:
    """What was made before the first event came was never to be delivered here, and is no gap."""
    listening = inbox.listening_since(connection)
    known = inbox.known(connection, [str(row["id"]) for row in rows])  # another run may have been faster
    new = [row for row in rows if row["id"] not in known and row["created_at"]]
    missed = [row for row in new if listening is not None and row["created_at"] >= listening]
    if missed:
        times = [row["created_at"] for row in missed]
        ids = [str(row["id"]) for row in missed]
        whose = Whose(livemode=house.settings.livemode)
        gaps.add(connection, whose, Kind.EVENTS, ids, since=min(times), until=max(times), now=now)


def _unpark(house: House, now: datetime) -> None:
    with house.store.write() as connection:
        count = inbox.unpark(connection, now, 2 * MOST_TRIES)
    if count:
        log.warning("events_unparked", count=count)


def _new(house: House, since: datetime | None, now: datetime, slack: timedelta) -> list[Mapping[str, Any]]:
    """Return the events that we do not have, oldest first; asked in pages, since most are known."""
    listed = _listed(house, since or _watermark(house, now), now)
    new: dict[str, Mapping[str, Any]] = {}
    while page := {str(event["id"]): event for event in islice(listed, PAGE)}:
        missed = {event_id: event for event_id, event in page.items() if _missed(event, since, now - slack)}
        with house.store.read() as connection:
            known = inbox.known(connection, list(missed))
        new |= {event_id: event for event_id, event in missed.items() if event_id not in known}
    newest_first = sorted(new.values(), key=lambda event: int(event["created"]), reverse=True)
    return newest_first[::-1]  # events of one second stay in Stripe's order


def _listed(house: House, since: datetime, now: datetime) -> Iterator[Mapping[str, Any]]:
    """Yield all events since `since`, and of the last 30 days those that Stripe could not deliver."""
    since = max(since, now - STRIPE_KEEPS)
    for start in range(0, len(SUBSCRIBED), TYPES_A_CALL):
        types = SUBSCRIBED[start : start + TYPES_A_CALL]
        yield from house.stripe.missed_events(types=types)
        yield from house.stripe.missed_events(types=types, since=since)


def _watermark(house: House, now: datetime) -> datetime:
    """Return since when events may be missing.

    A restored database knows only the run before its backup: newer events that came since tell nothing.
    """
    with house.store.read() as connection:
        done = inbox.reconciled(connection)
        if done is not None:
            return done - OVERLAP
        newest = inbox.last_created(connection, Whose(livemode=house.settings.livemode))
    return min(newest, now) - OVERLAP if newest else now - STRIPE_KEEPS


def _missed(event: Mapping[str, Any], since: datetime | None, until: datetime) -> bool:
    """Return whether an event should have come; one made after `until` is still on its way."""
    made = instant(event.get("created")) or until
    return made <= until and (since is None or made >= since)


def _row(house: House, event: Mapping[str, Any], now: Any) -> dict[str, Any]:
    payload = json.dumps(event).encode()
    return event_row(read_head(payload), payload, now, livemode=house.settings.livemode)
