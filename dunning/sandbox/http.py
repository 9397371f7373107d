"""The door of the simulated API: keys, idempotency, faults, and errors as Stripe words them."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from dunning.sandbox import api_account, api_customers, api_invoices, api_payments, forms
from dunning.sandbox.api_call import Call, Endpoint
from dunning.sandbox.api_errors import ApiError, invalid, unauthorized
from dunning.sandbox.events import dump
from dunning.sandbox.expand import expanded
from dunning.sandbox.faults import Fault, Faults
from dunning.sandbox.idempotency import Idempotency
from dunning.sandbox.state import Actor, Obj, World

ENDPOINTS = (
    *api_invoices.ENDPOINTS,
    *api_payments.ENDPOINTS,
    *api_customers.ENDPOINTS,
    *api_account.ENDPOINTS,
)
_OURS = "v1:pay:"


@dataclass(slots=True)
class Door:
    """What every request passes through."""

    world: World
    faults: Faults
    keys: Idempotency

    def routes(self) -> list[Route]:
        """Return the routes of the simulated API."""
        return [Route(one.path, self._entry(one), methods=[one.method]) for one in ENDPOINTS]

    def _entry(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def enter(request: Request) -> Response:
            text = (await request.body()).decode() if request.method == "POST" else request.url.query
            with self.world.lock:
                request_id = self.world.new_id("req")
            headers = {"Request-Id": request_id}
            key = request.headers.get("idempotency-key") if request.method != "GET" else None
            if key:
                headers["Idempotency-Key"] = key
            try:
                call = self._admit(request, endpoint, text, Actor(_maker(key), request_id, key))
                status, body = await self._pass(request, endpoint, call, text, headers)
            except ApiError as error:
                status, body = error.status, dump(error.body)
            except _DroppedError:
                return _Broken()
            if 400 <= status < 409:
                headers["Stripe-Should-Retry"] = "false"
            return Response(body, status, headers, media_type="application/json")

        return enter

    def _admit(self, request: Request, endpoint: Endpoint, text: str, actor: Actor) -> Call:
        """Check the API key and the parameters' names.

        Raises:
            ApiError: 401 for a key that is not a test key, 400 for a parameter nobody knows.
        """
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        allowed = ("sk_live_", "rk_live_") if self.world.livemode else ("sk_test_", "rk_test_")
        if kind.lower() != "bearer" or not secret.startswith(allowed):
            raise unauthorized()
        params = forms.parse(text)
        for name in params:
            if endpoint.accepts is not None and name not in endpoint.accepts:
                raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
        return Call(self.world, params, request.path_params, actor)

    async def _pass(
        self, request: Request, endpoint: Endpoint, call: Call, text: str, headers: dict[str, str]
    ) -> tuple[int, str]:
        scope = request.headers.get("stripe-account", "")
        key = f"{scope}\x1f{call.actor.key}" if call.actor.key else None
        if key:
            fingerprint = hashlib.sha256(f"{request.url.path}\n{text}".encode()).hexdigest()
            with self.world.lock:
                replay = self.keys.begin(key, fingerprint, self.world.clock.now())
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
        if fault and fault.when == "before":
            await self._suffer(fault)
        with self.world.lock:
            if fault and fault.status == 402:
                self.world.forced.append(fault.decline_code)
            status, body = _answer(endpoint, call)
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


def _answer(endpoint: Endpoint, call: Call) -> tuple[int, str]:
    try:
        answer = endpoint.handler(call)
        return 200, dump(_with_expansions(call, answer))
    except ApiError as error:
        if not error.saved:
            raise
        return error.status, dump(error.body)
    except ValueError as error:
        raise invalid(f"Invalid parameter: {error}") from error


def _with_expansions(call: Call, answer: Obj) -> Obj:
    paths = call.param("expand")
    return expanded(call.world, answer, paths) if isinstance(paths, list) else answer


def _maker(key: str | None) -> str:
    """Say who asks: the product names its charges, anybody else with an API key is the merchant."""
    return "dunning" if key and key.startswith(_OURS) else "merchant"


class _DroppedError(Exception):
    """The connection breaks off before the answer."""


class _Broken(Response):
    """A connection that breaks off: more is promised than ever comes."""

    async def __call__(
        self,
        scope: Scope,  # noqa: ARG002 - the protocol of ASGI
        receive: Receive,  # noqa: ARG002 - the same
        send: Send,
    ) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
