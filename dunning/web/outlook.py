"""The outlook: revenue at risk and its forecast, churn, and what recoveries have saved."""

from typing import Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dunning.core.churn import DEFINITIONS as OF_CHURN
from dunning.core.people import Right
from dunning.core.sheet import Kind, shown
from dunning.flows import outlook
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/outlook"


def outlook_pages(screen: Screen) -> APIRouter:
    """Return the route of the outlook."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(ROOT)
    def page(request: Request) -> HTMLResponse:
        zone, livemode = ZoneInfo(house.settings.report_timezone), house.settings.livemode
        with house.store.read(steady=True) as connection:
            found = outlook.look(connection, zone, house.clock.now(), livemode=livemode)
        return screen.page(
            request,
            "outlook.html",
            found=found,
            definitions=outlook.DEFINITIONS | OF_CHURN,
            percent=lambda share: "–" if share is None else shown(share, Kind.SHARE, ""),
        )

    return router
