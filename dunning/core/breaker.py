"""The breaker: when nothing is charged because Stripe is away, or has shut its door on this key.

It is about the account, never about one invoice: while it is open no attempt begins and none is used up.
After it closes, charges come back step by step, so that a herd of them does not bring the next outage.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Self

from dunning.core.clock import utc

WINDOW: Final = timedelta(seconds=60)
FEWEST_CALLS: Final = 20
HALF: Final = Fraction(1, 2)
PROBE_EVERY: Final = timedelta(seconds=30)
LONGEST_WAIT: Final = timedelta(hours=1)
RAMP: Final = timedelta(minutes=5)
RAMP_FROM: Final = Fraction(1, 10)  # of the full rate


class Cause(StrEnum):
    """Why a breaker opened."""

    OUTAGE = "outage"  # half of the calls of a minute got no answer
    KEY = "key"  # Stripe refused a charge with 401 or 403


@dataclass(frozen=True, slots=True)
class Breaker:
    """One breaker, open until `closed_at` says otherwise; all instants are aware UTC.

    `account_id` is who is shut out: one account, or `all` for whatever this key asks.
    """

    account_id: str
    cause: Cause
    why: str
    opened_at: datetime
    probe_at: datetime
    wait: timedelta = PROBE_EVERY
    closed_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Return whether nothing may be charged."""
        return self.closed_at is None

    def probed(self, now: datetime) -> Self:
        """Return the breaker after one caller was sent to try; the next one waits."""
        return replace(self, probe_at=now + self.wait)

    def closed(self, now: datetime) -> Self:
        """Return the breaker after a try that went through."""
        return replace(self, closed_at=now)

    def dumps(self) -> dict[str, Any]:
        """Return the breaker, JSON-ready."""
        return {
            "account_id": self.account_id,
            "cause": self.cause.value,
            "why": self.why,
            "opened_at": self.opened_at.isoformat(),
            "probe_at": self.probe_at.isoformat(),
            "wait_s": int(self.wait.total_seconds()),
            "closed_at": self.closed_at.isoformat() if self.closed_at else None,
        }

    @classmethod
    def loads(cls, said: dict[str, Any]) -> Self:
        """Return the breaker that `dumps` wrote."""
        closed = said["closed_at"]
        return cls(
            said["account_id"],
            Cause(said["cause"]),
            said["why"],
            utc(datetime.fromisoformat(said["opened_at"])),
            utc(datetime.fromisoformat(said["probe_at"])),
            timedelta(seconds=said["wait_s"]),
            utc(datetime.fromisoformat(closed)) if closed else None,
        )


def opened(before: Breaker | None, account_id: str, cause: Cause, why: str, now: datetime) -> Breaker:
    """Return the breaker after bad news; one that opens again soon after it closed waits longer each time."""
    if before is not None and before.open:
        return before
    again = before is not None and before.closed_at is not None and now < before.closed_at + 2 * RAMP
    wait = min(before.wait * 2, LONGEST_WAIT) if before is not None and again else PROBE_EVERY
    return Breaker(account_id, cause, why, now, now + wait, wait)


def is_outage(calls: Iterable[tuple[datetime, bool]], now: datetime) -> bool:
    """Return whether half or more of at least 20 calls of the last minute failed; a call is (when, fine)."""
    recent = [fine for at, fine in calls if at > now - WINDOW]
    return len(recent) >= FEWEST_CALLS and recent.count(False) >= HALF * len(recent)


def admitted(since: timedelta, rate: int) -> int | None:
    """Return how many charges may have begun so long after the breaker closed; None once there is no limit.

    `rate` is the full rate a second; it grows from a tenth of that, evenly over five minutes.
    """
    if since >= RAMP:
        return None
    seconds = Fraction(int(since / timedelta(milliseconds=1)), 1000)
    slope = (1 - RAMP_FROM) / int(RAMP.total_seconds())
    return 1 + int(rate * (RAMP_FROM * seconds + slope * seconds * seconds / 2))
