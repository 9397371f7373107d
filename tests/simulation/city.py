"""A simulated city: the real flows against the sandbox on virtual time, with everything failing.

Chance is a generator seeded by the run's seed, so a seed tells the whole story. While trouble lasts, workers
die and stall between any two steps, bells and events are lost, late and doubled, Stripe times out before and
after the effect, and customers pay or change cards in the very moment of our charge. Then trouble ends, and
everything has to come right by itself.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import stripe
from pydantic import SecretStr
from scenarios.stage import START, Mails
from simulation import people, restoring
from simulation.people import SECRET, ended, theirs
from simulation.wire import Answer, Request, Wire, send, speak_through
from simulation.workers import HostClock, SteppedStore, Worker, stop_here
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from dunning import app
from dunning.core.clock import VirtualClock
from dunning.core.policy import Policy
from dunning.core.vocabulary import Retries
from dunning.errors import Transient
from dunning.flows import switches, work
from dunning.flows.house import House
from dunning.flows.keeping import event_row
from dunning.gateway import signature
from dunning.gateway.listen import read_head
from dunning.gateway.signature import sign
from dunning.sandbox import Sandbox
from dunning.sandbox.server import application
from dunning.sandbox.state import StoredEvent
from dunning.settings import Settings
from dunning.store import due, tables
from dunning.store.engine import open_store
from dunning.store.events import insert_events
from dunning.timing import Planner

WORK: Final[Mapping[str, Callable[[House, Any], None]]] = {**work.ROWS, "chore": work.work_chore}
TROUBLE_LASTS: Final = timedelta(days=7)
ALL_OVER: Final = timedelta(days=19)  # three days of bills, Stripe's own two weeks, and some
RESTLESS: Final = 3000  # steps a customer; a tenth of it is usual
RECONCILES: Final = timedelta(hours=8)
EAGER: Final = Policy(
    attempts_per_invoice=16, attempts_per_card_a_day=6, gap=timedelta(hours=3), window=timedelta(days=10)
)
PLANNER: Final = Planner.fit([], now=START)
# What may befall a charge, and how often; each is tried in turn.
CHARGE_FAULTS: Final[tuple[tuple[str, float], ...]] = (
    ("lost before", 0.06),
    ("lost after", 0.06),
    ("late", 0.05),
    ("500 before", 0.04),
    ("500 after", 0.04),
    ("409", 0.02),
    ("429", 0.03),
)
OTHER_FAULTS: Final[tuple[tuple[str, float], ...]] = (
    ("lost before", 0.03),
    ("lost after", 0.02),
    ("429", 0.02),
    ("500 after", 0.02),
)


@dataclass
class Tally:
    """What a run went through."""

    events: int = 0  # that Stripe made
    deliveries: int = 0  # of them, some twice, some never
    forgeries: int = 0
    steps: int = 0
    crashes: int = 0  # workers that died between two steps
    bells_lost: int = 0
    wipes: int = 0  # of the broker: every bell of some minutes is lost
    faults: int = 0  # of Stripe's answers
    downs: int = 0  # of the whole house
    cuts: int = 0  # of a connection to the database at a commit
    restores: int = 0  # of the database from an old copy
    charges: int = 0  # of ours that the network saw
    mails: int = 0


@dataclass(frozen=True)
class Fate:
    """How hard a seed is on the house: each draws its own mix, so that rare pairs of faults meet."""

    dies: float  # a worker at each step
    loses_bells: float
    doubles_events: float
    drops_events: float
    cuts: float  # the connection to the database, at a commit
    skew_s: float  # the most that a host's clock is off
    senders_die: bool  # then nobody knows which mails went out, nor whom a payment after them is owed to

    @classmethod
    def drawn(cls, dice: random.Random) -> "Fate":
        return cls(
            dice.uniform(0.02, 0.11),
            dice.uniform(0.01, 0.12),
            dice.uniform(0.1, 0.4),
            dice.uniform(0.0, 0.1),
            dice.uniform(0.0, 0.04),
            dice.choice([0.0, dice.uniform(0.1, 4.5)]),
            dice.random() < 0.2,
        )


class City:
    """One run."""

    def __init__(self, seed: int, database: Path, *, customers: int = 20) -> None:
        self.seed, self.dice = seed, random.Random(seed)
        self.fate, self.tally = Fate.drawn(self.dice), Tally()
        self.patience = RESTLESS * customers
        self.clock = VirtualClock(START)
        self.sandbox = Sandbox(clock=self.clock, seed=seed)
        self.sandbox.smart_retries = self.dice.random() < 0.6
        self.retries = self.dice.choices(list(Retries), (1, 1, 3))[0]
        self.app = application(self.sandbox)
        self.house = self._house(database)
        self.trouble = True
        self.errors: list[str] = []
        self.log: list[str] = []
        self._under_way: dict[int, tuple[str, str]] = {}  # charges that Stripe will execute late
        self._asked: dict[str, str] = {}
        self._at_work: set[Worker] = set()
        self._agenda: list[tuple[datetime, float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._down_until = self._wiped_until = START
        self._written, self._next_ring = True, START
        switches.first_start(self.house)
        self._hurry()
        people.arrive(self, customers)
        self._foresee()

    def _house(self, database: Path) -> House:
        url = f"sqlite:///{database}"
        plain = open_store(url, lease_clock=self.clock, durable=False)
        settings = Settings(
            stripe_api_key=SecretStr("sk_test_city"),
            stripe_webhook_secret=SecretStr(SECRET),
            stripe_api_base="http://127.0.0.1:1",
            database_url=SecretStr(url),
            public_url="http://127.0.0.1:8000",
            data_dir=database.parent,
            secret_key=SecretStr("0123456789abcdef0123456789abcdef"),
            mail_from="Juniper Coffee <billing@juniper.example>",
            retries=self.retries,
            messages=True,
        )
        store = SteppedStore(plain.engine, plain.lease_clock, on_write=self.forget_next_ring)
        self.mails = Mails(self.clock, self.sandbox)
        house = app.build_house(
            settings, store=store, clock=HostClock(self.clock), mailer=self.mails, simulated=True
        )
        client = stripe.StripeClient("sk_test_city", http_client=Wire(self._carry), max_network_retries=2)
        speak_through(house.stripe, client)
        return replace(house, planners={0: PLANNER})

    def _hurry(self) -> None:
        """Put a policy in force that tries often: more attempts, more trouble."""
        row = {"version": EAGER.version, "definition": EAGER.dumps(), "published_at": START}
        with self.house.store.write() as connection:
            connection.execute(insert(tables.policies).values(**row))

    # What is to come.

    def at(self, when: datetime, what: Callable[[], None]) -> None:
        """Put something on the agenda; what is due at one instant comes in an order that chance decides."""
        heapq.heappush(self._agenda, (when, self.dice.random(), next(self._count), what))

    def soon(self, what: Callable[[], None], **span: float) -> None:
        """Put something on the agenda, `span` from now."""
        self.at(self.clock.now() + timedelta(**span), what)

    def _foresee(self) -> None:
        self.at(START + TROUBLE_LASTS, self._end_of_trouble)
        for number in range(1, int((TROUBLE_LASTS + timedelta(days=3)) / RECONCILES)):
            self.at(START + number * RECONCILES, lambda: self.ring("chore", "reconcile"))
        for _ in range(self.dice.randrange(3)):
            self.at(START + self.dice.random() * TROUBLE_LASTS, self._wipe)
        if self.dice.random() < 0.5:
            begins = START + timedelta(hours=self.dice.uniform(12, 120))
            self.at(begins, lambda: self._go_down(self.dice.uniform(1, 40)))
        restoring.foresee(self)

    def _end_of_trouble(self) -> None:
        self.trouble = False

    def _go_down(self, hours: float) -> None:
        """The whole house stops at once, and stays down for a while."""
        self.log.append(f"{self.clock.now()} the house is down for {hours:.1f} hours")
        self.tally.downs += 1
        self._down_until = self.clock.now() + timedelta(hours=hours)

    def _wipe(self) -> None:
        """The broker is emptied, and takes a moment to come back: no bell of these minutes is heard."""
        self.tally.wipes += 1
        self._wiped_until = self.clock.now() + timedelta(minutes=self.dice.uniform(0, 5))

    @property
    def down(self) -> bool:
        """Return whether nothing of ours runs just now."""
        return self.clock.now() < self._down_until

    # The run.

    def run(self) -> None:
        """Play it all."""
        while self.clock.now() < START + ALL_OVER:
            if self.tally.steps > self.patience:
                self.errors.append(f"after {self.tally.steps} steps it is still busy")
                return
            if self._agenda and self._agenda[0][0] <= self.clock.now():
                heapq.heappop(self._agenda)[3]()
                self._collect_events()
            elif not self._play_what_is_due():
                self.clock.advance_to(self._next())

    def _play_what_is_due(self) -> bool:
        planned = self.sandbox.next_at()
        if planned is not None and planned <= self.clock.now():
            self.sandbox.play()
            self._collect_events()
            return True
        return not self.down and self._ring_what_is_due()

    def _next(self) -> datetime:
        ours = max(self._soonest(), self._down_until)  # which is over, unless the house is down
        ahead = (ours, self.sandbox.next_at(), self._agenda[0][0] if self._agenda else None)
        found = min(at for at in ahead if at is not None)
        return max(found, self.clock.now() + timedelta(milliseconds=1))

    def forget_next_ring(self) -> None:
        """Ask the database anew when its next row is due: it has been written, or is another one."""
        self._written = True

    def _soonest(self) -> datetime:
        """Return when the next row of ours is due, at the latest when all is over."""
        if self._written:
            with self.house.store.read() as connection:
                self._next_ring = due.next_ring(connection) or START + ALL_OVER
            self._written = False
        return self._next_ring

    def _ring_what_is_due(self) -> bool:
        if self._soonest() > self.clock.now():
            return False
        rung = False
        with self.house.store.read() as connection:
            kinds = due.kinds_due(connection, self.clock.now())
        for kind in kinds:
            with self.house.store.write() as connection:
                ids = due.stamp(connection, kind, self.clock.now())
            rung = rung or bool(ids)
            for row_id in ids:
                self.ring(kind, row_id)
        return rung

    def ring(self, kind: str, row_id: Any) -> None:
        """Ring; while trouble lasts a bell may be lost, late, or heard twice."""
        if self.down:
            return
        if not self.trouble:
            self._begin(kind, row_id)
            return
        if self.dice.random() < self.fate.loses_bells or self.clock.now() < self._wiped_until:
            self.tally.bells_lost += 1
            return
        for _ in range(2 if self.dice.random() < 0.15 else 1):
            late = self.dice.uniform(0, 60) if self.dice.random() < 0.1 else 0.0
            self.soon(lambda: self._begin(kind, row_id), seconds=late)

    def _begin(self, kind: str, row_id: Any) -> None:
        worker = Worker(f"{kind} {row_id}", lambda: self._do(kind, row_id))
        worker.skew = timedelta(seconds=self.dice.uniform(-1, 1) * self.fate.skew_s)
        self.go_on(worker)

    def _do(self, kind: str, row_id: Any) -> None:
        try:
            WORK[kind](self.house, row_id)
        except Transient:
            return
        except Exception as error:  # noqa: BLE001 - the verdict shows it
            if not isinstance(error, OperationalError):
                self.errors.append(f"{kind} {row_id}: {error!r}")
            with self.house.store.write() as connection:
                due.push(connection, kind, row_id, self.clock.now() + timedelta(minutes=15))

    def kill_all(self) -> None:
        """Let nobody who is at work now take another step."""
        for worker in self._at_work:
            worker.doomed = True

    def go_on(self, worker: Worker) -> None:
        """Let a worker take its next step, or die; and the one after that soon."""
        sends = worker.name.startswith(("message", "notice"))
        mortal = self.trouble and (self.fate.senders_die or not sends)
        worker.doomed |= mortal and (self.down or self.dice.random() < self.fate.dies)
        self._at_work.add(worker)
        if mortal and self.dice.random() < self.fate.cuts:
            worker.cut = self.dice.choice(["before", "after"])
            self.tally.cuts += 1
        self.tally.steps += 1
        self.tally.crashes += worker.doomed
        worker.step()
        if worker.over:
            self._at_work.discard(worker)
            return
        stall = 0.0
        if mortal and (roll := self.dice.random()) < 0.04:
            stall = self.dice.uniform(0, 5) if roll < 0.03 else self.dice.uniform(20, 280)
        self.soon(lambda: self.go_on(worker), seconds=stall)

    # The wire to Stripe.

    def _carry(self, request: Request) -> Answer:
        """Bring a request of ours to Stripe, or into trouble."""
        stop_here()
        if request.pays:
            self._look_over_the_shoulder(request)
            people.meddle(self, request.path.split("/")[3])
        fault = self._fault(request)
        self.tally.faults += fault is not None
        answer = self._suffer(request, fault)
        stop_here()
        return answer

    def _look_over_the_shoulder(self, request: Request) -> None:
        """See as it happens what time heals and no end shows: just before a charge of ours leaves."""
        invoice_id, key = request.path.split("/")[3], request.headers["Idempotency-Key"]
        late = {other for invoice, other in self._under_way.values() if invoice == invoice_id} - {key}
        late = {other for other in late if not self._executed(other)}  # else Stripe only repeats its answer
        if late:
            self.errors.append(f"{key} was asked while {late.pop()} was still under way")
        over = ended(self, invoice_id)
        if over and (key not in self._asked or (over == "uncollectible" and not self._executed(key))):
            self.errors.append(f"{key} was asked though its invoice had long been {over}")
        if key not in self._asked:
            turn = self._asked[key] = theirs(self, invoice_id)
            if turn:
                self.errors.append(f"{key} was asked in Stripe's turn: {turn}")

    def _executed(self, key: str) -> bool:
        return any(line.get("idempotency_key") == key for line in self.sandbox.books())

    def _fault(self, request: Request) -> str | None:
        if not self.trouble:
            return None
        roll = self.dice.random()
        for name, share in CHARGE_FAULTS if request.pays else OTHER_FAULTS:
            if roll < share:
                return name
            roll -= share
        return None

    def _suffer(self, request: Request, fault: str | None) -> Answer:
        if fault == "lost before":
            raise stripe.APIConnectionError("lost on the way there", should_retry=True)
        if fault == "late":
            number = next(self._count)
            self._under_way[number] = request.path.split("/")[3], request.headers["Idempotency-Key"]
            self.soon(lambda: self._arrive_late(request, number), seconds=self.dice.uniform(1, 300))
            raise stripe.APIConnectionError("timed out, and executed later")
        if fault is not None and fault[:3].isdecimal():
            when = "after" if fault.endswith("after") else "before"
            self.sandbox.faults.add(
                status=int(fault[:3]), path=request.path, method=request.method, when=when
            )
        answer = send(self.app, request)
        if fault == "lost after":
            raise stripe.APIConnectionError("lost on the way back", should_retry=True)
        return answer

    def _arrive_late(self, request: Request, number: int) -> None:
        del self._under_way[number]
        send(self.app, request)

    # The events from Stripe.

    def _collect_events(self) -> None:
        fresh, self.sandbox.world.outbox = self.sandbox.world.outbox, []
        self.tally.events += len(fresh)
        for event in fresh:
            self._post(event)

    def _post(self, event: StoredEvent) -> None:
        if not self.trouble:
            self.at(self.clock.now(), lambda: self._receive(event))
            return
        roll = self.dice.random()
        if roll < self.fate.drops_events:
            return  # never: reconciliation has to bring it
        for _ in range(2 if roll > 1 - self.fate.doubles_events else 1):
            late = self.dice.uniform(0, 24) if self.dice.random() < 0.2 else self.dice.uniform(0, 0.002)
            self.soon(lambda: self._receive(event), hours=late)

    def _receive(self, event: StoredEvent) -> None:
        if self.down:
            self.soon(lambda: self._receive(event), hours=1)
            return
        self.tally.deliveries += 1
        self.listen(event.body.encode(), sign(event.body.encode(), SECRET, self.clock.now()))
        event.delivered = True

    def listen(self, body: bytes, header: str) -> None:
        """Receive what somebody posts: kept if it is signed by Stripe, and now."""
        try:
            signature.verify(body, header, [SECRET], now=self.clock.now())
        except signature.BadSignature:
            self.tally.forgeries += 1
            return
        row = event_row(read_head(body), body, self.clock.now(), livemode=False)
        with self.house.store.write() as connection:
            insert_events(connection, [row])

    def close(self) -> None:
        """Let go of files."""
        ours = [line for line in self.sandbox.books() if line["made_by"] == "dunning"]
        self.tally.charges = sum(line["kind"] == "charge" for line in ours)
        self.tally.mails = len(self.mails.sent)
        self.sandbox.close()
        self.house.store.engine.dispose()
