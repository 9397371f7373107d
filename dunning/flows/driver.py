"""A flow is three callables: claim (a transaction), ask (the outside world), record (a transaction).

No transaction is open while somebody else's server answers, and whoever drives the three may stop between any
two of them: a simulator, a debugger, a SIGKILL.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from dunning import logs
from dunning.store.engine import is_conflict

C = TypeVar("C")
A = TypeVar("A")
T = TypeVar("T")

REPEATS: Final = 3
PAUSE_S: Final = 0.05

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Flow(Generic[C, A]):
    """One piece of work.

    `claim` returns None when there is nothing to do: done already, or somebody else holds it. `claim` and
    `record` are each one whole transaction, so that either may be run again after the database undid it.
    """

    claim: Callable[[], C | None]
    ask: Callable[[C], A]
    record: Callable[[C, A], None]
    fail: Callable[[C, Exception], None] | None = None  # let go of the claim after an error


def run(flow: Flow[C, A]) -> bool:
    """Run a flow to its end; return whether there was something to do.

    An error is handed to the flow's `fail`, so that one poisoned row neither blocks its neighbours nor spins.
    """
    claimed = _through(flow.claim)
    if claimed is None:
        return False
    try:
        answer = flow.ask(claimed)
        _through(lambda: flow.record(claimed, answer))
    except Exception as error:
        if flow.fail is None:
            raise
        flow.fail(claimed, error)
    return True


def _through(transaction: Callable[[], T]) -> T:
    """Run a transaction, and again when the database undid it because it stood in another's way."""
    for repeat in range(1, REPEATS + 1):
        try:
            return transaction()
        except Exception as error:
            if not is_conflict(error):
                raise
            log.warning("transaction_repeated", repeat=repeat, error=str(error).partition("\n")[0])
            time.sleep(PAUSE_S * repeat * random.uniform(0.5, 1.5))  # noqa: S311 - only keeps two apart
    return transaction()
