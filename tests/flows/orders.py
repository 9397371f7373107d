"""Every order of a recovery's events, without playing each from the start.

Two orders of the same events that lead to the same database have the same future, so each database is carried
on once: all orders of seven events are some hundreds of steps, not five thousand stories.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import stripe
from scenarios.stage import Stage
from simulation.wire import Wire, send, speak_through
from sqlalchemy import or_, select

from dunning.core.vocabulary import MadeBy
from dunning.sandbox.server import application
from dunning.sandbox.state import StoredEvent
from dunning.store import tables

Order = tuple[int, ...]
# What of a row says when, in which order or how often; everything else is its meaning.
CHANGEABLE = frozenset(
    {"at", "due_at", "fence", "finished_at", "handled_at", "id", "kept_at", "lease_until", "made_at", "note"}
    | {"opened_at", "closed_at", "deadline", "read_at", "read_ticket", "applied_ticket", "received_at"}
    | {
        "recorded_at",
        "recovery_id",
        "ring_at",
        "row_version",
        "seq",
        "tries",
        "why",
        "state",
        "added_at",
        "version",
    }
)
MEANING = frozenset(
    {"attempts.state", "messages.state", "cards.id", "customers.id", "invoices.id", "events.id"}
)
LEFT_OUT = frozenset({"notes", "plans", "switches", "links"})


def direct(stage: Stage) -> None:
    """Ask the sandbox without a network: thousands of questions are coming."""
    app = application(stage.sandbox)
    wire = Wire(lambda request: send(app, request))
    speak_through(stage.house.stripe, stripe.StripeClient("sk_test_x", http_client=wire))


def meaning(stage: Stage) -> dict[str, list[str]]:
    """Return what the database says, without when and in which order it came to say so."""
    found = {}
    with stage.house.store.read() as connection:
        for table in tables.metadata.sorted_tables:
            if table.name in LEFT_OUT:
                continue
            columns = [c for c in table.c if c.name not in CHANGEABLE or f"{table.name}.{c.name}" in MEANING]
            query = select(*columns)
            if table is tables.attempts:  # one that stood down before it was asked is no more than a line
                query = query.where(or_(table.c.ordinal.is_not(None), table.c.made_by != MadeBy.DUNNING))
            rows = connection.execute(query).all() if columns else []
            found[table.name] = sorted(repr(tuple(row)) for row in rows)
    return found


@dataclass
class Orders:
    """The exploration of one history: `database` is the stage's file, which is written over and over."""

    stage: Stage
    database: Path
    events: Sequence[StoredEvent]
    twice: bool = True
    ends: dict[str, Order] = field(default_factory=dict)
    steps: int = 0

    def explore(self) -> None:
        """Play every order; `ends` then holds each different end with an order that leads there."""
        reached: dict[frozenset[int], dict[str, tuple[bytes, Order]]] = {
            frozenset(): {"": (self._save(), ())}
        }
        for _ in self.events:
            reached = self._further(reached)
        for databases in reached.values():
            for saved, order in databases.values():
                self._load(saved)
                self.stage.receive(list(self.events))  # everything once more changes nothing
                self.stage.settle()
                self.ends.setdefault(json.dumps(meaning(self.stage)), order)

    def _further(
        self, reached: dict[frozenset[int], dict[str, tuple[bytes, Order]]]
    ) -> dict[frozenset[int], dict[str, tuple[bytes, Order]]]:
        further: dict[frozenset[int], dict[str, tuple[bytes, Order]]] = {}
        for told, databases in reached.items():
            for saved, order in databases.values():
                for index in sorted(set(range(len(self.events))) - told):
                    self._load(saved)
                    self.tell(index)
                    name = hashlib.sha256(repr(meaning(self.stage)).encode()).hexdigest()
                    here = further.setdefault(told | {index}, {})
                    if name not in here:
                        here[name] = (self._save(), (*order, index))
        return further

    def play(self, order: Sequence[int]) -> dict[str, list[str]]:
        """Play one order from where the stage stands, and return what the database says at the end."""
        for index in order:
            self.tell(index)
        return meaning(self.stage)

    def tell(self, index: int) -> None:
        """Let one event come, and with it everything that is due."""
        self.steps += 1
        self.stage.receive([self.events[index]] * (2 if self.twice and self.steps % 3 == 0 else 1))
        self.stage.settle()

    def _save(self) -> bytes:
        self.stage.house.store.engine.dispose()  # the last connection folds the write-ahead log into the file
        return self.database.read_bytes()

    def _load(self, saved: bytes) -> None:
        self.stage.house.store.engine.dispose()
        for rest in ("-wal", "-shm"):
            self.database.with_name(self.database.name + rest).unlink(missing_ok=True)
        self.database.write_bytes(saved)


def differences(ends: dict[str, Order], events: Sequence[StoredEvent]) -> dict[str, list[str]]:
    """Return what only some of the ends say, by an order that leads there: for the message of a failure."""
    said = {
        end: {f"{table}: {row}" for table, rows in json.loads(end).items() for row in rows} for end in ends
    }
    everywhere = set.intersection(*said.values())
    return {
        " > ".join(events[index].type for index in order): sorted(said[end] - everywhere)
        for end, order in ends.items()
    }
