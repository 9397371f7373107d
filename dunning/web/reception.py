"""Who is it? Every request but the public ones is let in as a person, a program, or not at all.

A bearer token speaks for a program, a session for a person. Before there is an account, only the set-up
page answers, and only on this machine; a demo takes whoever sits at this machine for its admin.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import quote, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dunning import logs
from dunning.core.people import RIGHTS, Actor, Right, Role
from dunning.flows import signing_in
from dunning.flows.house import House
from dunning.web.gates import SAFE_METHODS, is_public, refusal, stranger

API: Final = "/api/"
METRICS: Final = "/metrics"
BEARER: Final = "bearer"
DEMO: Final = Actor("demo visitor", "Demo visitor", RIGHTS[Role.ADMIN], Role.ADMIN, demo=True)
SCRAPER: Final = Actor("metrics", "metrics", frozenset({Right.READ}))
SIGN_IN: Final = (
    "Sign in, or send a token (Authorization: Bearer …); `dunning token create --scope read` makes one."
)

NO_BROWSER: Final = (
    "A browser says which page sends a form (Sec-Fetch-Site or Origin), and this one does not; a program "
    "uses a token instead of a session."
)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Reception:
    """Puts who asks into the request's state, or answers that nobody may."""

    site: ASGIApp
    house: House
    demo: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or is_public(scope["path"]):
            await self.site(scope, receive, send)
            return
        try:
            found = await run_in_threadpool(self._receive, scope)
        except SQLAlchemyError:
            log.exception("nobody_recognised")
            found = _answer(scope["path"], 503, "The database does not answer; try again in a moment.")
        if isinstance(found, Actor):
            scope.setdefault("state", {})["actor"] = found
            await self.site(scope, receive, send)
        else:
            await found(scope, receive, send)

    def _receive(self, scope: Scope) -> Actor | ASGIApp:
        headers = Headers(scope=scope)
        scheme, _, token = headers.get("authorization", "").strip().partition(" ")
        if scheme.lower() == BEARER and scope["path"].startswith((API, METRICS)):
            program = signing_in.program(self.house, token.strip())
            if program is None:
                log.warning("token_refused", path=scope["path"], client=(scope.get("client") or ("",))[0])
            return program or _unknown(scope["path"], "The token is not known, revoked or too old.")
        secret = session_of(scope, self.house)
        person = signing_in.person(self.house, secret, touches="x-live" not in headers) if secret else None
        if person is not None:
            return refusal(scope["path"], NO_BROWSER) if _unexplained(scope) else person
        near = stranger(scope)
        if near is None and (self.demo or scope["path"] == METRICS):
            return DEMO if self.demo else SCRAPER
        return self._nobody(scope, near)

    def _nobody(self, scope: Scope, near: str | None) -> ASGIApp:
        """Lead to the page that helps, where a person is looking; refuse everything else."""
        path, headers = scope["path"], Headers(scope=scope)
        known = signing_in.anybody(self.house)
        if not known and near is not None:
            return refusal(path, near)
        looks = scope["method"] in SAFE_METHODS and "x-live" not in headers
        if path.startswith(API) or path == METRICS or not looks:
            return _unknown(path, SIGN_IN if known else f"Nobody has an account yet. {SIGN_IN}")
        query = scope["query_string"].decode("latin-1")
        here = path + (f"?{query}" if query else "")
        return RedirectResponse(f"/login?next={quote(here, safe='/')}" if known else "/setup", 303)


def secure(scope: Scope, house: House) -> bool:
    """Return whether the reader speaks https with us, or with the proxy under our public address."""
    public = urlsplit(house.settings.public_url or "")
    host = Headers(scope=scope).get("host", "").lower()
    return scope["scheme"] == "https" or (public.scheme == "https" and public.netloc.lower() == host)


def cookie_name(scope: Scope, house: House) -> str:
    """Return the name of the session's cookie; over https browsers hold it to this host (`__Host-`)."""
    return "__Host-dunning" if secure(scope, house) else "dunning"


def session_of(scope: Scope, house: House) -> str | None:
    """Return the secret of the session that the request brings."""
    cookies = cookie_parser(Headers(scope=scope).get("cookie", ""))
    return cookies.get(cookie_name(scope, house)) or None


def _unexplained(scope: Scope) -> bool:
    """Return whether an unsafe request says nothing of where it comes from."""
    headers = Headers(scope=scope)
    silent = "sec-fetch-site" not in headers and "origin" not in headers
    return scope["method"] not in SAFE_METHODS and silent


def _unknown(path: str, why: str) -> ASGIApp:
    return _answer(path, 401, why, {"www-authenticate": "Bearer"})


def _answer(path: str, status: int, why: str, headers: dict[str, str] | None = None) -> ASGIApp:
    if path.startswith(API):
        title = HTTPStatus(status).phrase
        content = {"type": "about:blank", "title": title, "status": status, "detail": why}
        return JSONResponse(content, status, headers, media_type="application/problem+json")
    return PlainTextResponse(f"{why}\n", status, headers)
