"""Bodies and headers at the webhook: no failure of ours, nothing kept unsigned, nothing lost."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from hostile.draws import bent, header, many, seeds
from running_receiver import NOW, SECRET, event_body, kept

from dunning.core.clock import VirtualClock
from dunning.gateway.listen import Malformed, read_head
from dunning.gateway.signature import sign
from dunning.store.engine import open_store
from dunning.web.receiver import Receiver


@pytest.fixture(autouse=True)
def silence() -> Iterator[None]:
    """A line a refusal would be a million lines."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


async def post(receiver: Receiver, body: bytes, signature: str) -> int:
    """Post as a server hands it on; return the status of the answer."""
    sent: list[Any] = []
    headers = [(b"stripe-signature", signature.encode("utf-8", "surrogatepass"))] if signature else []
    scope = {"type": "http", "method": "POST", "path": "/webhooks/stripe", "headers": headers}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await receiver(scope, receive, send)
    return int(sent[0]["status"])


def told(body: bytes) -> str | None:
    """Return the id of the event in a body, None when it is no event."""
    try:
        return read_head(body).id
    except Malformed:
        return None


def test_whatever_is_posted_is_answered_and_only_what_was_signed_is_kept(sqlite_url: str) -> None:
    store = open_store(sqlite_url, durable=False)
    receiver = Receiver(store, VirtualClock(NOW), (SECRET,), livemode=False)
    receiver.start()
    answers, expected = Counter[int](), set[str]()

    async def play() -> None:
        for number, chance in enumerate(seeds(many(1500), "webhook")):
            body = bent(chance, event_body(f"evt_{number}"))
            right = sign(body, SECRET, NOW)
            signed = chance.random() < 0.5
            status = await post(receiver, body, right if signed else header(chance, right))
            answers[status] += 1
            assert status < 500, (number, status)
            event = told(body)
            if not signed:
                assert status in {400, 401, 403}, (number, status)
            else:
                assert (status == 200) == (event is not None), (number, status, body[:200])
            if signed and event is not None:
                expected.add(event)

    try:
        with ThreadPoolExecutor(1) as apart:  # this thread may have a loop of Playwright's
            apart.submit(lambda: asyncio.run(play())).result()
    finally:
        receiver.stop()
    assert {row.id for row in kept(store)} == expected
    assert answers[200] > 0
    print(f"\nhostile posts: {json.dumps(dict(answers))}")  # noqa: T201 - shown by pytest -s
    store.engine.dispose()
