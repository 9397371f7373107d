"""The report of the experiments: what retries and messages bring, and what the holdout costs."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.flows import arms
from dunning.flows.uplift import DEFINITIONS, uplifts
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/experiments"


def experiment_pages(screen: Screen) -> APIRouter:
    """Return the route of the experiments' report."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get(ROOT)
    def experiments(request: Request) -> HTMLResponse:
        found = uplifts(screen.house)
        return screen.page(
            request,
            "experiments.html",
            found=found,
            arms=arms.compared(screen.house),
            definitions=DEFINITIONS | arms.DEFINITIONS,
        )

    return router
