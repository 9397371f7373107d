"""Personal data in the JSON API: a copy for a person, their erasure, and how far erasures are."""

from datetime import datetime
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter, Path
from pydantic import Field
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException
from starlette.responses import Response

from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import erasing, exporting_person
from dunning.flows.house import House
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Body, Shape
from dunning.web.rights import By, needs

ANSWERS: Final = PROBLEMS | {404: PROBLEMS[404] | {"description": "Nothing is held about such a customer."}}
CustomerId = Annotated[str, Path(min_length=1, max_length=200, description="A customer's id (cus_…).")]


class ErasureBody(Body):
    """Why, and how it is known that the person themself asks."""

    why: Annotated[str, Field(min_length=1, max_length=300)]


class PersonalData(Shape):
    """What is held about a customer: rows with the columns of the database, table by table."""

    customer: str
    account: str
    livemode: bool
    exported_at: datetime
    tables: dict[str, list[dict[str, Any]]]


class Erasure(Shape):
    """One request to erase a person: `waits_for` says what it waits for, `finished_at` when it was done."""

    customer_id: str
    asked_by: str
    asked_at: datetime
    waits_for: str | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of a request's row."""
        return cls(**{name: row[name] for name in cls.model_fields})


class Erasures(Shape):
    """Every request, newest first."""

    data: list[Erasure]


def personal_data_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/customers/{id} that are about the person, and /api/v1/erasures."""
    right = needs(Right.ADMIN)
    router = APIRouter(prefix=ROOT, tags=["personal data"], dependencies=[right])

    def known(customer_id: str) -> str:
        try:
            return erasing.find(house, customer_id)[1]
        except Unusable as error:
            raise HTTPException(404, str(error)) from error

    @router.get(
        "/customers/{customer_id}/personal-data",
        operation_id="exportPerson",
        response_model=PersonalData,
        responses={404: ANSWERS[404], 422: ANSWERS[422]},
    )
    def export(customer_id: CustomerId, by: By) -> Response:
        """Return everything that is held about a customer, table by table; the audit log keeps who asked."""
        found = exporting_person.export(house, known(customer_id), by=by)
        return Response(found.text, media_type="application/json", headers={"cache-control": "no-store"})

    @router.post(
        "/customers/{customer_id}/erasure", operation_id="erasePerson", status_code=202, responses=ANSWERS
    )
    def erase(customer_id: CustomerId, body: ErasureBody, by: By) -> Erasure:
        """Ask for a person to be erased; 409 while a recovery of theirs is open, or when asked before."""
        whom = known(customer_id)
        answer = erasing.ask(house, whom, why=body.why, by=by)
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        return next(Erasure.of(row) for row in erasing.every(house) if row["customer_id"] == whom)

    @router.get("/erasures", operation_id="listErasures")
    def erasures() -> Erasures:
        """Return the newest two hundred requests to erase a person, newest first."""
        return Erasures(data=[Erasure.of(row) for row in erasing.every(house)])

    return router
