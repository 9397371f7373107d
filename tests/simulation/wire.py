"""The way to the sandbox without a network: an HTTP client of the Stripe SDK that calls it directly.

Nothing in the sandbox waits for anything here, so its coroutines end at the first step.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import stripe
from starlette.types import ASGIApp, Message

from dunning.gateway.ask import Stripe


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the SDK, as it would leave the house."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None

    @property
    def path(self) -> str:
        return urlsplit(self.url).path

    @property
    def pays(self) -> bool:
        return self.method == "POST" and self.path.endswith("/pay")


Answer = tuple[str, int, dict[str, str]]


def send(app: ASGIApp, request: Request) -> Answer:
    """Return what the application answers.

    Raises:
        stripe.APIConnectionError: it broke the connection off.
    """
    parts = urlsplit(request.url)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method.upper(),
        "scheme": "http",
        "path": parts.path,
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in request.headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": (request.body or "").encode(), "more_body": False}

    async def answer(message: Message) -> None:
        sent.append(message)

    _finish(app(scope, receive, answer))  # type: ignore[arg-type]  # an application's coroutine
    content = b"".join(message.get("body", b"") for message in sent[1:])
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    if int(headers.get("content-length", len(content))) != len(content):
        raise stripe.APIConnectionError("the connection broke off")
    return content.decode(), sent[0]["status"], headers


def _finish(coroutine: Coroutine[Any, Any, None]) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("the sandbox waited for something")


class Wire(stripe.HTTPClient):
    """An HTTP client that hands each request to `carry`, and never sleeps between two tries."""

    name = "simulation"

    def __init__(self, carry: Callable[[Request], Answer]) -> None:
        super().__init__()
        self._carry = carry

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answer:
        return self._carry(Request(method.upper(), url, headers or {}, post_data))

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0

    def close(self) -> None:
        """There is nothing to close."""


def speak_through(ours: Stripe, client: stripe.StripeClient) -> None:
    """Let everything that is asked of Stripe go through a client of the test's own."""
    ours._client = client
    ours.subscriptions._client = client
