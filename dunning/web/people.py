"""Settings: who may use the house, and as what."""

from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.people import Right, Role
from dunning.errors import Unusable
from dunning.flows import people
from dunning.store import people as kept
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME = "/settings/people"
ROLES = {
    Role.VIEWER: "looks at everything, changes nothing",
    Role.STAFF: "works the queue: retries, pauses, links, the kill switch",
    Role.FINANCE: "looks at everything and exports reports",
    Role.ADMIN: "all of it, and switches, rules, people, tokens, the audit log",
}
LONG = Field(max_length=300)


class PersonForm(BaseModel):
    """Somebody new."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, LONG]
    name: Annotated[str, LONG]
    role: Role


class RoleForm(BaseModel):
    """Somebody's new role."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, LONG]
    role: Role


class EmailForm(BaseModel):
    """Whom it is about."""

    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, LONG]


def people_pages(screen: Screen) -> APIRouter:
    """Return the routes of the page of people."""
    router = APIRouter(include_in_schema=False, prefix=HOME, dependencies=[needs(Right.ADMIN)])
    house = screen.house

    def show(request: Request, link: tuple[str, str] | None = None) -> HTMLResponse:
        with house.store.read() as connection:
            everybody = kept.every(connection)
        return screen.page(request, "people.html", people=everybody, roles=ROLES, link=link)

    @router.get("")
    def page(request: Request) -> HTMLResponse:
        return show(request)

    @router.post("")
    def add(request: Request, form: Annotated[PersonForm, Form()], by: By) -> Response:
        try:
            user, secret = people.add(house, email=form.email, name=form.name, role=form.role, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return show(request, (user.email, join_url(house.settings.base_url, secret)))

    @router.post("/link")
    def link(request: Request, form: Annotated[EmailForm, Form()], by: By) -> Response:
        try:
            secret = people.reset_link(house, form.email, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return show(request, (form.email, join_url(house.settings.base_url, secret)))

    return router


def people_forms(screen: Screen) -> APIRouter:
    """Return the routes of the buttons beside a person."""
    router = APIRouter(include_in_schema=False, prefix=HOME, dependencies=[needs(Right.ADMIN)])
    house = screen.house
    acts = {
        "disable": (people.disable, "can no longer sign in, and is signed out."),
        "enable": (people.enable, "can sign in again."),
        "sessions": (people.end_sessions, "is signed out everywhere."),
    }

    @router.post("/role")
    def role(form: Annotated[RoleForm, Form()], by: By) -> RedirectResponse:
        return _told(
            lambda: people.set_role(house, form.email, form.role, by=by),
            f"{form.email} is {form.role} from now on.",
        )

    @router.post("/{action}")
    def act(
        action: Literal["disable", "enable", "sessions"], form: Annotated[EmailForm, Form()], by: By
    ) -> RedirectResponse:
        does, said = acts[action]
        return _told(lambda: does(house, form.email, by=by), f"{form.email} {said}")

    return router


def _told(act: Callable[[], object], said: str) -> RedirectResponse:
    try:
        act()
    except Unusable as error:
        return back_to(HOME, refused=str(error))
    return back_to(HOME, said=said)


def join_url(base_url: str, secret: str) -> str:
    """Return the address at which a person chooses a password."""
    return f"{base_url}/join/{secret}"
