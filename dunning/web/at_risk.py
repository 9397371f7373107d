"""The report on what may fail next month: coming renewals, and why their cards may not do."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from dunning.core.people import Right
from dunning.flows.export_files import Form
from dunning.flows.outlook_sheet import at_risk_sheet
from dunning.flows.renewing import DEFINITION, WORDS, forecast
from dunning.store import switches
from dunning.web.files import attached
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/at-risk"


def at_risk_pages(screen: Screen) -> APIRouter:
    """Return the route of the list of revenue at risk."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get(ROOT)
    def at_risk(request: Request) -> HTMLResponse:
        found = forecast(screen.house)
        with screen.house.store.read() as connection:
            switched = switches.read(connection)
        writes = switched.messages and switched.notices
        return screen.page(
            request,
            "at_risk.html",
            forms=list(Form),
            root=ROOT,
            found=found,
            reasons=WORDS,
            definition=DEFINITION,
            writes=writes,
        )

    @router.get(ROOT + ".{form}", dependencies=[needs(Right.FINANCE)])
    def file(form: Form) -> Response:
        return attached(at_risk_sheet(forecast(screen.house), screen.house.clock.now()), form)

    return router
