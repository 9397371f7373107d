"""Bodies and headers at the webhook: no failure of ours, nothing kept unsigned, nothing lost."""

import asyncio
import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from hostile.draws import bent, forged_header, many, other_headers, seeds, split
from running_receiver import NOW, SECRET, event_body, kept

from dunning.core.clock import VirtualClock
from dunning.gateway.signature import sign
from dunning.store.engine import open_store
from dunning.web.receiver import Receiver


@dataclass(frozen=True)
class Post:
    """What is posted: `whole` when it is an event of Stripe's as it left, `signed` when by who may."""

    body: bytes
    headers: list[tuple[bytes, bytes]]
    pieces: list[bytes]
    whole: bool
    signed: bool

    @classmethod
    def drawn(cls, chance: random.Random, number: int) -> "Post":
        event = event_body(f"evt_{number}")
        whole, signed = chance.random() < 0.2, chance.random() < 0.5
        body = event if whole else bent(chance, event)
        mark = sign(body, SECRET, NOW) if signed else forged_header(chance, body, SECRET, NOW)
        shown = [(b"stripe-signature", mark.encode("utf-8", "surrogatepass"))] if mark else []
        headers = [*shown, *other_headers(chance, body)]
        chance.shuffle(headers)
        return cls(body, headers, split(chance, body), whole, signed)

    @property
    def too_long(self) -> bool:
        """Whether a header says that more is coming than may."""
        said = b",".join(value for name, value in self.headers if name == b"content-length")
        return said.isdigit() and 2**20 < int(said) < 10**20


async def post(receiver: Receiver, what: Post) -> int:
    """Post as a server hands it on; return the status of the answer."""
    sent: list[Any] = []
    pieces = list(what.pieces)
    scope = {"type": "http", "method": "POST", "path": "/webhooks/stripe", "headers": what.headers}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    await receiver(scope, receive, send)
    return int(sent[0]["status"])


def test_whatever_is_posted_is_answered_and_only_what_was_signed_is_kept(sqlite_url: str) -> None:
    store = open_store(sqlite_url, durable=False)
    receiver = Receiver(store, VirtualClock(NOW), (SECRET,), livemode=False)
    receiver.start()
    answers, taken = Counter[int](), set[tuple[str, bytes]]()

    async def play() -> None:
        for number, chance in enumerate(seeds(many(1500), "webhook")):
            what = Post.drawn(chance, number)
            status = await post(receiver, what)
            answers[status] += 1
            assert status < 500, (number, status)
            if what.too_long:
                assert status == 413, number
            elif not what.signed:
                assert status == 400, (number, status)
            else:
                assert status in ({200} if what.whole else {200, 400}), (number, status, what.body[:200])
            if status == 200:
                taken.add((json.loads(what.body)["id"], what.body))

    try:
        with ThreadPoolExecutor(1) as apart:  # this thread may have a loop of Playwright's
            apart.submit(lambda: asyncio.run(play())).result()
    finally:
        receiver.stop()
    rows = {(row.id, row.payload) for row in kept(store)}
    assert rows <= taken
    assert {event for event, _ in rows} == {event for event, _ in taken}
    assert answers[200] > 0
    print(f"\nhostile posts: {json.dumps(dict(answers))}")  # noqa: T201 - shown by pytest -s
    store.engine.dispose()
