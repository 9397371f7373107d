"""The reports of the JSON API."""

from datetime import date
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from dunning.core.people import Right
from dunning.core.report_words import Subject
from dunning.flows import grouped
from dunning.flows.grouped import BadCut, Cut
from dunning.flows.house import House
from dunning.flows.report import BadPeriod, Basis, GroupBy, Question, recovered_revenue
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import RecoveredRevenue
from dunning.web.rights import needs


def report_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/reports."""
    router = APIRouter(
        prefix=f"{ROOT}/reports",
        tags=["reports"],
        responses={422: PROBLEMS[422]},
        dependencies=[needs(Right.READ)],
    )

    @router.get("/recovered-revenue", operation_id="recoveredRevenue", response_model=RecoveredRevenue)
    def recovered(
        start: Annotated[date, Query(alias="from", description="First day, in the report time zone.")],
        end: Annotated[date, Query(alias="to", description="The day after the last.")],
        basis: Basis = Basis.COHORT,
        *,
        net: Annotated[bool, Query(description="Echoed: `net` is always in the figures.")] = False,
        group_by: GroupBy | None = None,
        imported: Annotated[bool, Query(description="The imported history instead.")] = False,
    ) -> dict[str, Any]:
        """Return what failed and what became of it (cohort), or what money moved (cash)."""
        zone, livemode = ZoneInfo(house.settings.report_timezone), house.settings.livemode
        try:
            question = Question(start, end, zone, livemode, basis, net, group_by, imported)
        except BadPeriod as problem:
            raise HTTPException(422, str(problem)) from None
        with house.store.read(steady=True) as connection:
            return recovered_revenue(connection, question, now=house.clock.now()).dumps()

    @router.get("/cuts", operation_id="cut", response_model=None)
    def cut(
        subject: Subject,
        start: Annotated[date, Query(alias="from", description="First day, in the report time zone.")],
        end: Annotated[date, Query(alias="to", description="The day after the last.")],
        by: Annotated[str, Query(description="How it is cut, such as decline_code or hour.")] = "all",
    ) -> dict[str, Any]:
        """Return one subject cut by one dimension, with its rates as exact fractions."""
        zone, livemode = ZoneInfo(house.settings.report_timezone), house.settings.livemode
        try:
            asked = Cut(subject, by, start, end, zone, livemode)
        except BadCut as problem:
            raise HTTPException(422, str(problem)) from None
        with house.store.read(steady=True) as connection:
            return grouped.answer(connection, asked, now=house.clock.now()).dumps()

    return router
