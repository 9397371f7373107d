"""The web application: the receiver first, then gates, pages, forms and the API."""

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Lifespan

from dunning.flows.house import House
from dunning.web import static_files
from dunning.web.api import ROOT, action_api, recovery_api
from dunning.web.api_desk import bulk_api, desk_api, ending_api
from dunning.web.api_reports import report_api
from dunning.web.bulk import bulk_forms, bulk_pages
from dunning.web.campaigns import campaign_pages
from dunning.web.card_rules import card_rules_pages
from dunning.web.debt import debt_pages
from dunning.web.demo_bar import DemoBar
from dunning.web.demo_pages import demo_pages
from dunning.web.desk import desk_forms, ending_forms
from dunning.web.experiments import experiment_pages
from dunning.web.gates import STRIPE_PAGES, Doorway, LoopbackOnly, SameOriginOnly, SecurityHeaders, origin_of
from dunning.web.health import health_pages
from dunning.web.learned import learned_pages
from dunning.web.overview import overview_pages
from dunning.web.pay import pay_pages
from dunning.web.problems import add_problem_handlers
from dunning.web.queue import queue_pages, view_forms
from dunning.web.recovery import recovery_forms, recovery_pages
from dunning.web.reports import payment_pages, report_pages
from dunning.web.screen import make_screen
from dunning.web.settings_forms import settings_forms
from dunning.web.settings_page import settings_pages

MAX_BODY = 64 * 1024  # forms and small JSON; the receiver has a limit of its own


def create_site(
    house: House,
    receiver: ASGIApp,
    *,
    lifespan: Lifespan[Any] | None = None,
    demo: DemoBar | None = None,
) -> ASGIApp:
    """Return the whole site as one ASGI application.

    POST /webhooks/stripe goes to `receiver` before everything else. Staff pages and API answer on loopback
    only; customer pages and probes answer everybody. `demo` puts a bar that runs the clock on each page.
    """
    site = FastAPI(
        title="dunning",
        version="1",
        description="Payment recovery for Stripe. Amounts are integer minor units; instants are UTC.",
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry={"logs": False},
        lifespan=lifespan,
        max_body_size=MAX_BODY,
    )
    _add_routes(site, house, demo)
    targets = (*STRIPE_PAGES, origin_of(house.settings.stripe_api_base)) if house.simulated else STRIPE_PAGES
    return SecurityHeaders(Doorway(receiver, LoopbackOnly(SameOriginOnly(site))), targets)


def _add_routes(site: FastAPI, house: House, demo: DemoBar | None) -> None:
    screen = make_screen(house, demo)
    site.include_router(static_files.router)
    site.include_router(health_pages(house))
    site.include_router(pay_pages(screen))
    site.include_router(overview_pages(screen))
    site.include_router(queue_pages(screen))
    site.include_router(view_forms(screen))
    site.include_router(bulk_pages(screen))
    site.include_router(bulk_forms(screen))
    site.include_router(recovery_pages(screen))
    site.include_router(recovery_forms(screen))
    site.include_router(desk_forms(screen))
    site.include_router(ending_forms(screen))
    site.include_router(debt_pages(screen))
    site.include_router(report_pages(screen))
    site.include_router(payment_pages(screen))
    site.include_router(learned_pages(screen))
    site.include_router(experiment_pages(screen))
    site.include_router(settings_pages(screen))
    site.include_router(settings_forms(screen))
    site.include_router(card_rules_pages(screen))
    site.include_router(campaign_pages(screen))
    if demo is not None:
        site.include_router(demo_pages(demo))
    site.include_router(recovery_api(house))
    site.include_router(action_api(house))
    site.include_router(desk_api(house))
    site.include_router(ending_api(house))
    site.include_router(bulk_api(house))
    site.include_router(report_api(house))
    add_problem_handlers(site, screen)
