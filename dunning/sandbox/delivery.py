"""Webhooks: signed, posted, tried again for three days; twice, late or out of order when told to."""

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx

from dunning.core.clock import Clock
from dunning.sandbox.state import StoredEvent, World

_GAPS = tuple(timedelta(minutes=one) for one in (5, 30, 120, 300, 600, 720, 720, 720, 720))
_TIMEOUT = 20.0


@dataclass(slots=True)
class Mischief:
    """How unreliable the wire is; shares of events, decided by the seed.

    Lost posts (`drop_share`) are tried again; missing events (`missing_share`) never come, and are left for
    the Events API; late ones (`late_share`) come up to `late_hours` after they happened.
    """

    duplicate_share: float = 0.0
    reorder: bool = False
    drop_share: float = 0.0
    missing_share: float = 0.0
    late_share: float = 0.0
    late_hours: float = 6.0


@dataclass(slots=True)
class _Delivery:
    event: StoredEvent
    due: datetime
    tries: int = 0


def sign(secret: str, body: str, at: datetime) -> str:
    """Return the Stripe-Signature header of a body for this instant."""
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


@dataclass(slots=True)
class Courier:
    """Brings events to one endpoint; what falls due while it is `disabled` never comes."""

    world: World
    signing_clock: Clock
    url: str | None = None
    mischief: Mischief = field(default_factory=Mischief)
    delivered: int = 0
    disabled: bool = False
    _waiting: list[_Delivery] = field(default_factory=list)
    _client: httpx.Client | None = None

    def next_at(self) -> datetime | None:
        """Return when a delivery is due again; None when nothing waits or nobody listens."""
        with self.world.lock:
            if self.url is None or not (self.world.outbox or self._waiting):
                return None
            if self.world.outbox:
                return self.world.clock.now()
            return min(one.due for one in self._waiting)

    @property
    def waiting(self) -> int:
        """How many deliveries are to be tried again, or late."""
        return len(self._waiting)

    def deliver(self) -> int:
        """Post what is due and return how many events were accepted; never called under the lock."""
        if self.url is None:
            return 0
        accepted = 0
        while batch := self._take_due():
            for one in batch:
                accepted += self._post(one)
        return accepted

    def _take_due(self) -> list[_Delivery]:
        with self.world.lock:
            now = self.world.clock.now()
            fresh, self.world.outbox = self.world.outbox, []
            self._waiting += [self._accept(event, now) for event in fresh if not self._misses(event)]
            due = [one for one in self._waiting if one.due <= now]
            self._waiting = [one for one in self._waiting if one.due > now]
        if self.disabled:
            return []
        if self.mischief.reorder:
            due.sort(key=lambda one: self.world.roll("order", one.event.id, one.tries))
        return due

    def skip_waiting(self) -> None:
        """Let everything that is due now never come."""
        disabled, self.disabled = self.disabled, True
        self._take_due()
        self.disabled = disabled

    def _misses(self, event: StoredEvent) -> bool:
        share = self.mischief.missing_share
        return share > 0 and self.world.roll("missing", event.id) < share

    def _accept(self, event: StoredEvent, now: datetime) -> _Delivery:
        share = self.mischief.late_share
        if share <= 0 or self.world.roll("late", event.id) >= share:
            return _Delivery(event, now)
        hours = self.world.roll("late by", event.id) * self.mischief.late_hours
        return _Delivery(event, now + timedelta(hours=hours))

    def _post(self, one: _Delivery) -> int:
        world, event = self.world, one.event
        lost = world.roll("lost", event.id, one.tries) < self.mischief.drop_share
        accepted = not lost and self._send(event)
        if accepted and world.roll("twice", event.id) < self.mischief.duplicate_share:
            self._send(event)
        with world.lock:
            if accepted:
                event.delivered = True
                self.delivered += 1
            elif one.tries < len(_GAPS):
                due = world.clock.now() + _GAPS[one.tries]
                self._waiting.append(_Delivery(event, due, one.tries + 1))
        return int(accepted)

    def _send(self, event: StoredEvent) -> bool:
        if self._client is None:
            self._client = httpx.Client(timeout=_TIMEOUT, trust_env=False)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(self.world.webhook_secret, event.body, self.signing_clock.now()),
            "User-Agent": "Stripe/1.0 (simulation)",
        }
        try:
            answer = self._client.post(str(self.url), content=event.body.encode(), headers=headers)
        except httpx.HTTPError:
            return False
        return answer.is_success

    def close(self) -> None:
        """Close the connection to the endpoint."""
        if self._client is not None:
            self._client.close()
            self._client = None
