"""`POST /webhooks/stripe`: the one hot path. Size, signature, head, keep, answer; nothing else.

A plain ASGI function in front of one writer thread (`group_commit`). It touches neither Redis nor Stripe, and
it answers 200 only when the event is durable: whatever else it answers, Stripe sends the event again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dunning import logs
from dunning.core.clock import Clock
from dunning.flows.keeping import event_row
from dunning.gateway.listen import Malformed, read_head
from dunning.gateway.signature import BadSignature, verify
from dunning.store.engine import Store
from dunning.web.group_commit import GroupCommit, Row

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

RETRY_AFTER: Headers = ((b"retry-after", b"5"),)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """A bound on everything: bytes of a body, seconds to send it, seconds to keep it, rows."""

    body_bytes: int = 1024 * 1024
    body_s: float = 10
    keep_s: float = 5
    line_rows: int = 1024
    batch_rows: int = 128


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, ready to be sent; `code` is a word for programs."""

    status: int
    code: str
    body: bytes
    headers: Headers


class Refused(Exception):
    """The request ends here, with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.code)
        self.reply = reply


class Gone(Exception):
    """The sender hung up before the body was complete; there is nobody to answer."""


class Receiver:
    """The webhook endpoint as an ASGI application, to be mounted at `/webhooks/stripe`.

    Answers 503 until `start` was called and after `stop`, which commits what it has taken in. `clock` dates
    the events and judges the age of signatures; `livemode` is the mode of the key in use: events of the other
    are kept and never acted on. `wake` is called, in the writer thread, after a commit that left work.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        secrets: Sequence[str],
        livemode: bool,  # noqa: FBT001 - the contract with whoever mounts it
        wake: Callable[[], None] | None = None,
        *,
        limits: Limits | None = None,
    ) -> None:
        self._clock = clock
        self._secrets = tuple(secret for secret in secrets if secret.strip())
        self._livemode = livemode
        self._limits = limits or Limits()
        self._writer = GroupCommit(store, wake, line=self._limits.line_rows, batch=self._limits.batch_rows)

    def start(self) -> None:
        """Start the writer thread."""
        self._writer.start()

    def stop(self) -> None:
        """Refuse new events, commit those taken in, and end the writer thread."""
        self._writer.stop()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, never with a 500."""
        if scope["type"] != "http":
            raise RuntimeError(f"the receiver speaks http only, not {scope['type']}")
        try:
            reply = await self._answer(scope, receive)
        except Gone:
            return
        except Refused as refused:
            reply = refused.reply
            _log.info("webhook_refused", status=reply.status, code=reply.code)
        except Exception:  # noqa: BLE001 - never a 500: Stripe sends the event again, the log has the trace
            _log.exception("webhook_failed")
            reply = NOT_KEPT
        await _send(reply, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        if scope["method"] != "POST":
            raise Refused(ONLY_POST)
        payload = await self._body(scope, receive)
        now = self._clock.now()
        self._verify(payload, _header(scope, b"stripe-signature").decode("latin-1"), now)
        try:
            head = read_head(payload)
        except Malformed as error:
            raise Refused(_bad("not_an_event", f"{error}; nothing was kept.")) from None
        await self._keep(event_row(head, payload, now, livemode=self._livemode))
        return KEPT

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        if _announced(scope) > self._limits.body_bytes:
            raise Refused(TOO_LARGE)
        try:
            async with asyncio.timeout(self._limits.body_s):
                return await _read(receive, self._limits.body_bytes)
        except TimeoutError:
            raise Refused(TOO_SLOW) from None

    def _verify(self, payload: bytes, header: str, now: datetime) -> None:
        if not self._secrets:
            raise Refused(NO_SECRET)
        if not header:
            raise Refused(_bad("no_signature", "There is no Stripe-Signature header; only Stripe may post."))
        try:
            verify(payload, header, self._secrets, now=now)
        except BadSignature as error:
            cure = "Check STRIPE_WEBHOOK_SECRET, this machine's clock, and that no proxy rewrites the body."
            raise Refused(_bad("bad_signature", f"Stripe-Signature: {error}. {cure}")) from None

    async def _keep(self, row: Row) -> None:
        kept = self._writer.offer(row)
        if kept is None:
            raise Refused(FULL)
        try:
            async with asyncio.timeout(self._limits.keep_s):
                durable = await kept
        except TimeoutError:
            raise Refused(NOT_KEPT) from None
        if not durable:
            raise Refused(NOT_KEPT)


def _header(scope: Scope, name: bytes) -> bytes:
    """Return a header's value; several lines of one name are one list (RFC 9110, 5.3)."""
    return b",".join(value for key, value in scope["headers"] if key == name)


def _announced(scope: Scope) -> int:
    """Return the announced length in bytes; 0 when there is none to be believed."""
    value = _header(scope, b"content-length")
    return int(value) if value.isdigit() and len(value) <= 20 else 0


async def _read(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise Refused(TOO_LARGE)
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _reply(status: int, code: str, message: str, headers: Headers = ()) -> Reply:
    said = {"error": {"code": code, "message": message}} if status != 200 else {"received": True}
    return _as_json(status, code, said, headers)


def _as_json(status: int, code: str, said: dict[str, Any], headers: Headers) -> Reply:
    body = json.dumps(said).encode()
    kind: Headers = (
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-content-type-options", b"nosniff"),
    )
    return Reply(status, code, body, kind + headers)


def _bad(code: str, message: str) -> Reply:
    return _reply(400, code, message)


async def _send(reply: Reply, send: Send) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": list(reply.headers)})
    await send({"type": "http.response.body", "body": reply.body})


KEPT = _reply(200, "kept", "")
ONLY_POST = _reply(405, "only_post", "Stripe posts its events here; use POST.", ((b"allow", b"POST"),))
TOO_LARGE = _reply(413, "too_large", "An event has at most 1 MiB; nothing was kept.")
TOO_SLOW = _reply(
    408, "too_slow", "The body took too long to arrive; send it again.", ((b"connection", b"close"),)
)
NO_SECRET = _reply(
    503,
    "no_secret",
    "STRIPE_WEBHOOK_SECRET is missing: set it to the endpoint's signing secret; Stripe sends this again.",
    RETRY_AFTER,
)
FULL = _reply(503, "full", "No more events can be taken in just now; send it again.", RETRY_AFTER)
NOT_KEPT = _reply(503, "not_kept", "The database did not take the event; send it again.", RETRY_AFTER)
