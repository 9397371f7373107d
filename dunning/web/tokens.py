"""Settings: the tokens of programs that use the API."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import tokens
from dunning.store import sessions
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME = "/settings/tokens"
SCOPES = {
    Right.READ: "read recoveries and reports, and scrape /metrics",
    Right.ACT: "retry, pause, stop, make links",
    Right.FINANCE: "exports",
    Right.ADMIN: "everything",
}


class TokenForm(BaseModel):
    """A new token: what it is for, what it may do, how many days it is good for (empty: until revoked)."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: Annotated[str, Field(max_length=300)]
    scope: list[Right] = []
    days: Annotated[str, Field(max_length=4, pattern=r"^[0-9]*$")] = ""


class RevokeForm(BaseModel):
    """The token that ends."""

    model_config = ConfigDict(extra="forbid")
    token: Annotated[str, Field(max_length=100)]


def token_pages(screen: Screen) -> APIRouter:
    """Return the routes of the page of tokens."""
    router = APIRouter(include_in_schema=False, prefix=HOME, dependencies=[needs(Right.ADMIN)])
    house = screen.house

    def show(request: Request, secret: str | None = None) -> HTMLResponse:
        with house.store.read() as connection:
            every = sessions.every_token(connection)
        now = house.wall.now()
        return screen.page(request, "tokens.html", tokens=every, scopes=SCOPES, secret=secret, wall=now)

    @router.get("")
    def page(request: Request) -> HTMLResponse:
        return show(request)

    @router.post("")
    def create(request: Request, form: Annotated[TokenForm, Form()], by: By) -> Response:
        days = int(form.days) if form.days else None
        try:
            _, secret = tokens.create(house, name=form.name, scopes=form.scope, by=by, days=days)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return show(request, secret)

    @router.post("/revoke")
    def revoke(form: Annotated[RevokeForm, Form()], by: By) -> RedirectResponse:
        try:
            name = tokens.revoke(house, form.token, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return back_to(HOME, said=f"{name} is revoked: it opens nothing any more.")

    return router
