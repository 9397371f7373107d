"""People, tokens and saved views in the JSON API: the same flows as the pages of settings and queue."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Self, TypeVar

from fastapi import APIRouter, Path, Response
from pydantic import Field
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException

from dunning.core.people import Right, Role
from dunning.errors import Unusable
from dunning.flows import people, tokens, views
from dunning.flows.house import House
from dunning.store import people as kept
from dunning.store import saved_views, sessions
from dunning.store.people import User
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Body, Shape
from dunning.web.people import join_url
from dunning.web.rights import By, needs

T = TypeVar("T")
Email = Annotated[str, Path(min_length=1, max_length=300, description="The address somebody signs in with.")]
Id = Annotated[str, Path(min_length=1, max_length=100)]
SHOWN_ONCE: Final = {"cache-control": "no-store"}  # such an answer is not kept under its idempotency key
ANSWERS: dict[int | str, dict[str, Any]] = {
    404: PROBLEMS[404] | {"description": "There is no such thing."},
    409: PROBLEMS[409],
    422: PROBLEMS[422],
}


class Person(Shape):
    """Somebody with an account."""

    email: str
    name: str
    role: Role
    disabled: bool

    @classmethod
    def of(cls, user: User) -> Self:
        """Return the shape of a user."""
        return cls(email=user.email, name=user.name, role=user.role, disabled=user.disabled_at is not None)


class People(Shape):
    """Everybody."""

    data: list[Person]


class Invited(Shape):
    """Somebody, and the link with which they choose a password; it is shown once."""

    person: Person
    link: str


class PersonBody(Body):
    """Somebody new."""

    email: Annotated[str, Field(min_length=1, max_length=300)]
    name: Annotated[str, Field(min_length=1, max_length=300)]
    role: Annotated[Role, Field(strict=False)]


class ChangeBody(Body):
    """What changes of somebody; what is left out stays."""

    role: Annotated[Role | None, Field(strict=False)] = None
    disabled: bool | None = None


class Token(Shape):
    """A token without its secret, of which only a fingerprint is kept."""

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    created_by: str
    used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of a token's row."""
        return cls(
            **{name: row[name] for name in cls.model_fields if name != "scopes"}, scopes=row["scopes"].split()
        )


class Tokens(Shape):
    """Every token, newest first."""

    data: list[Token]


class NewToken(Shape):
    """A token with its secret, which is shown once."""

    id: str
    secret: str


class TokenBody(Body):
    """What it is for, what it may do, and for how many days (left out: until it is revoked)."""

    name: Annotated[str, Field(min_length=1, max_length=300)]
    scopes: Annotated[list[Annotated[Right, Field(strict=False)]], Field(min_length=1, max_length=4)]
    days: Annotated[int | None, Field(ge=1, le=3650)] = None


class View(Shape):
    """A view of the queue: `query` is that of its address."""

    id: str
    name: str
    query: str
    by: str
    saved_at: datetime


class Views(Shape):
    """Every saved view, by name."""

    data: list[View]


class ViewBody(Body):
    """A name, and the query of an address of the queue, such as `tab=open&currency=usd`."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    query: Annotated[str, Field(max_length=2000)]


def _or(status: int, act: Callable[[], T]) -> T:
    try:
        return act()
    except Unusable as error:
        raise HTTPException(status, str(error)) from error


def people_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/people."""
    router = APIRouter(
        prefix=f"{ROOT}/people", tags=["people"], responses=ANSWERS, dependencies=[needs(Right.ADMIN)]
    )

    def known(email: str) -> User:
        with house.store.read() as connection:
            found = next((one for one in kept.every(connection) if one.email == email.lower()), None)
        if found is None:
            raise HTTPException(404, "Nobody signs in with that address.")
        return found

    @router.get("", operation_id="listPeople")
    def list_people() -> People:
        """Return everybody with an account."""
        with house.store.read() as connection:
            return People(data=[Person.of(one) for one in kept.every(connection)])

    @router.post("", operation_id="addPerson", status_code=201)
    def add(body: PersonBody, by: By, response: Response) -> Invited:
        """Add somebody; give them the link."""
        response.headers.update(SHOWN_ONCE)
        user, secret = _or(
            422, lambda: people.add(house, email=body.email, name=body.name, role=body.role, by=by)
        )
        return Invited(person=Person.of(user), link=join_url(house.settings.base_url, secret))

    @router.post("/{email}", operation_id="changePerson")
    def change(email: Email, body: ChangeBody, by: By) -> Person:
        """Give somebody another role, or end or begin their access; the last admin stays one."""
        user = known(email)
        if body.role is not None and body.role is not user.role:
            role = body.role
            _or(409, lambda: people.set_role(house, email, role, by=by))
        if body.disabled is not None and body.disabled is not (user.disabled_at is not None):
            act = people.disable if body.disabled else people.enable
            _or(409, lambda: act(house, email, by=by))
        return Person.of(known(email))

    @router.post("/{email}/link", operation_id="relinkPerson")
    def relink(email: Email, by: By, response: Response) -> Invited:
        """Make a new link with which somebody chooses a password; the one before opens nothing any more."""
        response.headers.update(SHOWN_ONCE)
        user = known(email)
        secret = _or(409, lambda: people.reset_link(house, email, by=by))
        return Invited(person=Person.of(user), link=join_url(house.settings.base_url, secret))

    return router


def token_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/tokens."""
    router = APIRouter(
        prefix=f"{ROOT}/tokens", tags=["tokens"], responses=ANSWERS, dependencies=[needs(Right.ADMIN)]
    )

    @router.get("", operation_id="listTokens")
    def list_tokens() -> Tokens:
        """Return every token, without secrets."""
        with house.store.read() as connection:
            return Tokens(data=[Token.of(row) for row in sessions.every_token(connection)])

    @router.post("", operation_id="createToken", status_code=201)
    def create(body: TokenBody, by: By, response: Response) -> NewToken:
        """Make a token; its secret is in this answer and nowhere else."""
        response.headers.update(SHOWN_ONCE)
        made, secret = _or(
            422, lambda: tokens.create(house, name=body.name, scopes=body.scopes, by=by, days=body.days)
        )
        return NewToken(id=made, secret=secret)

    @router.post("/{token_id}/revoke", operation_id="revokeToken")
    def revoke(token_id: Id, by: By) -> Tokens:
        """Revoke a token at once."""
        _or(404, lambda: tokens.revoke(house, token_id, by=by))
        return list_tokens()

    return router


def view_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/views."""
    router = APIRouter(
        prefix=f"{ROOT}/views",
        tags=["views"],
        responses={409: ANSWERS[409], 422: ANSWERS[422]},
        dependencies=[needs(Right.READ)],
    )

    @router.get("", operation_id="listViews")
    def list_views() -> Views:
        """Return every saved view of the queue."""
        with house.store.read() as connection:
            return Views(data=[View(**row) for row in saved_views.all_views(connection)])

    @router.post("", operation_id="saveView", dependencies=[needs(Right.ACT)])
    def save(body: ViewBody, by: By) -> Views:
        """Save a view for everybody."""
        views.save(house, body.name, body.query, by=by)
        return list_views()

    @router.post("/{view_id}/remove", operation_id="removeView", dependencies=[needs(Right.ACT)])
    def remove(view_id: Id, by: By) -> Views:
        """Forget a view; nothing happens where there is none any more."""
        views.remove(house, view_id, by=by)
        return list_views()

    return router
