"""Settings: who retries, whether messages go out, and the kill switch."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.policy import RULES, PolicyVersion
from dunning.core.vocabulary import InvoiceClass, Retries
from dunning.flows import switches
from dunning.flows.house import House
from dunning.store import rules
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


def settings_pages(screen: Screen) -> APIRouter:
    """Return the routes of the settings page and its forms."""
    router = APIRouter(include_in_schema=False)
    house = screen.house

    @router.get(HOME)
    def settings(request: Request) -> HTMLResponse:
        url = house.settings.base_url
        return screen.page(
            request, "settings.html", modes=MODES, public_url=url, policy=policy_in_force(house)
        )

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


def policy_in_force(house: House) -> dict[str, Any]:
    """Return the newest policy for its table, a row of values per rule; at first, the built-in one."""
    with house.store.read() as connection:
        newest = rules.newest_policy(connection)
        dates = rules.published_policies(connection)
    published_at = dates[newest.version] if newest else None
    newest = newest or PolicyVersion()
    by_class = [newest.rules_for(kind) for kind in InvoiceClass]
    rows = {rule: [_written(getattr(one, rule)) for one in by_class] for rule in RULES}
    return {"version": newest.version, "published_at": published_at, "rows": rows}


def _written(value: Any) -> str:
    if not isinstance(value, timedelta):
        return str(value).replace("_", " ")
    hours = int(value.total_seconds()) // 3600
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"
