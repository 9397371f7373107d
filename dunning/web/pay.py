"""The customer's page: no login, no script, and nothing written before a button is pressed."""

from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.pay_page import PageState
from dunning.errors import StripeError
from dunning.flows import card_update
from dunning.flows.card_update import Page
from dunning.web import tongues
from dunning.web.gates import STRIPE_PAGES, origin_of
from dunning.web.screen import Screen
from dunning.web.tongues import Tongue

LOOKS: Final = 12  # how often the page after the return looks again by itself
FIRST_LOOK_S: Final = 4


@dataclass(frozen=True, slots=True)
class Desk:
    """Answers customers, each in their language."""

    screen: Screen

    def tongue(self, request: Request, page: Page) -> Tongue:
        """Return the language that was chosen, else the customer's own, else what their browser asks for."""
        wishes = tongues.wished(request.headers.get("accept-language", ""))
        chosen = request.query_params.get("lang")
        return tongues.tongue(self.screen.house.templates / "words", chosen, page.locale, *wishes)

    def show(
        self,
        request: Request,
        token: str,
        page: Page,
        template: str = "pay.html",
        status: int = 200,
        **more: Any,
    ) -> HTMLResponse:
        """Render a page about a link."""
        tongue = self.tongue(request, page)
        chosen = request.query_params.get("lang")
        facts = {
            "page": page,
            "base": f"/pay/{token}",
            "lang": f"?lang={tongue.language}" if chosen in tongues.LANGUAGES else "",
            "tongue": tongue,
            "t": tongue.t,
            "languages": list(tongues.switches(f"/pay/{token}", tongue.language)),
        }
        status = 404 if page.state is PageState.UNKNOWN else status
        answer = self.screen.bare(template, status=status, **facts, **more)
        answer.headers["content-language"] = tongue.language
        answer.headers["content-security-policy"] = _policy(self.screen)
        return answer

    def press(self, request: Request, token: str, recovery: str | None) -> Response:
        """Lead to the Stripe page that helps, or say why there is none now."""
        house = self.screen.house
        try:
            url = card_update.mint(house, token, recovery=recovery)
        except StripeError:
            url = None
        if url is not None:
            return RedirectResponse(url, 303)
        page = card_update.look(house, token)
        if page.bills or page.state is PageState.AHEAD:
            return self.show(request, token, page, "pay_later.html", 503)
        answer = self.show(request, token, page, status=200 if page.free_in is None else 429)
        if page.free_in is not None:
            answer.headers["retry-after"] = str(int(page.free_in.total_seconds()) + 1)
        return answer


def pay_pages(screen: Screen) -> APIRouter:
    """Return the routes behind a card-update link."""
    router, desk, house = APIRouter(include_in_schema=False), Desk(screen), screen.house

    @router.api_route("/pay/{token}", methods=["GET", "HEAD"])
    def page(request: Request, token: str) -> HTMLResponse:
        return desk.show(request, token, card_update.look(house, token))

    @router.post("/pay/{token}")
    def go(
        request: Request, token: str, recovery: Annotated[str | None, Form(max_length=64)] = None
    ) -> Response:
        return desk.press(request, token, recovery)

    @router.post("/pay/{token}/new-link")
    def new_link(request: Request, token: str) -> HTMLResponse:
        card_update.ask_for_new_link(house, token)
        unsaid = Page(PageState.EXPIRED, house.merchant, simulated=house.simulated)
        return desk.show(request, token, unsaid, "pay_new_link.html")

    @router.api_route("/pay/{token}/done", methods=["GET", "HEAD"])
    def done(request: Request, token: str, n: Annotated[int, Query(ge=1, le=LOOKS)] = 1) -> HTMLResponse:
        found = card_update.look(house, token)
        if found.refused or not _waits(found):
            return desk.show(request, token, found)
        page = desk.show(request, token, found, "pay_done.html", last=n == LOOKS)
        if n < LOOKS and found.state is not PageState.AHEAD:
            # Stripe's confirmation takes a few seconds; the page asks again by itself, without a script
            lang = request.query_params.get("lang")
            chosen = f"&lang={lang}" if lang in tongues.LANGUAGES else ""
            page.headers["refresh"] = f"{FIRST_LOOK_S + n}; url=/pay/{token}/done?n={n + 1}{chosen}"
        return page

    return router


def _waits(page: Page) -> bool:
    return page.state in {PageState.OPEN, PageState.TOO_MANY, PageState.AHEAD} or bool(page.bills)


def _policy(screen: Screen) -> str:
    """Return what the page may load: its style sheet, and nothing of anybody else's."""
    house = screen.house
    own = (origin_of(house.settings.stripe_api_base),) if house.simulated else ()
    targets = " ".join((*STRIPE_PAGES, *own))
    return (
        "default-src 'none'; style-src 'self'; img-src data:; "
        f"form-action 'self' {targets}; frame-ancestors 'none'; base-uri 'none'"
    )
