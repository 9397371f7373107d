"""Asking Stripe at a modest pace: a few questions a second, and patience when it says that it is too much."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self, TypeVar

from dunning import logs
from dunning.errors import Transient, Unreachable
from dunning.flows.house import House

PACE: Final = 10  # questions a second; Stripe allows 25 an endpoint, and the live business needs most of them
AT_ONCE: Final = 1_000_000
PATIENCE_S: Final = 300
PATIENCE_UNANSWERED_S: Final = 15  # one that never answered is not busy: the address or the network is wrong
LONGEST_WAIT_S: Final = 30
T = TypeVar("T")

log = logs.get(__name__)


@dataclass(slots=True)
class Pace:
    """At most `per_second` questions; a refusal for now (429, 5xx, a broken wire) is waited out."""

    per_second: int = PACE
    sleep: Callable[[float], None] = time.sleep
    _next: float = field(default=0.0)
    _answered: bool = field(default=False)

    @classmethod
    def fit_for(cls, house: House) -> Self:
        """Return the pace for the Stripe of a house; a simulated one needs no sparing."""
        return cls(AT_ONCE) if house.simulated else cls()

    def ask(self, question: Callable[[], T]) -> T:
        """Ask, and again after a while when Stripe is busy or away.

        Raises:
            Transient: it was so for five minutes, or for 15 seconds where Stripe has not answered at all.
        """
        waited = 0
        while True:
            self._take_turn()
            try:
                answer = question()
            except Transient as error:
                lost = isinstance(error, Unreachable) and not self._answered
                if waited >= (PATIENCE_UNANSWERED_S if lost else PATIENCE_S):
                    raise
                wait = min(max(waited, 1), LONGEST_WAIT_S)
                log.warning("stripe_busy", seconds=wait, error=" ".join(str(error).split()))
                self.sleep(wait)
                waited += wait
            else:
                self._answered = True
                return answer

    def _take_turn(self) -> None:
        now = time.monotonic()
        if self._next > now:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 1 / self.per_second
