"""Taking turns: a token bucket for each account, for charges and for everything else.

Shared over processes in Redis where there is one. While Redis is away each process keeps to a quarter of the
rate by itself: that stops no work, and lifts no limit.
Source of the limits: https://docs.stripe.com/rate-limits
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final, Protocol

import redis

from dunning import logs
from dunning.core.clock import Clock
from dunning.errors import NotAsked
from dunning.gateway.gate import Passage

LONGEST_WAIT: Final = timedelta(seconds=20)
REDIS_ANSWERS_WITHIN_S: Final = 2
ALONE: Final = 4  # how many processes one without Redis thinks there are
REDIS_AWAY: Final = timedelta(seconds=10)

# One second's worth may go at once. Returns the wait in microseconds, or -1 when it would be too long.
_TAKE: Final = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local gap = 1000000 / tonumber(ARGV[1])
local free = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - 1000000 + gap)
local wait = math.max(0, free - now)
if wait > tonumber(ARGV[2]) then return -1 end
redis.call('SET', KEYS[1], string.format('%.0f', free + gap), 'PX', 60000)
return math.floor(wait)
"""

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Rates:
    """How many charges, and how many other calls, an account may make a second; 0 is no limit."""

    charges: int
    others: int

    def of(self, passage: Passage) -> int:
        """Return the rate of an passage."""
        return self.charges if passage.charge else self.others


class Turns(Protocol):
    """Something that makes callers wait for their turn."""

    def take(self, passage: Passage) -> None:
        """Wait for a turn.

        Raises:
            NotAsked: the wait would be too long.
        """
        ...


@dataclass(slots=True)
class LocalTurns:
    """The turns of one process."""

    rates: Rates
    clock: Clock
    sleep: Callable[[float], None] = time.sleep
    _free: dict[Passage, datetime] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def take(self, passage: Passage) -> None:
        """Wait for a turn.

        Raises:
            NotAsked: the wait would be too long.
        """
        rate = self.rates.of(passage)
        wait = self._reserve(passage, timedelta(seconds=1) / rate) if rate else timedelta()
        if wait > timedelta():
            self.sleep(wait.total_seconds())

    def _reserve(self, passage: Passage, gap: timedelta) -> timedelta:
        with self._lock:
            now = self.clock.now()
            burst = now - timedelta(seconds=1) + gap
            free = max(self._free.get(passage, burst), burst)
            wait = max(free - now, timedelta())
            if wait > LONGEST_WAIT:
                raise _too_long()
            self._free[passage] = free + gap
            return wait


@dataclass(slots=True)
class SharedTurns:
    """The turns of all processes, in Redis."""

    url: str
    rates: Rates
    clock: Clock
    scope: str  # test and live are counted apart, as Stripe does
    sleep: Callable[[float], None] = time.sleep
    _alone: LocalTurns = field(init=False)
    _away_until: datetime | None = None
    _take: Any = field(init=False)

    def __post_init__(self) -> None:
        quarter = Rates(*(rate and max(rate // ALONE, 1) for rate in (self.rates.charges, self.rates.others)))
        self._alone = LocalTurns(quarter, self.clock, self.sleep)
        patience: Mapping[str, Any] = {
            "socket_timeout": REDIS_ANSWERS_WITHIN_S,
            "socket_connect_timeout": REDIS_ANSWERS_WITHIN_S,
        }
        self._take = redis.Redis.from_url(self.url, **patience).register_script(_TAKE)

    def take(self, passage: Passage) -> None:
        """Wait for a turn.

        Raises:
            NotAsked: the wait would be too long.
        """
        rate = self.rates.of(passage)
        if not rate:
            return
        wait = self._asked(passage, rate)
        if wait is None:
            self._alone.take(passage)
        elif wait < 0:
            raise _too_long()
        elif wait:
            self.sleep(wait / 1_000_000)

    def _asked(self, passage: Passage, rate: int) -> int | None:
        """Return Redis's answer, or None while it is away."""
        if self._away_until is not None and self.clock.now() < self._away_until:
            return None
        kind = "charges" if passage.charge else "others"
        key = f"dunning:turns:{self.scope}:{passage.account_id}:{kind}"
        longest = int(LONGEST_WAIT / timedelta(microseconds=1))
        try:
            wait = int(self._take(keys=[key], args=[rate, longest]))
        except (redis.RedisError, OSError) as error:
            log.warning("turns_not_shared", error=repr(error))
            self._away_until = self.clock.now() + REDIS_AWAY
            return None
        self._away_until = None
        return wait


def _too_long() -> NotAsked:
    return NotAsked("Too many calls to Stripe are waiting for their turn; asked again shortly.")
