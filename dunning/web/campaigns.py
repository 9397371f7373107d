"""The campaigns: which message goes out when."""

from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dunning.core.campaign import BUILT_IN, Campaign
from dunning.core.people import Right
from dunning.store.timeline import newest_campaigns
from dunning.web.rights import needs
from dunning.web.screen import Screen
from dunning.web.words import CONDITION


def campaign_pages(screen: Screen) -> APIRouter:
    """Return the route of the campaigns page."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get("/campaigns")
    def campaigns(request: Request) -> HTMLResponse:
        with screen.house.store.read() as connection:
            rows = newest_campaigns(connection)
        found = [(Campaign.loads(row["definition"]), row["published_at"]) for row in rows]
        return screen.page(
            request,
            "campaigns.html",
            campaigns=found or [(BUILT_IN, None)],
            conditions=CONDITION,
            offset=offset_words,
        )

    return router


def offset_words(offset: timedelta) -> str:
    """Return when a step is due: `Day 4`, or `6 hours after the failure`."""
    hours = int(offset.total_seconds()) // 3600
    if offset < timedelta(days=1):
        return f"{hours} h after the failure" if hours else "at once"
    return f"Day {offset.days}" if hours % 24 == 0 else f"Day {offset.days}, +{hours % 24} h"
