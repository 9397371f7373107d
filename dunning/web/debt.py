"""What the subscription behind a recovery owes, and what cancelling it would do: read before it is done."""

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.debt import consequences_of_cancelling
from dunning.core.people import Right
from dunning.errors import StripeError
from dunning.flows import staff
from dunning.store import queue, timeline
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to


def debt_pages(screen: Screen) -> APIRouter:
    """Return the page of a subscription's debt, and the route of its button."""
    router = APIRouter(
        include_in_schema=False, prefix="/recoveries/{recovery_id}", dependencies=[needs(Right.READ)]
    )

    @router.get("/debt")
    def debt(request: Request, recovery_id: str) -> HTMLResponse:
        try:
            found = staff.debt(screen.house, recovery_id)
        except StripeError as error:
            raise HTTPException(503, f"Stripe could not be asked: {error}") from error
        if found is None:
            raise HTTPException(404, staff.NO_SUBSCRIPTION)
        with screen.house.store.read() as connection:
            row = queue.item(connection, recovery_id)
            story = timeline.story(connection, recovery_id)
        said = consequences_of_cancelling(found)
        return screen.page(request, "debt.html", recovery=row, story=story, debt=found, consequences=said)

    @router.post("/cancel", dependencies=[needs(Right.ACT)])
    def cancel(recovery_id: str, by: By) -> RedirectResponse:
        answer = staff.cancel_subscription(screen.house, recovery_id, by=by)
        told = {"said": answer.sentence} if answer.done else {"refused": answer.sentence}
        return back_to(f"/recoveries/{recovery_id}", **told)

    return router
