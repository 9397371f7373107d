"""Settings: how long what is held is kept, a copy for a person, and their erasure."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import erasing, exporting_person, pruning
from dunning.flows.house import House
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME: Final = "/settings/data"
NOT_SAME: Final = "Type the customer’s id as it is shown: nothing was erased."

Who = Annotated[str, Field(min_length=1, max_length=300)]


class PersonForm(BaseModel):
    """Whom it is about: a customer's id or mail address."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    who: Who


class EraseForm(BaseModel):
    """Whom to erase, why, and their id once more, typed by who asks."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    who: Who
    why: Annotated[str, Field(min_length=1, max_length=300)]
    typed: Annotated[str, Field(max_length=300)]


def personal_data_pages(screen: Screen) -> APIRouter:
    """Return the routes of the page of personal data."""
    router = APIRouter(include_in_schema=False, prefix=HOME, dependencies=[needs(Right.ADMIN)])
    house = screen.house

    @router.get("")
    def page(request: Request) -> HTMLResponse:
        return screen.page(request, "personal_data.html", **_facts(house))

    @router.post("/export")
    def export(form: Annotated[PersonForm, Form()], by: By) -> Response:
        try:
            found = exporting_person.export(house, form.who, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        kept_by_nobody = {"cache-control": "no-store"}
        named = {"content-disposition": f'attachment; filename="{found.customer}.zip"'}
        return Response(found.packed(), media_type="application/zip", headers=named | kept_by_nobody)

    @router.post("/look")
    def look(request: Request, form: Annotated[PersonForm, Form()]) -> Response:
        try:
            held = exporting_person.held(house, form.who)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return screen.page(request, "personal_data_erase.html", held=held)

    @router.post("/erase")
    def erase(form: Annotated[EraseForm, Form()], by: By) -> RedirectResponse:
        if form.typed != form.who:
            return back_to(HOME, refused=NOT_SAME)
        try:
            answer = erasing.ask(house, form.who, why=form.why, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        if not answer.done:
            return back_to(HOME, refused=answer.sentence)
        return back_to(HOME, said=answer.sentence)

    return router


def _facts(house: House) -> dict[str, Any]:
    origin, run = house.settings.origin, pruning.last_run(house)
    if run is not None:
        run = {**run, "moment": datetime.fromisoformat(run["at"])}
    kept = [(one, origin(one.setting) if one.setting else None) for one in pruning.kept(house)]
    return {"kept": kept, "run": run, "requests": erasing.every(house)}
