"""A small HTTP server that keeps every request as it came, and answers as a test says."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Got:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {
            name: values[0] for name, values in parse_qs(self.body.decode(), keep_blank_values=True).items()
        }


@dataclass(frozen=True)
class Reply:
    """What is answered; `drip_s` sends one letter, and then another every so often; `cut` sends nothing."""

    status: int = 200
    json: Any = None
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    drip_s: float = 0


@dataclass
class Fake:
    """The server; `answer` is asked for each request."""

    url: str
    got: list[Got] = field(default_factory=list)
    answer: Callable[[Got], Reply] = lambda _got: Reply()

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0


def _handler(fake: Fake) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Stay silent."""

        def _take(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            got = Got(self.command, parts.path, query, headers, body)
            fake.got.append(got)
            self._reply(fake.answer(got))

        def _reply(self, reply: Reply) -> None:
            self.close_connection = True
            if reply.cut:
                return
            body = json.dumps(reply.json).encode() if reply.json is not None else reply.text.encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            with contextlib.suppress(OSError):
                for letter in body if reply.drip_s else ():
                    self.wfile.write(bytes([letter]))
                    self.wfile.flush()
                    time.sleep(reply.drip_s)
                if not reply.drip_s:
                    self.wfile.write(body)

        do_GET = do_POST = do_PUT = _take  # noqa: N815 - the base class's names

    return Handler


@contextlib.contextmanager
def fake_http() -> Iterator[Fake]:
    """Serve on a free port of this machine."""
    fake = Fake("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
