"""Settings: who set what and when, and how the work goes with the last success of every check."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.flows.house import House
from dunning.store import beats, breakers, gaps, inbox, jobs, origins
from dunning.web.health import STUCK_AFTER, stuck, unready
from dunning.web.rights import needs
from dunning.web.screen import Screen


def origin_pages(screen: Screen) -> APIRouter:
    """Return the routes of both pages."""
    router = APIRouter(include_in_schema=False, prefix="/settings", dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get("/origins")
    def who(request: Request) -> HTMLResponse:
        with house.store.read() as connection:
            own, entries = origins.of_switches(connection), origins.last_changes(connection)
        return screen.page(request, "origins.html", own=own, entries=entries)

    @router.get("/health")
    def how(request: Request) -> HTMLResponse:
        return screen.page(request, "health.html", **_standing(house))

    return router


def _standing(house: House) -> dict[str, Any]:
    now = house.clock.now()
    with house.store.read() as connection:
        facts = {
            "event": origins.last_event(connection),
            "mail": origins.last_mail(connection),
            "charge": origins.last_charge(connection),
            "compared": inbox.reconciled(connection),
            "missed": sum(gaps.counts(connection, now).values()),
            "unhandled_since": jobs.unhandled_since(connection),
            "breakers": breakers.all_open(connection) or beats.why_closed(connection, now, watching=False),
            "chores": origins.chores_last(connection),
        }
    return {
        **facts,
        "unready": unready(house),
        "stuck": stuck(house),
        "mailing": house.settings.sends_mail or house.simulated,
        "late": STUCK_AFTER,
    }
