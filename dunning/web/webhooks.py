"""Webhooks and alerts in Settings: who outside is told, what they answered, and telling them again."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.alerts import HEADINGS
from dunning.core.announcement import ListenerKind, TellingState, Topic
from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import listening
from dunning.store.announcements import OVER
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME = "/settings/webhooks"


class AddForm(BaseModel):
    """Who is told from now on, and what; no topic means the usual ones."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    target: Annotated[str, Field(min_length=1, max_length=2000)]
    topics: list[Topic] = []


def webhook_pages(screen: Screen) -> APIRouter:
    """Return the page of the listeners, and the routes of its buttons."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def page(request: Request) -> HTMLResponse:
        return screen.page(request, "webhooks.html", secrets=None, **_facts(screen))

    @router.post(HOME, dependencies=[needs(Right.ADMIN)])
    def add(request: Request, form: Annotated[AddForm, Form()], by: By) -> Response:
        try:
            made = listening.add(house, form.target, by=by, topics=form.topics)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        if made.kind is not ListenerKind.WEBHOOK:
            return back_to(HOME, said="Added.")
        found = listening.secrets(house, made.id)
        return screen.page(request, "webhooks.html", secrets=(made.target, found), **_facts(screen))

    @router.post(f"{HOME}/{{listener_id}}/rotate", dependencies=[needs(Right.ADMIN)])
    def rotate(request: Request, listener_id: str, by: By) -> Response:
        try:
            found = listening.secrets(house, listener_id, rotated_by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return screen.page(request, "webhooks.html", secrets=(listener_id, found), **_facts(screen))

    return router


def webhook_buttons(screen: Screen) -> APIRouter:
    """Return the routes that try, repeat and remove."""
    router = APIRouter(
        include_in_schema=False, prefix=f"{HOME}/{{listener_id}}", dependencies=[needs(Right.READ)]
    )
    house = screen.house

    @router.post("/test", dependencies=[needs(Right.ADMIN)])
    def try_out(listener_id: str, by: By) -> RedirectResponse:
        try:
            told = listening.try_out(house, listener_id, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        if told.state is TellingState.TOLD:
            return back_to(HOME, said=f"It was told: {told.answer}")
        return back_to(HOME, refused=f"It was not told: {told.answer}")

    @router.post("/redeliver", dependencies=[needs(Right.ADMIN)])
    def redeliver(listener_id: str, by: By) -> RedirectResponse:
        try:
            count = listening.redeliver(house, listener_id, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return back_to(HOME, said=f"{count} will be told again." if count else "Nothing was given up.")

    @router.post("/remove", dependencies=[needs(Right.ADMIN)])
    def remove(listener_id: str, by: By) -> RedirectResponse:
        try:
            listening.remove(house, listener_id, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return back_to(HOME, said="Removed.")

    return router


def _facts(screen: Screen) -> dict[str, Any]:
    settings = screen.house.settings
    names = {"slack": settings.slack_url, "zendesk": settings.zendesk_url}
    return {
        "standing": listening.standing(screen.house.store),
        "state_of": listening.state_of,
        "topics": [(topic, HEADINGS[topic]) for topic in Topic if topic is not Topic.TEST],
        "named": [name for name, url in names.items() if url is not None],
        "over": OVER,
    }
