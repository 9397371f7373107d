"""The time zone of one's own pages."""

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse

from dunning.core.people import Right
from dunning.flows import people
from dunning.web.own_account import HOME
from dunning.web.rights import Who, needs
from dunning.web.screen import Screen, back_to


class ZoneForm(BaseModel):
    """The time zone of one's own pages; empty: that of the reports."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    zone: Annotated[str, Field(max_length=60)] = ""


def zone_forms(screen: Screen) -> APIRouter:
    """Return the route by which a person chooses a time zone."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.post(f"{HOME}/zone")
    def live_in(form: Annotated[ZoneForm, Form()], who: Who) -> RedirectResponse:
        if who.user_id is None:
            return back_to(HOME, refused="Only somebody with an account has a time zone.")
        if form.zone and form.zone not in available_timezones():
            return back_to(HOME, refused=f"There is no time zone {form.zone}: choose one of the list.")
        people.choose_zone(house, who.user_id, form.zone or None)
        return back_to(HOME, said=f"Times are in {form.zone or house.settings.report_timezone}.")

    return router
