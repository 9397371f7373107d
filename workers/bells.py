"""Bells: one Dramatiq actor per kind of row. A message carries an id and nothing else.

The queue is a doorbell, not a plan: a message may come twice, or never. What must happen is a row with a due
time, the clock rings again, and the worker claims.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import dramatiq
import redis

from dunning import logs, spans
from dunning.errors import Transient
from dunning.flows import work
from dunning.flows.house import House
from dunning.store import due

POISON_WAITS: Final = timedelta(minutes=15)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Bells:
    """The actors, by the kind of row that they work on."""

    actors: Mapping[str, dramatiq.Actor[Any, Any]]

    def ring(self, kind: str, row_id: Any) -> None:
        """Tell a worker to look at a row; a broker that is away only delays it, the clock rings again."""
        try:
            self.actors[kind].send(row_id)
        except (dramatiq.errors.BrokerError, redis.RedisError) as error:
            log.warning("bell_not_heard", kind=kind, error=repr(error))


def hang(broker: dramatiq.Broker, house: House) -> Bells:
    """Declare the actors on a broker: one for each kind of row, one for chores; they work in `house`."""

    def on(kind: str) -> dramatiq.Actor[Any, Any]:
        return _actor(broker, kind, lambda row_id: _contained(house, kind, row_id))

    rows = {kind: on(kind) for kind in work.ROWS}
    return Bells({**rows, "chore": _actor(broker, "chore", lambda name: _chore(house, name))})


def _chore(house: House, name: str) -> None:
    with spans.span(f"chore {name}"):
        work.work_chore(house, name)


def _contained(house: House, kind: str, row_id: Any) -> None:
    """Do the work; a row that raises waits a while, so that it neither blocks its neighbours nor spins."""
    try:
        with spans.span(f"work {kind}", row=row_id):
            work.ROWS[kind](house, row_id)
    except Transient as error:
        log.warning("stripe_away", kind=kind, row=row_id, error=str(error))
    except Exception as error:
        log.exception("work_failed", kind=kind, row=row_id, error=repr(error))
        with house.store.write() as connection:
            due.push(connection, kind, row_id, house.clock.now() + POISON_WAITS)


def _actor(broker: dramatiq.Broker, name: str, function: Callable[[Any], None]) -> dramatiq.Actor[Any, Any]:
    return dramatiq.Actor(
        function,
        broker=broker,
        actor_name=name,
        queue_name="dunning",
        priority=0,
        options={},
    )
