"""How much a customer uses the merchant's product, told over the API: falling use is a sign of leaving."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import Field
from starlette.exceptions import HTTPException

from dunning.core.billing import Whose
from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import using
from dunning.flows.house import House
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_access import STRIPE_ID
from dunning.web.api_models import Body, Shape
from dunning.web.instants import Instant
from dunning.web.rights import By, needs


class UsageBody(Body):
    """A figure of your own (seats, orders, hours), always counted the same way, and of when it is."""

    usage: Annotated[int, Field(ge=0, le=10**15)]
    at: Instant


class Usage(Shape):
    """The last figure and the one before it; `falls`: it fell by three tenths or more."""

    customer: str
    usage: int
    at: datetime
    usage_before: int | None
    at_before: datetime | None
    falls: bool


def usage_api(house: House) -> APIRouter:
    """Return the route of a customer's use."""
    answers: dict[int | str, Any] = {409: PROBLEMS[409], 422: PROBLEMS[422]}
    router = APIRouter(
        prefix=f"{ROOT}/customers", tags=["usage"], responses=answers, dependencies=[needs(Right.ACT)]
    )

    @router.put("/{customer_id}/usage", operation_id="putUsage")
    def put_usage(
        customer_id: Annotated[str, Path(pattern=STRIPE_ID, description="As Stripe names it: `cus_…`.")],
        body: UsageBody,
        by: By,
        account: Annotated[str, Query(pattern=STRIPE_ID, description="A connected account.")] = "self",
    ) -> Usage:
        """Report a figure; the same again changes nothing, and one older than the last is refused."""
        whose = Whose(account, house.settings.livemode)
        try:
            kept = using.report(house, whose, customer_id, body.usage, at=body.at, by=by)
        except Unusable as error:
            raise HTTPException(409, str(error)) from error
        figures = {name: getattr(kept, name) for name in Usage.model_fields if name != "customer"}
        return Usage(customer=customer_id, **figures)

    return router
