"""Signing in through an identity provider, for people who have an account here under the same address."""

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from dunning.flows import signing_in
from dunning.flows.house import House
from dunning.store import people
from dunning.store.people import User
from dunning.web.doors import let_in, login_page, where
from dunning.web.identity import NotRecognised, Provider
from dunning.web.reception import secure, session_of
from dunning.web.screen import Screen, own_path

START: Final = "/login/oidc"
BACK: Final = "/login/oidc/back"
COOKIE: Final = "dunning-oidc"
LASTS: Final = timedelta(minutes=10)
ANOTHER: Final = "Your provider meant somebody else by that address before: ask an admin for a new link."
NO_ACCOUNT: Final = "Your provider knows you, and nobody here has that address: ask an admin to add you."


def oidc_pages(screen: Screen) -> APIRouter:
    """Return the routes to the provider and back; none where the settings name no provider."""
    router = APIRouter(include_in_schema=False)
    provider = provider_of(screen.house)
    if provider is not None:
        _start(router, screen, provider)
        _back(router, screen, provider)
    return router


def provider_of(house: House) -> Provider | None:
    """Return the provider that the settings name."""
    named = house.settings
    if not (named.oidc_issuer and named.oidc_client_id and named.oidc_client_secret):
        return None
    return Provider(named.oidc_issuer, named.oidc_client_id, named.oidc_client_secret.get_secret_value())


def _start(router: APIRouter, screen: Screen, provider: Provider) -> None:
    house = screen.house

    @router.get(START)
    def start(
        request: Request, going: Annotated[str, Query(alias="next", max_length=4000)] = "/"
    ) -> Response:
        asked = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
        try:
            url = provider.login_url(**asked, back=f"{house.settings.base_url}{BACK}")
        except NotRecognised as error:
            return login_page(screen, request, refusal=str(error), status=503)
        answer = RedirectResponse(url, 303)
        until = (house.wall.now() + LASTS).timestamp()
        value = signed({**asked, "next": own_path(going), "until": until}, house.secret)
        answer.set_cookie(
            COOKIE,
            value,
            max_age=int(LASTS.total_seconds()),
            path=START,
            httponly=True,
            samesite="lax",
            secure=secure(request.scope, house),
        )
        return answer


def _back(router: APIRouter, screen: Screen, provider: Provider) -> None:
    house = screen.house

    @router.get(BACK)
    def back(
        request: Request,
        code: Annotated[str, Query(max_length=4000)] = "",
        state: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        try:
            asked = _asked(house, request.cookies.get(COOKIE, ""), state)
            user = _recognised(house, provider, code, asked)
        except NotRecognised as error:
            return login_page(screen, request, refusal=str(error), status=401)
        before = session_of(request.scope, house)
        entered = signing_in.begin(house, user, before=before, **where(request))
        if entered.secret is None:
            return login_page(screen, request, refusal=NO_ACCOUNT, status=401)
        answer = let_in(request, house, entered.secret, own_path(asked["next"]))
        answer.delete_cookie(COOKIE, path=START)
        return answer


def _recognised(house: House, provider: Provider, code: str, asked: dict[str, Any]) -> User:
    email, subject = provider.person_of(
        code,
        nonce=asked["nonce"],
        verifier=asked["verifier"],
        back=f"{house.settings.base_url}{BACK}",
        now=house.wall.now(),
    )
    with house.store.read() as connection:
        user = people.by_email(connection, email)
    if user is None or user.disabled_at is not None:
        raise NotRecognised(NO_ACCOUNT)
    if not signing_in.is_same_person(house, user, subject):
        raise NotRecognised(ANOTHER)
    return user


def _asked(house: House, cookie: str, state: str) -> dict[str, Any]:
    """Return what this browser was sent away with, when it comes back with the same state in time."""
    asked = opened(cookie, house.secret)
    in_time = asked is not None and house.wall.now() < datetime.fromtimestamp(asked["until"], UTC)
    if asked is None or not in_time or not hmac.compare_digest(asked["state"], state):
        raise NotRecognised("You come back too late, or in another browser; try again.")
    return asked


def signed(facts: dict[str, Any], secret: bytes) -> str:
    """Return facts as a text that only we can write."""
    body = base64.urlsafe_b64encode(json.dumps(facts).encode()).decode()
    return f"{body}.{_seal(body, secret)}"


def opened(text: str, secret: bytes) -> dict[str, Any] | None:
    """Return the facts of a text that we wrote; None for any other."""
    body, _, seal = text.partition(".")
    if not text.isascii() or not hmac.compare_digest(seal, _seal(body, secret)):
        return None
    facts: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body))
    return facts


def _seal(body: str, secret: bytes) -> str:
    return hmac.new(secret, b"dunning oidc cookie\x00" + body.encode(), hashlib.sha256).hexdigest()
