"""A receiver behind a real uvicorn on a real socket, for the tests."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import uvicorn
from sqlalchemy import Connection, Row, select

from dunning.core.clock import VirtualClock
from dunning.gateway.signature import sign
from dunning.store.engine import Store
from dunning.store.tables import events
from dunning.web.receiver import Limits, Receiver

NOW = datetime(2026, 11, 1, 1, 0, 3, 500_000, tzinfo=UTC)
SECRET = "whsec_of_a_test"


@dataclass(frozen=True)
class Desk:
    """A running receiver and how to reach it."""

    url: str
    port: int
    receiver: Receiver
    http: httpx.Client

    def post(self, body: bytes, *, secret: str = SECRET, off_s: int = 0, **more: Any) -> httpx.Response:
        """Post a body signed now, or `off_s` seconds from now."""
        signature = sign(body, secret, NOW + timedelta(seconds=off_s))
        return self.http.post(self.url, content=body, headers={"Stripe-Signature": signature}, **more)


@dataclass(frozen=True)
class GuardedStore(Store):
    """A store whose writes wait for `gate` and fail with `failure` while one is set; counts them."""

    gate: threading.Event = field(default_factory=threading.Event)
    failure: list[Exception] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    entered: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction once the gate is open."""
        self.writes.append(1)
        self.entered.set()
        assert self.gate.wait(30)
        if self.failure:
            raise self.failure[0]
        with super().write() as connection:
            yield connection


def event_body(event_id: str = "evt_1", **fields: Any) -> bytes:
    """Return the body of a small snapshot event."""
    snapshot = {
        "id": event_id,
        "object": "event",
        "type": "invoice.payment_failed",
        "created": int(NOW.timestamp()) - 2,
        "livemode": False,
        "data": {"object": {"id": "in_1", "object": "invoice"}},
        "request": {"id": "req_1", "idempotency_key": "v1:pay:self:in_1:1"},
    }
    return json.dumps(snapshot | fields).encode()


def kept(store: Store) -> list[Row[Any]]:
    """Return the events in the database, in the order of their ids."""
    with store.read() as connection:
        return list(connection.execute(select(events).order_by(events.c.id, events.c.account_id)))


@contextlib.contextmanager
def running(
    store: Store,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    livemode: bool = False,
    wake: Callable[[], None] | None = None,
    limits: Limits | None = None,
) -> Iterator[Desk]:
    """Run a receiver on a free port; it is stopped, and has kept what it took in, afterwards."""
    receiver = Receiver(store, VirtualClock(NOW), secrets, livemode, wake, limits=limits)
    config = uvicorn.Config(receiver, port=0, lifespan="off", ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    receiver.start()
    thread.start()
    try:
        port = _port(server)
        pool = httpx.Limits(max_connections=None)
        with httpx.Client(timeout=30, limits=pool, trust_env=False) as http:
            yield Desk(f"http://127.0.0.1:{port}/webhooks/stripe", port, receiver, http)
    finally:
        server.should_exit = True
        thread.join(20)
        receiver.stop()


def _port(server: uvicorn.Server) -> int:
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "uvicorn did not start"
        time.sleep(0.01)
    port: int = server.servers[0].sockets[0].getsockname()[1]
    return port
