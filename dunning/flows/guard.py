"""The guard at the gate to Stripe: takes turns, counts what fails, opens the breaker, compares the clocks.

While a breaker is open, or this machine's clock is off, nothing is charged (safe mode). Both are told in the
database, where every process and page sees them; events are kept all the same.
"""

import platform
import zlib
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock, local
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.breaker import Breaker, Cause, admitted, is_outage
from dunning.core.clock import Clock
from dunning.errors import NotAsked
from dunning.gateway.gate import Passage, Verdict
from dunning.gateway.turns import Turns
from dunning.store import beats, breakers
from dunning.store.engine import Store

CLOCKS_AGREE: Final = timedelta(seconds=5)
TOLD_AGAIN: Final = timedelta(minutes=1)
SHORTLY: Final = 30  # seconds until who was turned away looks again, at least
SPREAD: Final = 270  # and up to so many more, so that they do not all come at once
CALLS_KEPT: Final = 1000

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Stop:
    """Why nothing may be charged now; `reading` says whether questions may still be asked."""

    why: str
    reading: bool = True


@dataclass(slots=True)
class Guard:
    """One process's guard. `measures` says whether its clock is a real one, to be compared with others'."""

    store: Store
    clock: Clock
    turns: Turns | None = None
    rate: int = 10  # charges a second at the end of the ramp
    measures: bool = False
    _calls: deque[tuple[datetime, bool]] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    _quiet_until: datetime | None = None
    _skew: tuple[datetime, timedelta, str] | None = None
    _compared_at: datetime | None = None
    _lock: Lock = field(default_factory=Lock)
    _mine: local = field(default_factory=local)  # when this thread's call began

    def enter(self, passage: Passage) -> None:
        """Wait for a turn; while Stripe is away nobody is sent but the one who tries the door.

        Raises:
            NotAsked: Stripe is away; nothing was asked.
        """
        if self._quiet_until is not None and self.clock.now() < self._quiet_until:
            raise NotAsked("Stripe is away; tried again shortly.")
        if self.turns is not None:
            self.turns.take(passage)
        self._mine.began = self.clock.now()

    def leave(self, passage: Passage, verdict: Verdict, *, why: str, date: datetime | None) -> None:
        """Count what came of a call, compare the clocks, and open a breaker where that is due."""
        now = self.clock.now()
        if date is not None and self.measures:
            self._compare(self._mine.began, date, date + timedelta(seconds=1), "Stripe's", now)
        with self._lock:
            self._calls.append((now, verdict is not Verdict.BROKEN))
            broken = verdict is Verdict.BROKEN and is_outage(self._calls, now)
            if broken:
                self._calls.clear()
        if broken:
            self._trip(breakers.EVERYBODY, Cause.OUTAGE, why, now)
        elif verdict is Verdict.SHUT:
            self._trip(passage.account_id, Cause.KEY, why, now)

    def stop(self, connection: Connection, account_id: str, now: datetime) -> Stop | None:
        """Return why no attempt may begin now, or None."""
        shut = self.shut(connection, account_id, now)
        return shut or self._ramp(connection, breakers.read(connection, account_id), now)

    def shut(self, connection: Connection, account_id: str, now: datetime) -> Stop | None:
        """Return why nothing may be charged now, not even what has begun, or None."""
        found = breakers.read(connection, account_id)
        shut = next((breaker for breaker in found if breaker.open), None)
        if shut is not None:
            return Stop(_said(shut), reading=not self._keep_quiet(shut))
        self._quiet_until = None
        why = self._clock_is_off(connection, now) or self.unsure(connection, now)
        return None if why is None else Stop(why)

    def unsure(self, connection: Connection, now: datetime) -> str | None:
        """Return why the database may lack what has happened, as far as it tells; None when it does not."""
        return beats.why_closed(connection, now, watching=self.measures)

    def later(self, row_id: str, now: datetime) -> datetime:
        """Return when a row that was turned away is to look again: each a little later than the other."""
        return now + timedelta(seconds=SHORTLY + zlib.crc32(row_id.encode()) % SPREAD)

    def reopened(self) -> None:
        """Be told that the door is open again."""
        self._quiet_until = None

    def _keep_quiet(self, shut: Breaker) -> bool:
        if shut.cause is not Cause.OUTAGE:
            return False
        self._quiet_until = shut.probe_at
        return True

    def _trip(self, account_id: str, cause: Cause, why: str, now: datetime) -> None:
        with self.store.write() as connection:
            breaker = breakers.trip(connection, account_id, cause, why[:300], now)
        self._keep_quiet(breaker)
        log.error("breaker_open", account_id=account_id, cause=cause.value, why=why)

    def _ramp(self, connection: Connection, found: list[Breaker], now: datetime) -> Stop | None:
        for breaker in found:
            if breaker.closed_at is None:
                continue
            most = admitted(now - breaker.closed_at, self.rate or 10)
            if most is not None and breakers.begun_since(connection, breaker.closed_at) >= most:
                return Stop("Stripe is back, and charges begin again step by step.")
        return None

    def _clock_is_off(self, connection: Connection, now: datetime) -> str | None:
        if not self.measures:
            return None
        if self._compared_at is None or abs(now - self._compared_at) >= TOLD_AGAIN:
            self._compared_at = now
            before, theirs = self.clock.now(), self.store.lease_now(connection)
            self._compare(before, theirs, theirs, "the database's", self.clock.now(), connection)
        if self._skew is None or abs(now - self._skew[0]) >= TOLD_AGAIN:
            return None  # an old measurement is not believed: the next answer of Stripe's brings another
        seconds = int(self._skew[1].total_seconds())
        return f"This machine's clock is {seconds:+d} s off {self._skew[2]}: nothing is charged."

    def _compare(
        self,
        began: datetime,
        earliest: datetime,
        latest: datetime,
        against: str,
        ended: datetime,
        connection: Connection | None = None,
    ) -> None:
        """Keep how far our clock is off theirs, which read between `earliest` and `latest` meanwhile."""
        off = began - latest if began > latest else ended - earliest if ended < earliest else timedelta()
        bad = abs(off) > CLOCKS_AGREE
        before = self._skew
        if not bad and (before is None or before[2] != against):
            return
        self._skew = (ended, off, against) if bad else None
        if bad and before is not None and abs(ended - before[0]) < TOLD_AGAIN:
            return
        if bad:
            log.error("clock_is_off", seconds=off.total_seconds(), against=against)
        else:
            log.warning("clock_agrees_again", against=against)
        self._tell(int(off.total_seconds()) if bad else 0, against, ended, connection)

    def _tell(self, seconds: int, against: str, now: datetime, connection: Connection | None) -> None:
        if connection is not None:
            breakers.tell_skew(connection, platform.node(), seconds, against, now)
            return
        with self.store.write() as own:
            breakers.tell_skew(own, platform.node(), seconds, against, now)


def _said(breaker: Breaker) -> str:
    if breaker.cause is Cause.KEY:
        return f"Stripe does not let this key charge: {breaker.why}"
    return f"Stripe is away: {breaker.why}"
