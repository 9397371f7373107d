"""The proof: the ledger beside Stripe's balance, day by day, and where they differ."""

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.store import balance
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/proof"


def proof_pages(screen: Screen) -> APIRouter:
    """Return the route of the proof."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(ROOT)
    def proof(request: Request) -> HTMLResponse:
        livemode = house.settings.livemode
        with house.store.read() as connection:
            left = balance.all_breaks(connection, livemode=livemode)
            days = balance.proofs(connection, livemode=livemode)
        return screen.page(request, "proof.html", breaks=left, proofs=days)

    return router
