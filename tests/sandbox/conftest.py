import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox, Server, serve

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
SECRET = "whsec_test"

stripe.enable_telemetry = False


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(START)


@pytest.fixture
def sandbox(clock: VirtualClock) -> Iterator[Sandbox]:
    made = Sandbox(clock=clock, seed=7, webhook_secret=SECRET)
    yield made
    made.close()


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[Server]:
    running = serve(sandbox)
    yield running
    running.stop()


@pytest.fixture
def client(server: Server) -> stripe.StripeClient:
    return stripe.StripeClient("sk_test_sandbox", base_addresses={"api": server.url})


class Control:
    """The control routes, as a script outside would use them."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client = httpx.Client(timeout=30, verify=False)

    def __call__(self, action: str, **details: Any) -> dict[str, Any]:
        answer = self.client.post(f"{self.url}/_sandbox/{action}", json=details)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def books(self) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.client.get(f"{self.url}/_sandbox/books").json()
        return lines


@pytest.fixture
def control(server: Server) -> Iterator[Control]:
    made = Control(server.url)
    yield made
    made.client.close()


@pytest.fixture(scope="session")
def schema() -> dict[str, Any]:
    """Stripe's own object schema where it is at hand, else the few objects the project describes itself."""
    samples = os.environ.get("STRIPE_SAMPLES")
    own = Path(__file__).parent / "fixtures" / "stripe_objects.schema.json"
    path = Path(samples) / "stripe-objects.2026-10-28.endive.schema.json" if samples else own
    found: dict[str, Any] = json.loads(path.read_text())
    return found
