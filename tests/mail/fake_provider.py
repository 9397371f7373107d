"""A mail provider on this machine: keeps what it accepts, answers as told, honours keys."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs


@dataclass
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode(), strict_parsing=True).items()}


@dataclass
class FakeProvider:
    """What was asked and accepted. `answers` are used up one by one; a callable acts on the connection."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    accepted: list[Asked] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)

    def take(self, asked: Asked) -> None:
        """Accept a mail, unless its key was accepted before."""
        key = asked.headers.get("idempotency-key")
        if key is None and b"idempotencyKey" in asked.body:
            key = asked.json["headers"]["idempotencyKey"]
        if key is None or key not in self.keys:
            self.accepted.append(asked)
        self.keys.add(key or "")


def breaks_off_after_taking(provider: FakeProvider, handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    """Accept the mail and close the connection without a word."""
    provider.take(asked)
    handler.close_connection = True


def breaks_off_before_taking(_: FakeProvider, handler: BaseHTTPRequestHandler, __: Asked) -> None:
    handler.close_connection = True


@contextmanager
def a_provider(**reply: Any) -> Iterator[FakeProvider]:
    """Run a provider that answers `reply` with status 200."""
    provider = FakeProvider(reply=reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            provider.asked.append(asked)
            answer = provider.answers.pop(0) if provider.answers else (200, provider.reply)
            if callable(answer):
                answer(provider, self, asked)
                return
            code, said = answer
            if 200 <= code < 300 and not said.get("ErrorCode"):
                provider.take(asked)
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Message-Id", "from-a-header")
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
