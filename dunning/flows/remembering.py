"""Beats, and safe mode: what a database that slept or was restored does before it charges or mails again.

The clock keeps a beat. Where the last one tells that something is missing, safe mode begins: nothing is
charged, nobody is written to, Stripe's events are fetched and handled. Then it ends by itself.
"""

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.safe_mode import BEAT, Beat, Doubt, SafeMode, begun
from dunning.core.vocabulary import MessageState
from dunning.errors import StripeError
from dunning.flows import messaging, noticing
from dunning.flows.house import House
from dunning.flows.notice_plan import PERHAPS
from dunning.flows.observing import STRIPE_KEEPS
from dunning.flows.pacing import Pace
from dunning.flows.reconcile import Found, reconcile_all
from dunning.store import audit, beats, inbox

LONGEST: Final = timedelta(minutes=10)  # a comparison is left to somebody else after so long
AFTER_A_FAILURE: Final = timedelta(seconds=30)
DATABASE: Final = "database"

log = logs.get(__name__)


def beat(house: House) -> None:
    """Keep a sign of life; begin safe mode first where the last one tells that something is missing."""
    now, watching = house.clock.now(), house.guard.measures
    with house.store.read() as connection:
        seen = beats.read(connection)
        fresh = seen.beat is not None and seen.beat.house and now - seen.beat.at < BEAT
        if fresh and seen.doubt(now, beats.home(connection), None, watching=watching) is None:
            return
    outside = house.beacon.read() if house.beacon is not None else None
    with house.store.write() as connection:
        standing, home = beats.read(connection, lock=True), beats.home(connection)
        found = standing.doubt(now, home, outside, watching=watching)
        if found is not None:
            _begin(connection, found, standing.mode, now, by="dunning")
        last = standing.beat
        house_id = last.house if last is not None and last.house else secrets.token_hex(8)
        number = max(last.number if last else 0, outside.number if found and outside else 0) + 1
        kept = Beat(house_id, number, now, home)
        beats.keep_beat(connection, kept)
    if house.beacon is not None:
        house.beacon.keep(kept)


def declare(house: House, *, by: str) -> SafeMode:
    """Begin safe mode by hand, for a database that was restored in a way that it cannot tell."""
    now = house.clock.now()
    with house.store.write() as connection:
        standing = beats.read(connection, lock=True)
        since = standing.beat.at if standing.beat else now
        found = Doubt("A person said that the database was restored.", since, lost=True)
        return _begin(connection, found, standing.mode, now, by=by)


def _begin(
    connection: Connection, found: Doubt, before: SafeMode | None, now: datetime, *, by: str
) -> SafeMode:
    mode = begun(found, now, before)
    if mode == before:
        return mode
    beats.keep_mode(connection, mode, now)
    after = {"why": mode.why, "since": mode.since, "lost": mode.lost}
    audit.append(connection, at=now, by=by, action="safe_mode.begin", about=DATABASE, after=after)
    log.error("safe_mode_begins", why=mode.why, since=mode.since.isoformat(), lost=mode.lost)
    return mode


def come_back(house: House, *, pace: Pace | None = None) -> None:
    """Compare with Stripe if that is still to be done, and end safe mode once all that it told is handled."""
    mode = _take(house)
    if mode is None:
        return
    if mode.compared_at is None:
        mode = _compare(house, pace or Pace.fit_for(house))
    if mode.compared_at is None or _unheard(house, mode.compared_at):
        return
    while not _ended(house):
        _hold_back(house, mode)


def _take(house: House) -> SafeMode | None:
    """Return safe mode if it is open and nobody else is comparing."""
    now = house.clock.now()
    with house.store.write() as connection:
        mode = beats.read(connection, lock=True).mode
        if mode is None or not mode.open or (mode.busy_until is not None and mode.busy_until > now):
            return None
        if mode.compared_at is None:
            beats.keep_mode(connection, replace(mode, busy_until=now + LONGEST), now)
        return mode


def _compare(house: House, pace: Pace) -> SafeMode:
    """Fetch every event that Stripe has and we lack, also of the last minutes: nobody sends them again."""
    started = house.clock.now()
    with house.store.read() as connection:
        since = None if inbox.reconciled(connection) is not None else started - STRIPE_KEEPS
    try:
        found = reconcile_all(house, since=since, pace=pace, slack=timedelta(), told=False)
    except StripeError as error:
        log.warning("safe_mode_stays", error=str(error))
        again_at = house.clock.now() + AFTER_A_FAILURE
        return _keep(house, busy_until=again_at, hindered=str(error)[:300])
    return _keep(house, compared_at=started, busy_until=None, hindered=None, fetched=_count(found))


def _keep(house: House, **news: object) -> SafeMode:
    with house.store.write() as connection:
        mode = beats.read(connection, lock=True).mode
        if mode is None:
            raise LookupError("safe mode is gone")
        changed = replace(mode, **news)  # type: ignore[arg-type]  # each by its own name
        beats.keep_mode(connection, changed, house.clock.now())
        return changed


def _count(found: Found) -> int:
    return len(found.events) + len(found.openings) + len(found.endings)


def _unheard(house: House, until: datetime) -> int:
    with house.store.read() as connection:
        return beats.unheard(connection, until)


def _hold_back(house: House, mode: SafeMode) -> None:
    """Skip what was due and may have gone out; one short transaction each."""
    now = house.clock.now()
    with house.store.read() as connection:
        told = beats.perhaps_sent(connection, now)
        noticed = beats.perhaps_noticed(connection, mode.begun_at, now)
    for message_id in told:
        with house.store.write() as connection:
            message, _ = messaging.hold_message(connection, message_id)
            if message is not None:
                messaging.skip(connection, message, PERHAPS, now)
    for notice_id in noticed:
        with house.store.write() as connection:
            notice, _ = noticing.hold_notice(connection, notice_id)
            if notice is not None:
                noticing.close(connection, notice, MessageState.SKIPPED, PERHAPS)


def _ended(house: House) -> bool:
    """End safe mode, unless something is planned that may have gone out; return whether it is over."""
    now = house.clock.now()
    with house.store.write() as connection:
        mode = beats.read(connection, lock=True).mode
        if mode is None or not mode.open:
            return True
        held = mode.lost and (
            beats.perhaps_sent(connection, now) or beats.perhaps_noticed(connection, mode.begun_at, now)
        )
        if held:
            return False
        beats.keep_mode(connection, replace(mode, ended_at=now, busy_until=None), now)
        after = {"fetched": mode.fetched, "begun": mode.begun_at}
        audit.append(connection, at=now, by="dunning", action="safe_mode.end", about=DATABASE, after=after)
    log.warning("safe_mode_ends", fetched=mode.fetched)
    return True
