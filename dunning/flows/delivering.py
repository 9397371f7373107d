"""Telling an announcement to its listener: claim, tell, record.

Webhooks and the help desk hear at least once, under an id that stays the same. Alerts to staff go at most
once: one whose teller died, or whose answer was lost, is unknown and shown, and what comes within ten minutes
goes in one. What fails is tried again for three days.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.announcement import (
    FOR_STAFF,
    QUIET,
    ListenerKind,
    TellingState,
    Topic,
    next_try,
    switches_off,
)
from dunning.core.billing import Whose
from dunning.flows.adapters import InHand, Told, tell_outside
from dunning.flows.announcing import announce_house
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.mail.provider import NotSent, UnknownOutcome
from dunning.store import announcements, listeners, objects, recoveries
from dunning.store.announcements import AnnouncementRow
from dunning.store.listeners import ListenerRow

LEASE: Final = timedelta(seconds=90)
MOST: Final = 100  # alerts in one
DIED: Final = "Its teller died; it may have arrived."

log = logs.get(__name__)


def deliver(house: House, row_id: str) -> Flow[InHand, Told | Exception]:
    """Return the flow that tells one announcement to its listener."""
    return Flow(
        claim=lambda: _claim(house, row_id),
        ask=lambda hand: _tell(house, hand),
        record=lambda hand, told: _record(house, hand, told),
    )


def _claim(house: House, row_id: str) -> InHand | None:
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        seen = announcements.by_id(connection, row_id)
        listener = listeners.by_id(connection, seen.listener_id, lock=True) if seen else None
        row = announcements.by_id(connection, row_id, lock=True)
        if row is None or listener is None or not _tellable(connection, listener, row, now, lease_now):
            return None
        rows = announcements.waiting(connection, row, MOST) if listener.kind in FOR_STAFF else [row]
        for one in rows:
            _take(connection, one, now, lease_now)
        taken = tuple(filter(None, (announcements.by_id(connection, one.id) for one in rows)))
        return InHand(listener, taken, now, row.tries > 0, _requester(connection, listener, row))


def _tellable(
    connection: Connection, listener: ListenerRow, row: AnnouncementRow, now: datetime, lease_now: datetime
) -> bool:
    """Return whether a row may be told now; one that may not is dropped, unknown, or waits."""
    staff = listener.kind in FOR_STAFF
    if row.state is TellingState.TELLING:
        if row.lease_until is None or row.lease_until > lease_now:
            return False
        if staff:
            _end(connection, row, TellingState.UNKNOWN, DIED)
        return not staff
    if row.state is not TellingState.PLANNED:
        return False
    off = listener.off_at is not None and row.topic != Topic.TEST
    if off or listener.removed_at is not None:
        _end(connection, row, TellingState.DROPPED, listener.off_why or "The listener was removed.")
        return False
    if staff and listener.quiet_until is not None and listener.quiet_until > now:
        announcements.change(connection, row.id, row.fence, ring_at=listener.quiet_until)
        return False
    return True


def _take(connection: Connection, row: AnnouncementRow, now: datetime, lease_now: datetime) -> None:
    announcements.change(
        connection,
        row.id,
        row.fence,
        state=TellingState.TELLING,
        tries=row.tries + 1,
        tried_at=now,
        lease_until=lease_now + LEASE,
        ring_at=now + LEASE,
        fence=row.fence + 1,
    )


def _requester(connection: Connection, listener: ListenerRow, row: AnnouncementRow) -> tuple[str, str] | None:
    """Return the customer's name and address for the help desk, which files a ticket under its requester."""
    if listener.kind is not ListenerKind.ZENDESK or row.recovery_id is None:
        return None
    recovery = recoveries.by_id(connection, row.recovery_id)
    customer = objects.customer(connection, row.whose, recovery.customer_id if recovery else None)
    return (customer.name or "", customer.email) if customer is not None and customer.email else None


def _tell(house: House, hand: InHand) -> Told | Exception:
    try:
        return tell_outside(house, hand)
    except (NotSent, UnknownOutcome) as error:
        return error


def _record(house: House, hand: InHand, told: Told | Exception) -> None:
    with house.store.write() as connection:
        now = house.clock.now()
        listener = listeners.by_id(connection, hand.listener.id, lock=True) or hand.listener
        if isinstance(told, Told) and told.ok:
            _heard(connection, hand, listener, told.answer, now)
        elif isinstance(told, UnknownOutcome) and listener.kind in FOR_STAFF:
            for row in hand.rows:
                _end(connection, row, TellingState.UNKNOWN, told.reason)
        else:
            _failed(connection, hand, listener, told, now)


def _heard(connection: Connection, hand: InHand, listener: ListenerRow, answer: str, now: datetime) -> None:
    for row in hand.rows:
        _end(connection, row, TellingState.TOLD, answer, told_at=now)
    news: dict[str, Any] = {"failing_since": None}
    news |= {"quiet_until": now + QUIET} if listener.kind in FOR_STAFF else {}
    tested = any(row.topic == Topic.TEST for row in hand.rows)
    news |= {"off_at": None, "off_why": None} if tested and listener.off_at is not None else {}
    listeners.change(connection, listener.id, **news)


def _failed(
    connection: Connection, hand: InHand, listener: ListenerRow, told: Told | Exception, now: datetime
) -> None:
    answer = told.answer if isinstance(told, Told) else str(told)
    wait, gone = (told.not_before, told.gone) if isinstance(told, Told) else (None, False)
    dead = False
    for row in hand.rows:
        again = None if row.topic == Topic.TEST else next_try(row.tries, now, not_before=wait)
        dead |= again is None
        state = TellingState.DEAD if again is None else TellingState.PLANNED
        _end(connection, row, state, answer[:300], ring_at=again)
    since = listener.failing_since or now
    listeners.change(connection, listener.id, failing_since=since)
    if listener.off_at is None and (gone or (dead and switches_off(since, now))):
        why = "It answered 410 Gone." if gone else f"It has failed since {since:%d %B %Y %H:%M} UTC: {answer}"
        switch_off(connection, listener, why[:300], now)


def switch_off(connection: Connection, listener: ListenerRow, why: str, now: datetime) -> None:
    """Send a listener nothing more until a test of it succeeds, and tell the others."""
    listeners.change(connection, listener.id, off_at=now, off_why=why)
    announcements.drop(connection, listener.id, why)
    log.error("listener_off", listener_id=listener.id, why=why)
    said = (
        f"{listener.kind} {listener.target}: {why} `dunning webhook test {listener.id}` switches it on again."
    )
    announce_house(connection, Topic.LISTENER_OFF, Whose(), now, listener.id, but=listener.id, sentence=said)


def _end(
    connection: Connection,
    row: AnnouncementRow,
    state: TellingState,
    answer: str,
    *,
    told_at: datetime | None = None,
    ring_at: datetime | None = None,
) -> None:
    announcements.change(
        connection,
        row.id,
        row.fence,
        state=state,
        answer=answer,
        told_at=told_at,
        lease_until=None,
        ring_at=ring_at,
        fence=row.fence + 1,
    )
