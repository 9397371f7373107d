"""A flow is three callables: claim (a transaction), ask (the outside world), record (a transaction).

No transaction is open while somebody else's server answers, and whoever drives the three may stop between any
two of them: a simulator, a debugger, a SIGKILL.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

C = TypeVar("C")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Flow(Generic[C, A]):
    """One piece of work.

    `claim` returns None when there is nothing to do: done already, or somebody else holds it.
    """

    claim: Callable[[], C | None]
    ask: Callable[[C], A]
    record: Callable[[C, A], None]
    fail: Callable[[C, Exception], None] | None = None  # let go of the claim after an error


def run(flow: Flow[C, A]) -> bool:
    """Run a flow to its end; return whether there was something to do.

    An error is handed to the flow's `fail`, so that one poisoned row neither blocks its neighbours nor spins.
    """
    claimed = flow.claim()
    if claimed is None:
        return False
    try:
        flow.record(claimed, flow.ask(claimed))
    except Exception as error:
        if flow.fail is None:
            raise
        flow.fail(claimed, error)
    return True
