"""A small stage: the product and the sandbox on one virtual clock, without threads, one test at a time.

The Stripe SDK asks the sandbox over real HTTP, on a real database; the events go through the receiver's own
functions, and bells are answered in the order in which they ring. Mail lands in `mails`, and nobody follows
its links by chance: a diary says what the customer does.
"""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr
from sqlalchemy import RowMapping, select
from starlette.types import ASGIApp, Receive, Scope, Send

from dunning import app
from dunning.core.billing import Whose
from dunning.core.clock import VirtualClock
from dunning.core.policy import Policy, PolicyVersion
from dunning.core.vocabulary import AttemptState, Retries
from dunning.errors import Refused, Transient
from dunning.flows import switches, work
from dunning.flows.house import House
from dunning.flows.keeping import event_row
from dunning.gateway.listen import read_head
from dunning.mail.provider import Accepted, Outgoing
from dunning.sandbox import Sandbox
from dunning.sandbox.money import credit, pay_out_of_band
from dunning.sandbox.server import application
from dunning.sandbox.state import Actor, StoredEvent
from dunning.settings import Settings
from dunning.store import attempts, breakers, due, inbox, invariants, recoveries, rules, tables
from dunning.store.engine import open_store
from dunning.store.events import insert_events
from dunning.store.rows import AttemptRow, RecoveryRow
from workers.bells import POISON_WAITS

START = datetime(2026, 1, 5, 6, tzinfo=UTC)  # a Monday
OURS = Whose()


