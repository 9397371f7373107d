"""The proof: the ledger beside Stripe's balance, day by day, and where they differ."""

from typing import Any, Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from dunning.core.people import Right
from dunning.flows.export_files import Form
from dunning.flows.outlook_sheet import proof_sheet
from dunning.store import balance
from dunning.web.files import attached
from dunning.web.rights import needs
from dunning.web.screen import Screen

ROOT: Final = "/reports/proof"


def proof_pages(screen: Screen) -> APIRouter:
    """Return the route of the proof."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    def read() -> tuple[Any, Any]:
        livemode = house.settings.livemode
        with house.store.read() as connection:
            left = balance.all_breaks(connection, livemode=livemode)
            return left, balance.proofs(connection, livemode=livemode)

    @router.get(ROOT)
    def proof(request: Request) -> HTMLResponse:
        left, days = read()
        return screen.page(request, "proof.html", breaks=left, proofs=days, forms=list(Form), root=ROOT)

    @router.get(ROOT + ".{form}", dependencies=[needs(Right.FINANCE)])
    def file(form: Form) -> Response:
        return attached(proof_sheet(*read(), house.clock.now()), form)

    return router
