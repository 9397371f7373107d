"""Settings: who retries, whether messages go out, and the kill switch."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.vocabulary import Retries
from dunning.flows import switches
from dunning.flows.doctor_gaps import missed
from dunning.flows.house import House
from dunning.store import gaps, inbox
from dunning.web.screen import Screen, back_to

STAFF = "staff"
HOME = "/settings"
MODES = {
    Retries.WATCH: ("Watch", "Stripe retries as set in its Dashboard. dunning only records and reports."),
    Retries.WEAVE: ("Weave", "Stripe retries, and dunning adds its own tries away from Stripe’s dates."),
    Retries.OWN: ("Own", "dunning alone retries, at times it chooses; Stripe’s retries are taken over."),
}


class ModeForm(BaseModel):
    """Who retries from now on."""

    model_config = ConfigDict(extra="forbid")
    retries: Retries


class MessagesForm(BaseModel):
    """Whether messages go out."""

    model_config = ConfigDict(extra="forbid")
    messages: Literal["on", "off"]


class PauseForm(BaseModel):
    """Why everything is stopped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    reason: Annotated[str, Field(min_length=1, max_length=300)]


def _health(house: House) -> dict[str, Any]:
    """Return when events were last compared with Stripe's, and what no webhook brought."""
    with house.store.read() as connection:
        found = gaps.recent(connection, house.clock.now(), livemode=house.settings.livemode)
        compared = inbox.reconciled(connection)
    return {"compared": compared, "gaps": [{**row, "words": missed([row])} for row in found]}


def settings_pages(screen: Screen) -> APIRouter:
    """Return the routes of the settings page and its forms."""
    router = APIRouter(include_in_schema=False)
    house = screen.house

    @router.get(HOME)
    def settings(request: Request) -> HTMLResponse:
        facts = {"modes": MODES, "public_url": house.settings.base_url, **_health(house)}
        return screen.page(request, "settings.html", **facts)

    @router.post("/settings/retries")
    def set_retries(form: Annotated[ModeForm, Form()]) -> RedirectResponse:
        moved = switches.set_mode(house, retries=form.retries, by=STAFF)
        return back_to(
            HOME, said=f"Retries are set to {form.retries}; {moved} open recoveries changed hands."
        )

    @router.post("/settings/messages")
    def set_messages(form: Annotated[MessagesForm, Form()]) -> RedirectResponse:
        switches.set_mode(house, messages=form.messages == "on", by=STAFF)
        return back_to(HOME, said=f"Messages are {form.messages}.")

    @router.post("/settings/pause")
    def pause(form: Annotated[PauseForm, Form()]) -> RedirectResponse:
        switches.pause_all(house, form.reason, by=STAFF)
        return back_to(HOME, said="Everything is paused: no charge and no message leaves until you resume.")

    @router.post("/settings/resume")
    def resume() -> RedirectResponse:
        switches.resume_all(house, by=STAFF)
        return back_to(HOME, said="Retries and messages go on.")

    return router
