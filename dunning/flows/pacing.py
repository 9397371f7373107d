"""Asking Stripe at a modest pace: a few questions a second, and patience when it says that it is too much."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from dunning import logs
from dunning.errors import Transient

PACE: Final = 10  # questions a second; Stripe allows 25 an endpoint, and the live business needs most of them
PATIENCE_S: Final = 300
LONGEST_WAIT_S: Final = 30
T = TypeVar("T")

log = logs.get(__name__)


@dataclass(slots=True)
class Pace:
    """At most `per_second` questions; a refusal for now (429, 5xx, a broken wire) is waited out."""

    per_second: int = PACE
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=0.0)

    def ask(self, question: Callable[[], T]) -> T:
        """Ask, and again after a while when Stripe is busy or away.

        Raises:
            Transient: it was so for five minutes.
        """
        waited = 0
        while True:
            self._take_turn()
            try:
                return question()
            except Transient as error:
                if waited >= PATIENCE_S:
                    raise
                wait = min(max(waited, 1), LONGEST_WAIT_S)
                log.warning("stripe_busy", seconds=wait, error=str(error))
                self.sleep(wait)
                waited += wait

    def _take_turn(self) -> None:
        now = time.monotonic()
        if self._next > now:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.per_second
