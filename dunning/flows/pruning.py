"""Retention: what was held for longer than it is kept is taken away, in chunks, once a day.

Each chunk is a short transaction of its own, and remembers how far it came: a run that dies half-way, or runs
twice at once, takes nothing twice and skips nothing. The ledger and the audit log are never touched.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Connection, Table

from dunning.core.retention import Kept, schedule
from dunning.flows.house import House
from dunning.store import pruning, switches

AT_ONCE: Final = 250  # rows a transaction
MOST_CHUNKS: Final = 400  # of each kind a run
PLACE: Final = "data:payloads"  # up to which event nothing is left to take
LAST: Final = "data:pruned"


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many payloads, and letters' words, a run took away; `whole` when nothing is left to take."""

    payloads: int
    letters: int
    whole: bool


def kept(house: House) -> tuple[Kept, ...]:
    """Return how long each kind of thing is kept here."""
    return schedule(payloads=house.settings.keep_payloads_days, mail=house.settings.keep_mail_days)


def prune(house: House, *, dry: bool = False, most: int = MOST_CHUNKS) -> Pruned:
    """Take away what is kept no longer, in at most `most` chunks of a kind; `dry` counts all of it."""
    payloads, done = _payloads(house, dry=dry, most=most)
    letters = 0
    for table in pruning.LETTERS:
        taken, ended = _letters(house, table, dry=dry, most=most)
        letters, done = letters + taken, done and ended
    found = Pruned(payloads, letters, done)
    if not dry:
        now = house.clock.now()
        with house.store.write() as connection:
            said = {"at": now.isoformat(), **asdict(found)}
            switches.put(connection, LAST, said, at=now, by="clock")
    return found


def last_run(house: House) -> dict[str, Any] | None:
    """Return when the last run was and what it took away; None before the first."""
    with house.store.read() as connection:
        return pruning.remembered(connection, LAST)


def _payloads(house: House, *, dry: bool, most: int) -> tuple[int, bool]:
    before = house.clock.now() - timedelta(days=house.settings.keep_payloads_days)
    with house.store.read() as connection:
        place = start = int((pruning.remembered(connection, PLACE) or {}).get("seq", 0))
    taken, again = 0, None
    for _ in _chunks(most, dry=dry):
        with _opened(house, dry=dry)() as connection:
            chunk = pruning.payloads(connection, place, before, AT_ONCE)
            taken += len(chunk.goes) if dry else pruning.take_payloads(connection, chunk.goes)
            again = chunk.again if again is None else again
            place = chunk.last or place
            seen = again - 1 if again is not None else place
            if not dry and seen > start:
                _remember(connection, house, seen)
        if chunk.over:
            return taken, True
    return taken, False


def _letters(house: House, table: Table, *, dry: bool, most: int) -> tuple[int, bool]:
    before = house.clock.now() - timedelta(days=house.settings.keep_mail_days)
    taken, after = 0, ""
    for _ in _chunks(most, dry=dry):
        with _opened(house, dry=dry)() as connection:
            ids = pruning.words(connection, table, after, before, AT_ONCE)
            taken += len(ids) if dry else pruning.take_words(connection, table, ids)
        if len(ids) < AT_ONCE:
            return taken, True
        after = ids[-1]
    return taken, False


def _chunks(most: int, *, dry: bool) -> Any:
    return iter(int, 1) if dry else range(most)


def _opened(house: House, *, dry: bool) -> Callable[[], Any]:
    return house.store.read if dry else house.store.write


def _remember(connection: Connection, house: House, seq: int) -> None:
    switches.put(connection, PLACE, {"seq": seq}, at=house.clock.now(), by="clock")
