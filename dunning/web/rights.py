"""What a route asks of whoever uses it, declared where the route is made: `dependencies=[needs(Right.ACT)]`.

A site with a route that declares nothing, and that is not for everybody, does not start.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from dunning import logs
from dunning.core.people import Actor, Right
from dunning.web.gates import is_public

WORDS = {
    Right.READ: "to look",
    Right.ACT: "to act",
    Right.FINANCE: "of finance (exports, closing books)",
    Right.ADMIN: "of an admin",
}

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Needs:
    """Refuses whoever lacks a right."""

    right: Right

    def __call__(self, request: Request) -> None:
        """Let the request pass, or answer 403."""
        actor: Actor = request.state.actor
        if not actor.may(self.right):
            log.warning(
                "right_refused", right=str(self.right), by=actor.user_id or actor.by, path=request.url.path
            )
            who = f"as {actor.role}" if actor.role is not None else "with this token"
            raise HTTPException(403, f"This takes the right {WORDS[self.right]}, which you lack {who}.")


@dataclass(frozen=True, slots=True)
class Declared:
    """A route and what it asks: nothing where it is for everybody."""

    method: str
    path: str
    rights: frozenset[Right]


def needs(right: Right) -> Any:
    """Return the dependency that declares a route's right; with several, all of them are needed."""
    return Depends(Needs(right))


def actor_of(request: Request) -> Actor:
    """Return who asks."""
    actor: Actor = request.state.actor
    return actor


def by_of(request: Request) -> str:
    """Return who asks, as the timeline and the audit log keep it."""
    return actor_of(request).by


Who = Annotated[Actor, Depends(actor_of)]
By = Annotated[str, Depends(by_of)]


def declared(routers: Iterable[APIRouter]) -> tuple[Declared, ...]:
    """Return every route with its rights.

    Raises:
        RuntimeError: a route that is not for everybody declares none.
    """
    found = tuple(one for router in routers for one in _of(router))
    silent = [f"{one.method} {one.path}" for one in found if not one.rights and not is_public(one.path)]
    if silent:
        raise RuntimeError(f"Declare with `needs` who may use these routes: {', '.join(silent)}")
    return found


def _of(router: APIRouter) -> Iterator[Declared]:
    for route in router.routes:
        if isinstance(route, APIRoute):
            asked = (depends.dependency for depends in route.dependencies)
            rights = frozenset(one.right for one in asked if isinstance(one, Needs))
            for method in sorted(route.methods or ()):
                yield Declared(method, route.path, rights)
