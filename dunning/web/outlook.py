"""The outlook: revenue at risk and its forecast, churn, and what recoveries have saved."""

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from dunning.core.churn import DEFINITIONS as OF_CHURN
from dunning.core.people import Right
from dunning.core.sheet import Kind, shown
from dunning.flows import outlook
from dunning.flows.export_files import Form
from dunning.flows.outlook_sheet import outlook_sheet
from dunning.web.files import attached
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/outlook"


def outlook_pages(screen: Screen) -> APIRouter:
    """Return the route of the outlook."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    def read() -> tuple[outlook.Outlook, datetime]:
        zone, livemode, now = (
            ZoneInfo(house.settings.report_timezone),
            house.settings.livemode,
            house.clock.now(),
        )
        with house.store.read(steady=True) as connection:
            return outlook.look(connection, zone, now, livemode=livemode), now

    @router.get(ROOT)
    def page(request: Request) -> HTMLResponse:
        return screen.page(
            request,
            "outlook.html",
            found=read()[0],
            forms=list(Form),
            root=ROOT,
            definitions=outlook.DEFINITIONS | OF_CHURN,
            percent=lambda share: "–" if share is None else shown(share, Kind.SHARE, ""),
        )

    @router.get(ROOT + ".{form}", dependencies=[needs(Right.FINANCE)])
    def file(form: Form) -> Response:
        found, now = read()
        return attached(outlook_sheet(found, now), form)

    return router
