"""What staff are asked to do, and moving a recovery to another campaign, in the JSON API."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException

from dunning.core.people import Right
from dunning.core.vocabulary import TaskKind, TaskState
from dunning.flows import moving, tasks
from dunning.flows.house import House
from dunning.store import tasks as kept
from dunning.web.api import PROBLEMS, ROOT, read_recovery
from dunning.web.api_models import Body, Done, Shape
from dunning.web.rights import By, needs


class Task(Shape):
    """What a campaign asks of staff; `closed_by` and `note` say who did it and what came of it."""

    id: str
    recovery_id: str
    kind: TaskKind
    what: str
    state: TaskState
    due_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    note: str | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of a task's row."""
        return cls(**{name: row[name] for name in cls.model_fields})


class TaskList(Shape):
    """Tasks: open ones by when they are due, closed ones newest first."""

    data: list[Task]


class TaskDone(Shape):
    """What was done."""

    sentence: str
    task: Task


class TaskDoneBody(Body):
    """What came of it."""

    note: Annotated[str, Field(max_length=tasks.NOTE_MOST)] = ""


class MoveBody(Body):
    """The campaign to go on with; without a version, its newest."""

    campaign: Annotated[str, Field(min_length=1, max_length=64)]
    version: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None


def task_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/tasks."""
    router = APIRouter(
        prefix=f"{ROOT}/tasks", tags=["tasks"], responses=PROBLEMS, dependencies=[needs(Right.READ)]
    )

    @router.get("", operation_id="listTasks")
    def list_tasks(
        state: TaskState = TaskState.OPEN, limit: Annotated[int, Query(ge=1, le=200)] = 50
    ) -> TaskList:
        """Return what staff are asked to do."""
        with house.store.read() as connection:
            rows = kept.listed(connection, livemode=house.settings.livemode, state=state, most=limit)
        return TaskList(data=[Task.of(row) for row in rows])

    @router.post("/{task_id}/done", operation_id="finishTask", dependencies=[needs(Right.ACT)])
    def finish(task_id: str, body: TaskDoneBody, by: By) -> TaskDone:
        """Close a task that was done; 409 where somebody closed it before."""
        try:
            answer = tasks.finish(house, task_id, by=by, note=body.note)
        except tasks.NoSuchTask as error:
            raise HTTPException(404, "There is no such task.") from error
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        with house.store.read() as connection:
            row = kept.by_id(connection, task_id)
        if row is None:
            raise HTTPException(404, "There is no such task.")
        return TaskDone(sentence=answer.sentence, task=Task.of(row))

    return router


def moving_api(house: House) -> APIRouter:
    """Return the route that moves a recovery to a version of a campaign."""
    router = APIRouter(
        prefix=f"{ROOT}/recoveries/{{recovery_id}}",
        tags=["desk"],
        responses=PROBLEMS,
        dependencies=[needs(Right.ACT)],
    )

    @router.post("/move", operation_id="moveRecovery")
    def move(recovery_id: str, body: MoveBody, by: By) -> Done:
        """Let it go on under a version of a campaign; no step goes out twice."""
        answer = moving.move(house, recovery_id, body.campaign, body.version, by=by)
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        return Done(sentence=answer.sentence, recovery=read_recovery(house, recovery_id))

    return router
