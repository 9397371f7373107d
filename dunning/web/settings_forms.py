"""The larger forms of the settings page: who is held out, and the segments."""

from typing import Annotated, Literal

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse

from dunning.core.experiments import said, share_of
from dunning.core.people import Right
from dunning.core.vocabulary import Experiment
from dunning.errors import Unusable
from dunning.flows import experiments, switches
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to
from dunning.web.settings_page import HOME


class SegmentsForm(BaseModel):
    """All segments, as TOML."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(max_length=40_000)]


class HoldoutForm(BaseModel):
    """What share of the customers each experiment holds out."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    retries: Annotated[str, Field(max_length=20)]
    messages: Annotated[str, Field(max_length=20)]


class NoticesForm(BaseModel):
    """Whether customers are written to before anything failed."""

    model_config = ConfigDict(extra="forbid")
    notices: Literal["on", "off"]


def settings_forms(screen: Screen) -> APIRouter:
    """Return the routes of these forms."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.ADMIN)])
    house = screen.house

    @router.post("/settings/holdout")
    def set_holdout(form: Annotated[HoldoutForm, Form()], by: By) -> RedirectResponse:
        try:
            shares = {name: share_of(getattr(form, name)) for name in Experiment}
        except ValueError as problem:
            return back_to(HOME, refused=str(problem))
        experiments.set_shares(house, shares, by=by)
        told = " and ".join(f"{name} {said(share)}" for name, share in shares.items())
        return back_to(HOME, said=f"Held out from now on: {told}. Open recoveries keep their side.")

    @router.post("/settings/notices")
    def set_notices(form: Annotated[NoticesForm, Form()], by: By) -> RedirectResponse:
        switches.set_mode(house, notices=form.notices == "on", by=by)
        return back_to(HOME, said=f"Notices before a failure are {form.notices}.")

    @router.post("/settings/segments")
    def set_segments(form: Annotated[SegmentsForm, Form()], by: By) -> RedirectResponse:
        try:
            moved = switches.publish_segments(house, form.text, by=by)
        except Unusable as error:
            return back_to(f"{HOME}#segments", refused=f"Nothing was changed. {error}")
        return back_to(HOME, said=f"The segments are in force; {moved} open recoveries changed hands.")

    return router