class Switchboard:
    """One port that answers for whichever sandbox is on stage: starting a server costs more than a test."""

    def __init__(self) -> None:
        self.app: ASGIApp | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(self, log_level="critical", lifespan="off", ws="none"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None, "a request came between two tests"
        await self.app(scope, receive, send)

    def start(self) -> None:
        """Serve; returns once connections are accepted."""
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started:
            assert time.monotonic() < until, "the sandbox's server did not start"
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop serving."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(5)
        self._socket.close()


@dataclass
class Mails:
    """A mailer that keeps what it is given; `mishap` is raised after it was taken, once."""

    stage_clock: VirtualClock
    sandbox: Sandbox
    name: str = "outbox"
    sent: list[tuple[datetime, Outgoing]] = field(default_factory=list)
    mishap: BaseException | None = None

    def send(self, outgoing: Outgoing) -> Accepted:
        self.sent.append((self.stage_clock.now(), outgoing))
        for world in self.sandbox.accounts.all():
            if customer := world.customer_by_email.get(outgoing.recipient):
                world.people[customer].mailed.append(self.stage_clock.now())
        mishap, self.mishap = self.mishap, None
        if mishap is not None:
            raise mishap
        return Accepted()


@dataclass
class Stage:
    """Everything on the stage."""

    clock: VirtualClock
    sandbox: Sandbox
    house: House
    mails: Mails
    url: str
    hold_events: bool = False
    held: list[StoredEvent] = field(default_factory=list)

    def fails(self, code: str, **more: Any) -> dict[str, Any]:
        """Bill a customer whose card answers `code`, and let the news arrive; returns the ids."""
        ids = self.sandbox.customer(**({"fail": code, "country": "GB"} | more))
        self.settle()
        return ids

    def policy(self, **rules_: Any) -> None:
        """Publish a policy with these rules; what opens from now on is opened under it."""
        wanted = PolicyVersion(replace(Policy(), **rules_))
        with self.house.store.write() as connection:
            rules.publish_policy(connection, wanted, self.clock.now())

    def settle(self) -> None:
        """Let everything that is due now happen, until nothing is left to do."""
        while True:
            self.sandbox.play()
            if not self.deliver() + self.ring():
                return

    def pass_time(self, **span: float) -> None:
        """Let time pass, stopping at everything that happens on the way."""
        end = self.clock.now() + timedelta(**span)
        self.settle()
        while self.clock.now() < end:
            self.clock.advance_to(min(self._next(), end))
            self.settle()

    def skip_time(self, *, hours: int, hop: int = 6) -> None:
        """Let time pass in hops: for spans in which something polls every few minutes."""
        for _ in range(hours // hop):
            self.clock.advance_to(self.clock.now() + timedelta(hours=hop))
            self.settle()

    def _next(self) -> datetime:
        with self.house.store.read() as connection:
            ours = due.next_ring(connection)
        both = [at for at in (ours, self.sandbox.next_at()) if at is not None]
        return max(
            min(both, default=datetime.max.replace(tzinfo=UTC)), self.clock.now() + timedelta(seconds=1)
        )

    def deliver(self) -> int:
        """Let the events that Stripe made arrive, unless they are held."""
        with self.sandbox.world.lock:
            fresh, self.sandbox.world.outbox = self.sandbox.world.outbox, []
        if self.hold_events:
            self.held += fresh
            return 0
        self.receive(fresh)
        return len(fresh)

    def receive(self, events: list[StoredEvent]) -> None:
        """Keep events as the receiver does, in this order."""
        for event in events:
            body = event.body.encode()
            row = event_row(read_head(body), body, self.clock.now(), livemode=False)
            with self.house.store.write() as connection:
                insert_events(connection, [row])
            event.delivered = True

    def ring(self) -> int:
        """Ring for what is due and do the work, in order; return how many bells rang."""
        rung = 0
        for kind, do in work.ROWS.items():
            with self.house.store.write() as connection:
                ids = due.stamp(connection, kind, self.clock.now())
            for row_id in ids:
                self._work(kind, row_id, do)
            rung += len(ids)
        with self.house.store.read() as connection:
            probing = breakers.probe_due(connection, self.clock.now())
        if probing:
            work.work_chore(self.house, "probe")
        return rung + probing

    def _work(self, kind: str, row_id: Any, do: Callable[[House, Any], None]) -> None:
        """Do the work of one bell; what Stripe refuses is put off, as the bells do."""
        try:
            do(self.house, row_id)
        except Transient:
            return
        except Refused:
            with self.house.store.write() as connection:
                due.push(connection, kind, row_id, self.clock.now() + POISON_WAITS)

    def recovery(self, ids: dict[str, Any]) -> RecoveryRow:
        """Return the recovery of a customer's invoice."""
        with self.house.store.read() as connection:
            found = recoveries.newest_of_invoice(connection, OURS, ids["invoice"])
        assert found is not None, "no recovery was opened"
        return found

    def attempts(self, ids: dict[str, Any]) -> list[AttemptRow]:
        """Return the attempts on a customer's invoice by anyone, oldest first."""
        with self.house.store.read() as connection:
            return attempts.of_recovery(connection, self.recovery(ids).id)

    def ours(self, ids: dict[str, Any]) -> list[AttemptState]:
        """Return how the charges ended that we asked."""
        return [attempt.state for attempt in self.attempts(ids) if attempt.ordinal is not None]

    def rows(self, table: str, ids: dict[str, Any]) -> list[RowMapping]:
        """Return the rows of a table that belong to a customer's recovery."""
        found = getattr(tables, table)
        query = select(found).where(found.c.recovery_id == self.recovery(ids).id).order_by(found.c.id)
        with self.house.store.read() as connection:
            return list(connection.execute(query).mappings())

    def ledger(self, ids: dict[str, Any]) -> list[tuple[str, int, str | None]]:
        """Return the money of a recovery: kind, minor units, reason."""
        rows = sorted(self.rows("ledger_entries", ids), key=lambda row: row["recorded_at"])
        return [(row["kind"], row["amount"], row["reason"]) for row in rows]

    def errands(self, ids: dict[str, Any]) -> list[tuple[str, str]]:
        """Return what was to be done at Stripe for a recovery, and how it ended."""
        return [(row["kind"], row["state"]) for row in self.rows("errands", ids)]

    def subscription(self, ids: dict[str, Any]) -> dict[str, Any]:
        """Return the subscription as Stripe has it."""
        return self.sandbox.world.tables["subscriptions"][ids["subscription"]]

    def messages(self, ids: dict[str, Any]) -> dict[str, str]:
        """Return the state of every message of a recovery, by its step."""
        return {row["step"]: row["state"] for row in self.rows("messages", ids)}

    def sentences(self, ids: dict[str, Any]) -> list[str]:
        """Return the timeline's sentences, oldest first."""
        return [
            row["sentence"] for row in sorted(self.rows("notes", ids), key=lambda row: (row["at"], row["id"]))
        ]

    def invoice(self, ids: dict[str, Any]) -> dict[str, Any]:
        """Return the invoice as Stripe has it."""
        return self.sandbox.accounts.holding(ids["invoice"])[1]

    def charges(self, ids: dict[str, Any], *, by: str | None = None) -> list[str]:
        """Return the outcomes of the network's attempts on an invoice, from the sandbox's own books."""
        lines = (line for line in self.sandbox.books() if line["invoice"] == ids["invoice"])
        asked = (line for line in lines if line["kind"] in {"charge", "settlement"})
        return [line["outcome"] for line in asked if by in {None, line["made_by"]}]

    def laws_broken(self) -> dict[str, int]:
        """Return the laws of the database that do not hold, with how many rows break them."""
        with self.house.store.read() as connection:
            found = invariants.check(connection, self.clock.now())
        return {law: count for law, count in found.items() if count}

    def merchant(self, method: str, path: str, **form: str) -> None:
        """Do something through Stripe's API, as the merchant's own program would."""
        headers = {"Authorization": "Bearer sk_test_merchant"}
        answer = httpx.request(method, f"{self.url}{path}", data=form, headers=headers, trust_env=False)
        assert answer.is_success, answer.text

    def merchant_charges(self, ids: dict[str, Any]) -> None:
        """Let the merchant press "charge" in the Dashboard, whatever comes of it."""
        headers = {"Authorization": "Bearer sk_test_merchant"}
        httpx.post(f"{self.url}/v1/invoices/{ids['invoice']}/pay", headers=headers, trust_env=False)

    def nothing_is_missing(self) -> None:
        """Act as if Stripe's list of events had been compared with ours, and named none that we lack."""
        with self.house.store.write() as connection:
            inbox.keep_reconciled(connection, self.clock.now())

    def pays_out_of_band(self, ids: dict[str, Any]) -> None:
        """Let the merchant mark the invoice as paid by a bank transfer."""
        with self.sandbox.world.lock:
            pay_out_of_band(self.sandbox.world, self.invoice(ids), self._dashboard())

    def credits(self, ids: dict[str, Any], amount: int) -> None:
        """Let the merchant write a credit note over `amount` minor units."""
        with self.sandbox.world.lock:
            credit(self.sandbox.world, self.invoice(ids), amount, self._dashboard())

    def _dashboard(self) -> Actor:
        return Actor("merchant", self.sandbox.world.new_id("req"))


@contextlib.contextmanager
def set_stage(
    switchboard: Switchboard,
    database_url: str,
    folder: Path,
    *,
    retries: Retries = Retries.OWN,
    messages: bool = True,
    smart_retries: bool = True,
) -> Iterator[Stage]:
    """Put everything on the stage; afterwards every law of the database must hold."""
    clock = VirtualClock(START)
    sandbox = Sandbox(clock=clock, seed=7)
    sandbox.smart_retries = smart_retries
    sandbox.move_to(switchboard.url)
    switchboard.app = application(sandbox)
    mails = Mails(clock, sandbox)
    settings = Settings(
        stripe_api_key=SecretStr("sk_test_stage"),
        stripe_webhook_secret=SecretStr("whsec_stage"),
        stripe_api_base=switchboard.url,
        database_url=SecretStr(database_url),
        public_url="http://127.0.0.1:8000",
        data_dir=folder,
        secret_key=SecretStr("0123456789abcdef0123456789abcdef"),
        mail_from="Juniper Coffee <billing@juniper.example>",
        retries=retries,
        messages=messages,
    )
    store = open_store(database_url, lease_clock=clock, durable=False)
    house = app.build_house(settings, store=store, clock=clock, mailer=mails, simulated=True)
    switches.first_start(house)
    stage = Stage(clock, sandbox, house, mails, switchboard.url)
    try:
        yield stage
    finally:
        switchboard.app = None
        sandbox.close()
        store.engine.dispose()
