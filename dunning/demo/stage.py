"""The demo's stage: the real product and the sandbox, side by side in one process, on one virtual clock.

Everything goes the real way: signed webhooks over HTTP, the Stripe SDK against the sandbox, the database, the
broker, the templates, the pages.
"""

import contextlib
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import dramatiq
from dramatiq import Worker
from pydantic import SecretStr

from dunning import app
from dunning.core.clock import VirtualClock
from dunning.core.vocabulary import Retries
from dunning.demo.mailbox import Mailbox
from dunning.errors import Unusable
from dunning.flows import switches
from dunning.flows.house import House
from dunning.sandbox import Sandbox, Server, script, serve
from dunning.sandbox.script import Step
from dunning.settings import Settings
from dunning.store import due
from dunning.store.engine import open_store
from dunning.web.demo_bar import DemoBar
from dunning.web.receiver import Receiver
from dunning.web.server import WebServer, listen
from dunning.web.site import create_site
from workers.bells import Bells, hang
from workers.broker import make_broker
from workers.clock import tick

START: Final = datetime(2026, 1, 5, 6, tzinfo=UTC)
SECRET: Final = "whsec_demo"  # noqa: S105 - signs play money between two threads of one process
KEY: Final = "sk_test_demo"
CHORES: Final = {
    "learn": timedelta(days=7),
    "reconcile": timedelta(days=1),
    "renewals": timedelta(days=7),
    "fold": timedelta(days=1),
    "laws": timedelta(days=1),
    "prove": timedelta(days=1),
    "census": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything on the stage, running."""

    clock: VirtualClock
    sandbox: Sandbox
    house: House
    broker: dramatiq.Broker
    worker: Worker
    bells: Bells
    url: str

    def settle(self) -> None:
        """Let everything that is due now happen, until nothing is left to do."""
        while True:
            self.sandbox.play()
            delivered = self.sandbox.deliver()
            rung = tick(self.house, self.bells, every=CHORES)
            if not delivered and not rung:
                return
            self.broker.join("dunning")
            self.worker.join()

    def next_instant(self) -> datetime | None:
        """Return the next instant at which anything happens, in the sandbox or in the product."""
        with self.house.store.read() as connection:
            ours = due.next_ring(connection)
        theirs = self.sandbox.next_at()
        return min((at for at in (ours, theirs) if at is not None), default=None)


@contextlib.contextmanager
def set_up(
    *,
    seed: int,
    days: int,
    customers: int,
    database: Path | None,
    books: Path | None,
    port: int = 0,
    host: str = "127.0.0.1",
    bar: DemoBar | None = None,
    steps: tuple[Step, ...] = (),
) -> Iterator[Stage]:
    """Put everything on the stage, and clear it away afterwards.

    Raises:
        Unusable: a file that must be new exists, or the port is taken.
    """
    for option, path in (("--db", database), ("--books", books)):
        if path is not None and path.exists():
            raise Unusable(f"{option} {path} exists already: name a new file, or remove it.")
    listener = listen(host, port)
    with contextlib.ExitStack() as stack:
        stack.callback(listener.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dunning-demo-")))
        clock = VirtualClock(START)
        sandbox = Sandbox(clock=clock, seed=seed, webhook_secret=SECRET, books=books)
        server = serve(sandbox, host="127.0.0.1", port=0)
        stack.callback(server.stop)
        url = f"http://{host}:{listener.getsockname()[1]}"
        house = _house(clock, sandbox, server, url, database or folder / "demo.sqlite3", folder)
        stack.callback(house.store.engine.dispose)
        stage = _raise(stack, clock, sandbox, house, url, listener, bar)
        sandbox.populate(customers=customers, until=START + timedelta(days=days))
        script.plan(sandbox, steps)
        yield stage


def _house(
    clock: VirtualClock,
    sandbox: Sandbox,
    server: Server,
    url: str,
    database: Path,
    folder: Path,
) -> House:
    settings = Settings(
        stripe_api_key=SecretStr(KEY),
        stripe_webhook_secret=SecretStr(SECRET),
        stripe_api_base=server.url,
        database_url=SecretStr(f"sqlite:///{database}"),
        public_url=url,
        data_dir=folder,
        secret_key=SecretStr("a demo has nothing to hide, so this key is public"),
        mail_from="Lumen Notebooks <billing@lumen.example>",
        retries=Retries.OWN,
        messages=True,
    )
    store = open_store(settings.database, lease_clock=clock, durable=False)
    app.upgrade(store, settings.database)
    mailbox = Mailbox(sandbox, clock)
    house = app.build_house(settings, store=store, clock=clock, mailer=mailbox, simulated=True)
    switches.first_start(house)
    return house


def _raise(
    stack: contextlib.ExitStack,
    clock: VirtualClock,
    sandbox: Sandbox,
    house: House,
    url: str,
    listener: socket.socket,
    bar: DemoBar | None,
) -> Stage:
    broker = make_broker(None)
    bells = hang(broker, house)
    worker = Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    stack.callback(worker.stop)
    receiver = Receiver(house.store, clock, [SECRET], livemode=False)
    receiver.start()
    stack.callback(receiver.stop)
    web = WebServer(create_site(house, receiver, demo=bar), listener)
    web.start()
    stack.callback(web.stop)
    sandbox.deliver_to = f"{url}/webhooks/stripe"
    return Stage(clock, sandbox, house, broker, worker, bells, url)
