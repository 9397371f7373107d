"""The clock: finds what is due, stamps when to ring again, and rings.

It never claims; run as many as you like.
"""

import contextlib
import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from dunning import logs
from dunning.flows import remembering
from dunning.flows.house import House
from dunning.store import beats, breakers, chores, due
from workers.bells import Bells

POLL_S: Final = 1.0
BATCH: Final = 100
CHORES: Final[Mapping[str, timedelta]] = {
    "reconcile": timedelta(minutes=15),
    "learn": timedelta(days=1),
    "renewals": timedelta(days=1),
    "sweep": timedelta(days=1),
    "alarm": timedelta(hours=1),
    "fold": timedelta(seconds=5),  # what is not folded yet is counted anew at each look
    "laws": timedelta(minutes=5),
    "prove": timedelta(hours=6),
    "census": timedelta(days=1),
    "prune": timedelta(days=1),
    "mail_month": timedelta(hours=1),
}
COME_BACK: Final = timedelta(seconds=5)  # while safe mode is on

log = logs.get(__name__)


def tick(house: House, bells: Bells, *, every: Mapping[str, timedelta] = CHORES) -> int:
    """Ring for everything that is due now and return how many bells rang."""
    now = house.clock.now()
    with house.store.read() as connection:
        mode = beats.read(connection).mode
        every = {**every, "come_back": COME_BACK} if mode is not None and mode.open else every
        kinds = due.kinds_due(connection, now)
        waiting = chores.due(connection, every, now)
        probing = breakers.probe_due(connection, now)
    rung = sum(_ring_kind(house, bells, kind) for kind in kinds)
    with house.store.write() if waiting else contextlib.nullcontext() as writing:
        ready = [name for name in waiting if writing and chores.take(writing, name, every[name], now)]
    for name in [*ready, "probe"] if probing else ready:
        bells.ring("chore", name)
    return rung + len(ready) + probing


def run_clock(house: House, bells: Bells, stop: threading.Event, wake: threading.Event) -> None:
    """Keep a beat and tick until `stop` is set; `wake` cuts a wait short, when an event was just kept."""
    while not stop.is_set():
        try:
            remembering.beat(house)
            rung = tick(house, bells)
        except Exception:
            log.exception("clock_stumbled")
            rung = 0
        if rung < BATCH:
            wake.wait(POLL_S)
            wake.clear()


def _ring_kind(house: House, bells: Bells, kind: str) -> int:
    with house.store.write() as connection:
        ids = due.stamp(connection, kind, house.clock.now(), BATCH)
    for row_id in ids:
        bells.ring(kind, row_id)
    return len(ids)
