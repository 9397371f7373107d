"""Settings: who retries, whether messages go out, who is held out, and the kill switch."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.experiments import said, share_of
from dunning.core.vocabulary import Experiment, Retries
from dunning.flows import experiments, switches
from dunning.store import experiments as experiments_store
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


class HoldoutForm(BaseModel):
    """What share of the customers each experiment holds out."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    retries: Annotated[str, Field(max_length=20)]
    messages: Annotated[str, Field(max_length=20)]


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
        with house.store.read() as connection:
            shares = {name: said(share) for name, share in experiments_store.shares(connection).items()}
        base = house.settings.base_url
        return screen.page(request, "settings.html", modes=MODES, public_url=base, shares=shares)

    @router.post("/settings/holdout")
    def set_holdout(form: Annotated[HoldoutForm, Form()]) -> RedirectResponse:
        try:
            shares = {name: share_of(getattr(form, name)) for name in Experiment}
        except ValueError as problem:
            return back_to(HOME, refused=str(problem))
        experiments.set_shares(house, shares, by=STAFF)
        told = " and ".join(f"{name} {said(share)}" for name, share in shares.items())
        return back_to(HOME, said=f"Held out from now on: {told}. Open recoveries keep their side.")

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
