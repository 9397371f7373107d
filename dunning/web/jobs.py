"""Settings: the jobs, by kind: due, in hand, set aside; and trying again what was set aside."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.people import Right
from dunning.flows import jobs
from dunning.store.jobs import DEAD, dead_rows
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME = "/settings/jobs"
MEANING = {
    "event": "Events from Stripe to be handled",
    "attempt": "Charges under way",
    "recovery": "Recoveries whose next step is due",
    "message": "Messages to customers",
    "errand": "Errands at Stripe besides charging",
    "announcement": "Webhooks and alerts to others",
    "notice": "Notices before anything fails",
    "placing": "Places in the queue that time moves",
    "bulk": "Bulk actions of staff",
    "erasure": "People to be erased",
}


class RedriveForm(BaseModel):
    """The kind of row to try again."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    kind: Annotated[str, Field(max_length=40)]


def job_pages(screen: Screen) -> APIRouter:
    """Return the page of the jobs, and the route of its buttons."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def page(request: Request) -> HTMLResponse:
        with house.store.read() as connection:
            work = jobs.standing(house, connection)
            aside = {
                one.kind: dead_rows(connection, one.kind) for one in work if one.dead and one.kind in DEAD
            }
        bells = jobs.bells_waiting(house.settings)
        return screen.page(request, "jobs.html", work=work, aside=aside, meaning=MEANING, bells=bells)

    @router.post(HOME, dependencies=[needs(Right.ADMIN)])
    def redrive(form: Annotated[RedriveForm, Form()], by: By) -> RedirectResponse:
        count = jobs.redrive(house, form.kind, by=by)
        return back_to(HOME, said=f"{count} will be tried again." if count else "Nothing was set aside.")

    return router
