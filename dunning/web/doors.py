"""The doors: signing in, the first set-up with the console's token, and choosing a password by a link."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.people import LONGEST_SESSION, PASSWORD_LEAST, fingerprint
from dunning.errors import Unusable
from dunning.flows import people, signing_in
from dunning.flows.house import House
from dunning.flows.signing_in import Entered
from dunning.store import people as kept
from dunning.web.gates import stranger
from dunning.web.reception import cookie_name, secure, session_of
from dunning.web.screen import Screen, own_path

LONG = Field(max_length=1000)
RETRY_AFTER = {"retry-after": "900"}


class LoginForm(BaseModel):
    """Who wants to come in, and where they were going."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, LONG]
    password: Annotated[str, LONG]
    next: Annotated[str, Field(max_length=4000)] = "/"


class SetupForm(BaseModel):
    """The first account, and the token from the console."""

    model_config = ConfigDict(extra="forbid")
    token: Annotated[str, LONG]
    name: Annotated[str, LONG]
    email: Annotated[str, LONG]
    password: Annotated[str, LONG]


class PasswordForm(BaseModel):
    """The password that somebody chooses."""

    model_config = ConfigDict(extra="forbid")
    password: Annotated[str, LONG]


def door_pages(screen: Screen) -> APIRouter:
    """Return the routes that everybody may ask for who wants to come in."""
    router = APIRouter(include_in_schema=False)
    _login(router, screen)
    _setup(router, screen)
    _join(router, screen)
    return router


def _login(router: APIRouter, screen: Screen) -> None:
    house = screen.house

    @router.get("/login")
    def login(
        request: Request, going: Annotated[str, Query(alias="next", max_length=4000)] = "/"
    ) -> Response:
        if not signing_in.anybody(house) and stranger(request.scope) is None:
            return RedirectResponse("/setup", 303)
        return login_page(screen, request, going=own_path(going))

    @router.post("/login")
    def enter(request: Request, form: Annotated[LoginForm, Form()]) -> Response:
        had = session_of(request.scope, house)
        entered = signing_in.sign_in(house, form.email, form.password, before=had, **where(request))
        going = own_path(form.next)
        if entered.secret is not None:
            return let_in(request, house, entered.secret, going)
        status = 429 if entered.throttled else 401
        page = login_page(
            screen, request, going=going, email=form.email[:254], refusal=entered.refusal, status=status
        )
        page.headers.update(RETRY_AFTER if entered.throttled else {})
        return page


def _setup(router: APIRouter, screen: Screen) -> None:
    house = screen.house

    @router.get("/setup")
    def setup(request: Request) -> Response:
        return _elsewhere(request, screen) or _door(screen, request, "setup.html", given=None, refusal=None)

    @router.post("/setup")
    def set_up(request: Request, form: Annotated[SetupForm, Form()]) -> Response:
        elsewhere = _elsewhere(request, screen)
        if elsewhere is not None:
            return elsewhere
        try:
            given = form.model_dump(exclude={"token"})
            user = people.set_up(house, form.token, **given)
        except Unusable as error:
            return _door(screen, request, "setup.html", status=400, given=form, refusal=str(error))
        return _begin(request, screen, signing_in.begin(house, user, **where(request)))


def _join(router: APIRouter, screen: Screen) -> None:
    house = screen.house

    @router.get("/join/{secret}")
    def join(request: Request, secret: str) -> Response:
        if not house.settings.passwords:
            return RedirectResponse("/login", 303)
        with house.store.read() as connection:
            user = kept.user_of_link(connection, fingerprint(secret), house.wall.now())
        if user is None:
            return _over(screen)
        return _door(screen, request, "join.html", user=user, secret=secret, refusal=None)

    @router.post("/join/{secret}")
    def choose(request: Request, secret: str, form: Annotated[PasswordForm, Form()]) -> Response:
        if not house.settings.passwords:
            return RedirectResponse("/login", 303)
        with house.store.read() as connection:
            user = kept.user_of_link(connection, fingerprint(secret), house.wall.now())
        if user is None:
            return _over(screen)
        try:
            changed = people.choose_password(house, secret, form.password)
        except Unusable as error:
            return _door(
                screen, request, "join.html", status=400, user=user, secret=secret, refusal=str(error)
            )
        return _begin(request, screen, signing_in.begin(house, changed, **where(request)))


def _elsewhere(request: Request, screen: Screen) -> Response | None:
    """Return the answer to whoever is not at this machine, or comes after the first account was made."""
    if signing_in.anybody(screen.house):
        return RedirectResponse("/login", 303)
    why = stranger(request.scope)
    if why is None:
        return None
    return screen.bare("plain.html", status=403, title="Not from here", detail=why)


def _over(screen: Screen) -> HTMLResponse:
    return screen.bare("plain.html", status=404, title="This link is over", detail=people.LINK_IS_OVER)


def login_page(
    screen: Screen,
    request: Request,
    *,
    going: str = "/",
    email: str = "",
    refusal: str | None = None,
    status: int = 200,
) -> HTMLResponse:
    """Return the page to sign in on, with why the last try was refused."""
    issuer = screen.house.settings.oidc_issuer
    passwords = screen.house.settings.passwords
    facts = {
        "passwords": passwords,
        "going": going,
        "email": email,
        "refusal": refusal,
        "provider": urlsplit(issuer or "").netloc,
    }
    return _door(screen, request, "login.html", status=status, **facts)


def _door(
    screen: Screen, request: Request, template: str, *, status: int = 200, **facts: object
) -> HTMLResponse:
    house = screen.house
    shared = {"merchant": house.merchant, "least": PASSWORD_LEAST, "demo": screen.demo is not None}
    return screen.door(request, template, status=status, **shared, **facts)


def _begin(request: Request, screen: Screen, entered: Entered) -> Response:
    if entered.secret is None:
        return RedirectResponse("/login", 303)
    return let_in(request, screen.house, entered.secret, "/")


def let_in(request: Request, house: House, secret: str, going: str) -> RedirectResponse:
    """Return the redirect that gives the browser its session."""
    answer = RedirectResponse(going, 303)
    answer.set_cookie(
        cookie_name(request.scope, house),
        secret,
        max_age=int(LONGEST_SESSION.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=secure(request.scope, house),
    )
    return answer


def where(request: Request) -> dict[str, str]:
    """Return where a session begins, for its owner and the audit log."""
    address = request.client.host if request.client is not None else "?"
    return {"address": address, "agent": request.headers.get("user-agent", "")}
