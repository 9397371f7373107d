"""The switches in the JSON API: who retries, what goes out, the kill switch; overall and by segment."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from starlette.exceptions import HTTPException

from dunning.core.people import Right
from dunning.core.vocabulary import Retries
from dunning.errors import Unusable
from dunning.flows import switches
from dunning.flows.house import House
from dunning.store import segments
from dunning.store import switches as kept
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Body, Shape
from dunning.web.rights import By, needs

Segment = Annotated[str, Field(min_length=1, max_length=40)]


class SegmentSwitches(Shape):
    """What a segment has of its own; null where it is as overall."""

    name: str
    retries: Retries | None
    messages: bool | None
    paused: str | None


class Switches(Shape):
    """What is in force overall, and in each segment; `paused` is the reason of the kill switch."""

    retries: Retries
    messages: bool
    notices: bool
    paused: str | None
    segments: list[SegmentSwitches]


class SwitchBody(Body):
    """What changes; what is left out stays. `notices` is overall only."""

    retries: Annotated[Retries | None, Field(strict=False)] = None
    messages: bool | None = None
    notices: bool | None = None
    segment: Segment | None = None


class PauseAllBody(Body):
    """Why nothing leaves; with a segment, only of its invoices."""

    reason: Annotated[str, Field(min_length=1, max_length=300)]
    segment: Segment | None = None


class ResumeAllBody(Body):
    """What goes on again: everything, or a segment."""

    segment: Segment | None = None


def _read(house: House) -> Switches:
    with house.store.read() as connection:
        found, parts = kept.read(connection), segments.current(connection)
    return Switches(
        retries=found.retries,
        messages=found.messages,
        notices=found.notices,
        paused=found.pause_reason,
        segments=[
            SegmentSwitches(name=one.name, retries=one.retries, messages=one.messages, paused=one.paused)
            for one in parts.all
        ],
    )


def switch_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/switches."""
    answers: dict[int | str, dict[str, Any]] = {409: PROBLEMS[409], 422: PROBLEMS[422]}
    router = APIRouter(
        prefix=f"{ROOT}/switches", tags=["switches"], responses=answers, dependencies=[needs(Right.READ)]
    )

    @router.get("", operation_id="getSwitches")
    def get() -> Switches:
        """Return what is in force."""
        return _read(house)

    @router.post("", operation_id="setSwitches", dependencies=[needs(Right.ADMIN)])
    def change(body: SwitchBody, by: By) -> Switches:
        """Change who retries, or what goes out; open recoveries follow."""
        if body.segment is not None and body.notices is not None:
            raise HTTPException(422, "`notices` has one switch, overall: leave `segment` out.")
        given = body.model_dump(exclude_none=True)
        try:
            switches.set_mode(house, by=by, **given)
        except Unusable as error:
            raise HTTPException(422, str(error)) from error
        return _read(house)

    @router.post("/pause", operation_id="pauseAll", dependencies=[needs(Right.ACT)])
    def pause(body: PauseAllBody, by: By) -> Switches:
        """Throw the kill switch: nothing is charged, nobody is written to; events are still received."""
        reason = body.reason.strip()
        if not reason:
            raise HTTPException(422, "Say why: staff read it on every page.")
        try:
            switches.pause_all(house, reason, by=by, segment=body.segment)
        except Unusable as error:
            raise HTTPException(422, str(error)) from error
        return _read(house)

    @router.post("/resume", operation_id="resumeAll", dependencies=[needs(Right.ACT)])
    def resume(body: ResumeAllBody, by: By) -> Switches:
        """Release the kill switch."""
        try:
            switches.resume_all(house, by=by, segment=body.segment)
        except Unusable as error:
            raise HTTPException(422, str(error)) from error
        return _read(house)

    return router
