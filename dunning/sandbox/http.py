"""The door of the simulated API: keys, idempotency, faults, and errors as Stripe words them."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import NoReturn

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dunning.sandbox import (
    api_account,
    api_credits,
    api_customers,
    api_invoices,
    api_payments,
    api_thin,
    forms,
)
from dunning.sandbox.accounts import Accounts
from dunning.sandbox.api_call import Call, Endpoint
from dunning.sandbox.api_errors import ApiError, forbidden_account, invalid, unauthorized
from dunning.sandbox.events import dump
from dunning.sandbox.expand import expanded
from dunning.sandbox.faults import Fault, Faults
from dunning.sandbox.idempotency import Idempotency
from dunning.sandbox.state import Actor, Obj, World
from dunning.sandbox.versions import Shape, rendered, shape_of

ENDPOINTS = (
    *api_invoices.ENDPOINTS,
    *api_payments.ENDPOINTS,
    *api_customers.ENDPOINTS,
    *api_account.ENDPOINTS,
    *api_credits.ENDPOINTS,
    *api_thin.ENDPOINTS,
)
_OURS = "v1:pay:"
Answer = Callable[[], tuple[int, str]]


@dataclass(slots=True)
class Door:
    """What every request passes through."""

    accounts: Accounts
    faults: Faults
    keys: Idempotency

    def routes(self) -> list[Route]:
        """Return the routes of the simulated API."""
        return [Route(one.path, self._entry(one), methods=[one.method]) for one in ENDPOINTS]

    def _entry(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def enter(request: Request) -> Response:
            text = (await request.body()).decode() if request.method == "POST" else request.url.query
            with self.accounts.own.lock:
                request_id = self.accounts.own.new_id("req")
                self.faults.requests += 1
            headers = {"Request-Id": request_id}
            key = request.headers.get("idempotency-key") if request.method != "GET" else None
            if key:
                headers["Idempotency-Key"] = key
            try:
                call = self._admit(request, endpoint, text, Actor(_maker(key), request_id, key))
                await self._meet(request)
                status, body = await self._pass(request, endpoint, call, text, headers)
            except ApiError as error:
                status, body = error.status, dump(error.body)
            except _DroppedError:
                return _Broken()
            except _GarbledError as garbled:
                return Response(garbled.body, garbled.status, headers, media_type="text/html")
            if 400 <= status < 409:
                headers["Stripe-Should-Retry"] = "false"
            return Response(body, status, headers, media_type="application/json")

        return enter

    def _admit(self, request: Request, endpoint: Endpoint, text: str, actor: Actor) -> Call:
        """Check the API key, the account asked for and the parameters' names.

        Raises:
            ApiError: 401 for a key that is not a test key, 403 for an account that is not connected, 400 for
                a parameter nobody knows.
        """
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        allowed = ("sk_live_", "rk_live_") if self.accounts.own.livemode else ("sk_test_", "rk_test_")
        if kind.lower() != "bearer" or not secret.startswith(allowed):
            raise unauthorized()
        params = forms.parse(text)
        for name in params:
            if endpoint.accepts is not None and name not in endpoint.accepts:
                raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
        return Call(self._account(request), params, request.path_params, actor)

    def _account(self, request: Request) -> World:
        asked = _scope(request)
        try:
            return self.accounts.named(asked)
        except KeyError:
            raise forbidden_account(asked) from None

    async def _meet(self, request: Request) -> None:
        """Let a request meet the faults in front of the keys: busy, or not allowed in at all."""
        fault = self.faults.take(request.method, request.url.path, early=True)
        if fault is not None:
            await self._suffer(fault)

    async def _pass(
        self, request: Request, endpoint: Endpoint, call: Call, text: str, headers: dict[str, str]
    ) -> tuple[int, str]:
        key = f"{_scope(request)}\x1f{call.actor.key}" if call.actor.key else None
        if key:
            fingerprint = hashlib.sha256(f"{request.url.path}\n{text}".encode()).hexdigest()
            with call.world.lock:
                replay = self.keys.begin(key, fingerprint, call.world.clock.now())
            if replay:
                headers["Idempotent-Replayed"] = "true"
                return replay
        try:
            return await self._execute(request, endpoint, call, key)
        except ApiError as error:
            if key and error.saved:
                self.keys.finish(key, error.status, dump(error.body))
            raise
        finally:
            if key:
                self.keys.abandon(key)

    async def _execute(
        self, request: Request, endpoint: Endpoint, call: Call, key: str | None
    ) -> tuple[int, str]:
        fault = self.faults.take(request.method, request.url.path)
        answer = partial(_answer, endpoint, call, _shape(request, call))
        if fault and fault.late_seconds is not None:
            self._postpone(fault.late_seconds, call, key, answer)
        if fault and fault.when == "before":
            await self._suffer(fault)
        with call.world.lock:
            if fault and fault.status == 402:
                call.world.forced.append(fault.decline_code)
            status, body = answer()
            if key and not (fault and fault.when == "after" and fault.error()):
                self.keys.finish(key, status, body)
        if fault and fault.when == "after":
            await self._suffer(fault)
        return status, body

    async def _suffer(self, fault: Fault) -> None:
        await self.faults.wait(fault)
        if error := fault.error():
            raise error
        if fault.drop:
            raise _DroppedError
        if fault.garble:
            raise _GarbledError(fault)

    def _postpone(self, seconds: float, call: Call, key: str | None, answer: Answer) -> NoReturn:
        """Break the connection off now and let the effect come later; the key is in flight until then."""

        def take_effect() -> None:
            try:
                status, body = answer()
                if key:
                    self.keys.finish(key, status, body)
            except ApiError:
                if key:
                    self.keys.postpone(key, late=False)
                    self.keys.abandon(key)

        with call.world.lock:
            at = call.world.clock.now() + timedelta(seconds=seconds)
            call.world.schedule(at, "effect", function=take_effect)
        if key:
            self.keys.postpone(key, late=True)
        raise _DroppedError


def _scope(request: Request) -> str:
    """Return the connected account that a request is for: v1 and v2 have a header each."""
    context = request.headers.get("stripe-context", "").rpartition("/")[2]
    return request.headers.get("stripe-account", "") or context


def _shape(request: Request, call: Call) -> Shape:
    platform = call.world.platform or call.world
    version = request.headers.get("stripe-version") or platform.api_version
    return shape_of(version, hybrid=platform.hybrid)


def _answer(endpoint: Endpoint, call: Call, shape: Shape) -> tuple[int, str]:
    try:
        answer = _with_expansions(call, endpoint.handler(call), shape)
        return 200, dump(rendered(call.world, answer, shape))
    except ApiError as error:
        if not error.saved:
            raise
        return error.status, dump(rendered(call.world, error.body, shape))
    except ValueError as error:
        raise invalid(f"Invalid parameter: {error}") from error


def _with_expansions(call: Call, answer: Obj, shape: Shape) -> Obj:
    paths = call.param("expand")
    return expanded(call.world, answer, paths, shape) if isinstance(paths, list) else answer


def _maker(key: str | None) -> str:
    """Say who asks: the product names its charges, anybody else with an API key is the merchant."""
    return "dunning" if key and key.startswith(_OURS) else "merchant"


class _DroppedError(Exception):
    """The connection breaks off before the answer."""


class _GarbledError(Exception):
    """Something between us and the API answers in its place."""

    def __init__(self, fault: Fault) -> None:
        self.status = fault.status or (200 if fault.garble == "empty" else 502)
        self.body = "" if fault.garble == "empty" else "<html><h1>Bad Gateway</h1></html>"


class BrokenOffError(Exception):
    """A connection was broken off on purpose."""


class _Broken(Response):
    """A connection that breaks off: more is promised than ever comes.

    Raises:
        BrokenOffError: always; it makes the server close the connection.
    """

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - the protocol of ASGI
        receive: Receive,  # noqa: ARG002 - the same
        send: Send,
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        raise BrokenOffError
