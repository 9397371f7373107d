"""The customer's page: no login, no script, and nothing written before the button is pressed."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.errors import StripeError
from dunning.flows import card_update
from dunning.flows.card_update import Page
from dunning.web import words
from dunning.web.screen import Screen

REFRESH_S = "6"


def pay_pages(screen: Screen) -> APIRouter:
    """Return the routes behind a card-update link."""
    router = APIRouter(include_in_schema=False)

    @router.get("/pay/{token}")
    def page(token: str) -> HTMLResponse:
        return _show(screen, token, card_update.look(screen.house, token))

    @router.post("/pay/{token}")
    def go(token: str) -> Response:
        try:
            url = card_update.mint(screen.house, token)
        except StripeError:
            url = None
        if url is not None:
            return RedirectResponse(url, 303)
        page = card_update.look(screen.house, token)
        if page.state != "open":
            return _show(screen, token, page)
        return screen.bare("pay_later.html", status=503, page=page, token=token)

    @router.get("/pay/{token}/done")
    def done(token: str) -> HTMLResponse:
        found = card_update.look(screen.house, token)
        if found.state != "open":
            return _show(screen, token, found)
        page = screen.bare("pay_done.html", page=found, token=token, amount=_amount(found))
        # Stripe's confirmation takes a few seconds; the page asks again by itself, without a script
        page.headers["refresh"] = REFRESH_S
        return page

    return router


def _show(screen: Screen, token: str, page: Page) -> HTMLResponse:
    status = 404 if page.state == "unknown" else 200
    facts = {"page": page, "token": token, "amount": _amount(page)}
    return screen.bare("pay.html", status=status, calendar=screen.calendar(), **facts)


def _amount(page: Page) -> str:
    return words.money(page.amount, page.currency)
