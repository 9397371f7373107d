"""A sender of signed webhooks: as many connections as told, each one request after another.

    python -m benchmarks.load --urls http://127.0.0.1:8000/webhooks/stripe --seconds 5 --connections 32

Prints one line of JSON: answers a second, the 50th and the 99th percentile in milliseconds, and how many
were not 200. With `--rate` requests leave on a timetable and are timed from when they should have left, so
that a stall is not hidden by the requests that it held up. Bodies are signed before the watch starts.
"""

import argparse
import asyncio
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from urllib.parse import urlsplit

from dunning.gateway.signature import sign

SECRET = "whsec_of_a_benchmark"
SIZE = 6 * 1024
READY_A_SECOND = 6000  # more than any receiver here answers


@dataclass
class Result:
    """What one run saw: seconds of each answer, and answers that were not 200."""

    taken: list[float] = field(default_factory=list)
    refused: int = 0

    def told(self, seconds: float) -> dict[str, float]:
        ordered = sorted(self.taken)
        at = lambda share: round(ordered[int(share * (len(ordered) - 1))] * 1000, 2)  # noqa: E731
        return {
            "rate": round(len(ordered) / seconds, 1),
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
            "refused": self.refused,
            "answers": len(ordered),
        }


def body(number: int, run: str) -> bytes:
    """Return an event of about 6 KB, as an invoice with a few lines makes it."""
    line = {"id": "il_", "object": "line_item", "amount": 4900, "currency": "usd", "description": "1 × Plan"}
    invoice = {"id": f"in_{run}{number}", "object": "invoice", "customer": f"cus_{run}{number}"}
    lines = [{**line, "id": f"il_{run}{number}_{each}"} for each in range(36)]
    event = {
        "id": f"evt_{run}{number}",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": int(datetime.now(UTC).timestamp()),
        "type": "invoice.updated",
        "livemode": False,
        "data": {"object": {**invoice, "lines": {"object": "list", "data": lines}}},
    }
    made = json.dumps(event).encode()
    return made + b" " * (SIZE - len(made))


def requests(url: str, count: int, run: str) -> Iterator[bytes]:
    """Yield whole HTTP requests, signed now."""
    where = urlsplit(url)
    now = datetime.now(UTC)
    for number in range(count):
        payload = body(number, run)
        head = (
            f"POST {where.path} HTTP/1.1\r\nHost: {where.netloc}\r\nContent-Type: application/json\r\n"
            f"Stripe-Signature: {sign(payload, SECRET, now)}\r\nContent-Length: {len(payload)}\r\n\r\n"
        )
        yield head.encode() + payload


class Line(asyncio.Protocol):
    """One connection: sends, and wakes whoever waits when the answer is there."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[int] | None = None
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen += data
        head, end, rest = self._seen.partition(b"\r\n\r\n")
        if not end or self.answer is None:
            return
        lengths = [row.split(b":")[1] for row in head.lower().split(b"\r\n") if row.startswith(b"content-le")]
        if len(rest) >= (int(lengths[0]) if lengths else 0):
            self._seen = b""
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(exc or ConnectionError("the receiver hung up"))

    async def ask(self, request: bytes) -> int:
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


async def send(
    urls: list[str], ready: list[list[bytes]], seconds: float, connections: int, rate: float | None
) -> Result:
    loop, result = asyncio.get_running_loop(), Result()
    lines = []
    for number in range(connections):
        where = urlsplit(urls[number % len(urls)])
        _, line = await loop.create_connection(Line, where.hostname, where.port)
        lines.append((line, ready[number % len(urls)]))
    began = perf_counter()

    async def keep_sending(number: int, line: Line, waiting: list[bytes]) -> None:
        step = connections / rate if rate else 0.0
        leaves = began + (number / rate if rate else 0.0)
        while waiting and max(leaves, perf_counter()) < began + seconds:
            if rate:
                await asyncio.sleep(max(0.0, leaves - perf_counter()))
            sent = leaves if rate else perf_counter()
            status = await line.ask(waiting.pop())
            result.taken.append(perf_counter() - sent)
            result.refused += status != 200
            leaves += step

    await asyncio.gather(*(keep_sending(n, line, waiting) for n, (line, waiting) in enumerate(lines)))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--urls", nargs="+", required=True)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument(
        "--rate", type=float, help="requests a second, on a timetable; else as fast as it goes"
    )
    options = parser.parse_args()
    count = int((options.rate or READY_A_SECOND) * options.seconds / len(options.urls)) + 100
    run = uuid.uuid4().hex[:12]
    ready = [list(requests(url, count, f"{run}{n}")) for n, url in enumerate(options.urls)]
    began = perf_counter()
    result = asyncio.run(send(options.urls, ready, options.seconds, options.connections, options.rate))
    print(json.dumps(result.told(perf_counter() - began)))


if __name__ == "__main__":
    main()
