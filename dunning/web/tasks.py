"""What staff are asked to do: calls to make; and moving a recovery."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.people import Right
from dunning.core.vocabulary import TaskState
from dunning.flows import moving, tasks
from dunning.store import tasks as kept
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to, own_path


class DoneForm(BaseModel):
    """What came of a task."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    note: Annotated[str, Field(max_length=tasks.NOTE_MOST)] = ""
    back: Annotated[str, Field(max_length=200)] = "/tasks"


class MoveForm(BaseModel):
    """The campaign that a recovery is to go on with, at its newest version."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    campaign: Annotated[str, Field(max_length=64)]


def task_pages(screen: Screen) -> APIRouter:
    """Return the routes of the task list."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get("/tasks")
    def page(request: Request) -> HTMLResponse:
        livemode = house.settings.livemode
        with house.store.read() as connection:
            waiting = kept.listed(connection, livemode=livemode)
            done = kept.listed(connection, livemode=livemode, state=TaskState.DONE, most=20)
        return screen.page(request, "tasks.html", waiting=waiting, done=done)

    @router.post("/tasks/{task_id}", dependencies=[needs(Right.ACT)])
    def finish(task_id: str, form: Annotated[DoneForm, Form()], by: By) -> RedirectResponse:
        try:
            answer = tasks.finish(house, task_id, by=by, note=form.note)
        except tasks.NoSuchTask as error:
            raise HTTPException(404, "There is no such task.") from error
        told = {"said": answer.sentence} if answer.done else {"refused": answer.sentence}
        return back_to(own_path(form.back), **told)

    @router.post("/recoveries/{recovery_id}/move", dependencies=[needs(Right.ACT)])
    def move(recovery_id: str, form: Annotated[MoveForm, Form()], by: By) -> RedirectResponse:
        answer = moving.move(house, recovery_id, form.campaign, by=by)
        told = {"said": answer.sentence} if answer.done else {"refused": answer.sentence}
        return back_to(f"/recoveries/{recovery_id}", **told)

    return router
