"""The closed months in the JSON API: list, read, close, open again."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dunning.core.months import BadMonth, Closing
from dunning.core.people import Right
from dunning.flows import closing
from dunning.flows.house import House
from dunning.store import months
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Body, Shape
from dunning.web.rights import By, needs

MONTH = r"^\d{4}-(0[1-9]|1[0-2])$"
MonthPath = Annotated[str, Path(pattern=MONTH, description="A month, as 2027-03.")]
ANSWERS: dict[int | str, dict[str, Any]] = PROBLEMS | {
    404: PROBLEMS[404] | {"description": "The month is not closed."},
}


class ClosedMonth(Shape):
    """A closed month: by whom and when, and the SHA-256 of its frozen document."""

    month: str
    version: int
    at: datetime
    by: str
    digest: str

    @classmethod
    def of(cls, one: Closing) -> "ClosedMonth":
        """Return the shape of a closing."""
        return cls(**{name: getattr(one, name) for name in cls.model_fields})


class ClosedMonths(Shape):
    """Every closed month, oldest first."""

    data: list[ClosedMonth]


class ReopenBody(Body):
    """Why it is opened again; the books keep it."""

    why: Annotated[str, Field(min_length=1, max_length=500)]


def month_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/months."""
    router = APIRouter(prefix=f"{ROOT}/months", tags=["months"], dependencies=[needs(Right.READ)])

    @router.get("", operation_id="listMonths")
    def list_months() -> ClosedMonths:
        """Return the closed months."""
        return ClosedMonths(data=[ClosedMonth.of(one) for one in _standing(house).values()])

    @router.get(
        "/{month}",
        operation_id="getMonth",
        response_model=dict[str, Any],
        responses={404: ANSWERS[404], 422: ANSWERS[422]},
        dependencies=[needs(Right.FINANCE)],
    )
    def get_month(month: MonthPath) -> Response:
        """Return the frozen document of a closed month, byte for byte."""
        found = _standing(house).get(month)
        if found is None:
            raise HTTPException(404, f"{month} is not closed.")
        return Response(found.document, media_type="application/json")

    return router


def closing_api(house: House) -> APIRouter:
    """Return the routes that close a month and open it again."""
    conflict: dict[int | str, dict[str, Any]] = {409: PROBLEMS[409], 422: PROBLEMS[422]}
    router = APIRouter(prefix=f"{ROOT}/months", tags=["months"], responses=conflict)

    @router.post(
        "/{month}/close",
        operation_id="closeMonth",
        dependencies=[needs(Right.FINANCE)],
    )
    def close(month: MonthPath, by: By) -> ClosedMonth:
        """Freeze a month that is over; 409 says which must come first, or that it is closed already."""
        try:
            return ClosedMonth.of(closing.close(house, month, by=by))
        except BadMonth as problem:
            raise HTTPException(409, str(problem)) from problem

    @router.post("/{month}/reopen", operation_id="reopenMonth", dependencies=[needs(Right.ADMIN)])
    def reopen(month: MonthPath, body: ReopenBody, by: By) -> ClosedMonths:
        """Open the newest closed month again."""
        try:
            closing.reopen(house, month, why=body.why, by=by)
        except BadMonth as problem:
            raise HTTPException(409, str(problem)) from problem
        return ClosedMonths(data=[ClosedMonth.of(one) for one in _standing(house).values()])

    return router


def _standing(house: House) -> dict[str, Closing]:
    with house.store.read() as connection:
        found = months.standing(connection, livemode=house.settings.livemode)
    return {one.month: one for one in found}
