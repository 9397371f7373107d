"""Writes of the API: of a bounded size, and once under an idempotency key, however often they are sent."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from dunning.flows.house import House
from dunning.store import answers
from dunning.store.answers import Kept

HEADER: Final = "idempotency-key"
KEY_MOST: Final = 255
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
MAX_BODY: Final = 64 * 1024
DONE: Final = frozenset({200, 201, 202, 204, 409})  # what was decided; other answers changed nothing


@dataclass(slots=True)
class _Heard:
    """An answer that passes by, as it is kept."""

    status: int = 0
    content_type: str = ""
    body: bytes = b""
    secret: bool = False  # `Cache-Control: no-store`: it has what is shown once

    def hear(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = Headers(raw=message["headers"])
            self.content_type = headers.get("content-type", "")
            self.secret = "no-store" in headers.get("cache-control", "")
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


@dataclass(frozen=True, slots=True)
class OncePerKey:
    """Carries a keyed write of the API out once, and repeats its answer for a day."""

    site: Starlette
    house: House
    root: str = field(default="/api/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it from what is kept."""
        if not self._concerns(scope):
            await self.site(scope, receive, send)
            return
        body = await _whole(receive)
        key = Headers(scope=scope).get(HEADER)
        if body is None:
            await _problem(413, f"A body has {MAX_BODY} bytes at most.")(scope, receive, send)
        elif key is None:
            await self.site(scope, _replaying(body, receive), send)
        elif not key or len(key) > KEY_MOST or not (key.isascii() and key.isprintable()):
            why = f"An Idempotency-Key has 1 to {KEY_MOST} printable ASCII characters."
            await _problem(400, why)(scope, receive, send)
        else:
            await self._once(key, body, scope, receive, send)

    def _concerns(self, scope: Scope) -> bool:
        writes = scope["type"] == "http" and scope["method"] in WRITES
        return writes and scope["path"].startswith(self.root) and self._takes(scope)

    def _takes(self, scope: Scope) -> bool:
        # A path or method that there is not is told so, whatever its key was used for.
        return any(route.matches(scope)[0] is Match.FULL for route in self.site.routes)

    async def _once(self, key: str, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        actor = scope["state"]["actor"].by
        request = _fingerprint(scope, body)
        known = await run_in_threadpool(self._claim, actor, key, request)
        if known is not None:
            await _repeated(known, request)(scope, receive, send)
            return
        heard = _Heard()
        try:
            await self.site(scope, _replaying(body, receive), _overheard(send, heard))
        finally:
            await run_in_threadpool(self._settle, actor, key, heard)

    def _claim(self, actor: str, key: str, request: str) -> Kept | None:
        with self.house.store.write() as connection:
            return answers.claim(connection, actor, key, request, self.house.wall.now())

    def _settle(self, actor: str, key: str, heard: _Heard) -> None:
        with self.house.store.write() as connection:
            if heard.status in DONE:
                kept = (heard.status, heard.content_type, heard.body)
                answers.keep(connection, actor, key, *(SHOWN_ONCE if heard.secret else kept))
            else:
                answers.release(connection, actor, key)


def _repeated(known: Kept, request: str) -> Response:
    if known.request != request:
        return _problem(422, "This Idempotency-Key was used for another request: choose a new one.")
    if known.status is None:
        answer = _problem(409, "The first request with this Idempotency-Key is still being carried out.")
        answer.headers["retry-after"] = "1"
        return answer
    headers = {"idempotent-replayed": "true", "content-type": known.content_type or "application/json"}
    return Response(known.body or b"", known.status, headers)


def _problem(status: int, detail: str) -> Response:
    titles = {400: "Bad Request", 409: "Conflict", 413: "Content Too Large", 422: "Unprocessable Content"}
    content = {"type": "about:blank", "title": titles[status], "status": status, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")


_ONCE: Final = _problem(
    409, "This was done before; its answer had a secret, which was shown once and not kept."
)
SHOWN_ONCE: Final = (_ONCE.status_code, "application/problem+json", bytes(_ONCE.body))


def _fingerprint(scope: Scope, body: bytes) -> str:
    parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], body)
    return hashlib.sha256(b"\x00".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


async def _whole(receive: Receive) -> bytes | None:
    """Return the request's body, or None when it is too large or was never finished."""
    body: bytes = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += bytes(message.get("body", b""))
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return body


def _replaying(body: bytes, receive: Receive) -> Receive:
    given: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return given.pop() if given else await receive()

    return replay


def _overheard(send: Send, heard: _Heard) -> Send:
    async def pass_on(message: Message) -> None:
        heard.hear(message)
        await send(message)

    return pass_on
