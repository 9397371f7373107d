"""The web application: the receiver first, then gates, pages, forms and the API."""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.types import ASGIApp, Lifespan

from dunning import spans
from dunning.flows.house import House
from dunning.web import static_files, tongues
from dunning.web.api import action_api, recovery_api
from dunning.web.api_access import access_api
from dunning.web.api_audit import audit_api
from dunning.web.api_desk import bulk_api, desk_api, ending_api
from dunning.web.api_months import closing_api, month_api
from dunning.web.api_people import people_api, token_api, view_api
from dunning.web.api_personal_data import personal_data_api
from dunning.web.api_reports import report_api
from dunning.web.api_schedule import schedule_api
from dunning.web.api_switches import switch_api
from dunning.web.api_tasks import moving_api, task_api
from dunning.web.api_usage import usage_api
from dunning.web.at_risk import at_risk_pages
from dunning.web.audit import audit_pages
from dunning.web.bound_cookies import HOST, SECURE, BoundCookies
from dunning.web.bulk import bulk_forms, bulk_pages
from dunning.web.campaign_drafts import draft_pages
from dunning.web.campaigns import campaign_forms, campaign_pages
from dunning.web.card_rules import card_rules_pages
from dunning.web.contacts import contact_api, contact_pages
from dunning.web.cuts import cut_pages
from dunning.web.debt import debt_pages
from dunning.web.demo_bar import DemoBar
from dunning.web.demo_pages import demo_pages
from dunning.web.description import api_description
from dunning.web.desk import desk_forms, ending_forms
from dunning.web.doors import door_pages
from dunning.web.experiments import experiment_pages
from dunning.web.gates import STRIPE_PAGES, Doorway, SameOriginOnly, SecurityHeaders, Traced, origin_of
from dunning.web.health import health_pages
from dunning.web.installation import installation_pages
from dunning.web.jobs import job_pages
from dunning.web.learned import learned_pages
from dunning.web.mail_desk import mail_desk_pages, mail_look_pages, notice_pages
from dunning.web.mail_hooks import MailDoor, mail_hooks
from dunning.web.mail_texts import mail_text_pages
from dunning.web.months import month_pages
from dunning.web.oidc import COOKIE as OIDC_COOKIE
from dunning.web.oidc import oidc_pages
from dunning.web.once import OncePerKey
from dunning.web.outlook import outlook_pages
from dunning.web.overview import overview_pages
from dunning.web.own_account import account_pages
from dunning.web.own_zone import zone_forms
from dunning.web.pay import pay_pages
from dunning.web.people import people_forms, people_pages
from dunning.web.personal_data import personal_data_pages
from dunning.web.problems import add_problem_handlers
from dunning.web.proof import proof_pages
from dunning.web.punctual import Punctual
from dunning.web.queue import queue_pages, view_forms
from dunning.web.reception import Reception
from dunning.web.recovery import recovery_forms, recovery_pages
from dunning.web.reports import payment_pages, report_pages
from dunning.web.rights import Declared, declared
from dunning.web.screen import NOTICE, Screen, make_screen
from dunning.web.settings_forms import settings_forms
from dunning.web.settings_origins import origin_pages
from dunning.web.settings_page import settings_pages
from dunning.web.tasks import task_pages
from dunning.web.tokens import token_pages
from dunning.web.twilio import twilio_webhook
from dunning.web.webhooks import webhook_buttons, webhook_pages

MAX_BODY = 64 * 1024  # forms and small JSON; the receiver has a limit of its own


def create_site(
    house: House,
    receiver: ASGIApp,
    *,
    lifespan: Lifespan[Any] | None = None,
    demo: DemoBar | None = None,
) -> ASGIApp:
    """Return the whole site as one ASGI application.

    POST /webhooks/stripe goes to `receiver` before everything else, mail providers' reports come next. Staff
    pages and API answer whoever is signed in or brings a token; customer pages and probes answer everybody.
    `demo` puts a bar that runs the clock on each page, and takes who sits at this machine for its admin.

    Raises:
        RuntimeError: a route declares no right.
    """
    site = FastAPI(
        title="dunning",
        version="1",
        description="Payment recovery for Stripe. Amounts are integer minor units; instants are UTC.",
        openapi_url=None,  # ours asks for a right, as every route does
        docs_url=None,
        redoc_url=None,
        telemetry={"logs": False},
        lifespan=lifespan,
        max_body_size=MAX_BODY,
    )
    _add_routes(site, make_screen(house, demo))
    targets = (*STRIPE_PAGES, origin_of(house.settings.stripe_api_base)) if house.simulated else STRIPE_PAGES
    named = {NOTICE: HOST, tongues.COOKIE: HOST, OIDC_COOKIE: SECURE}
    bound = BoundCookies(OncePerKey(site, house), house, named)
    staff = Reception(bound, house, demo=demo is not None)
    inside = Punctual(MailDoor(mail_hooks(house), SameOriginOnly(staff)))
    # Stripe is no browser: its one path answers without the headers that browsers need.
    whole = Doorway(receiver, SecurityHeaders(inside, targets))
    return Traced(whole) if spans.traced() else whole


def _add_routes(site: FastAPI, screen: Screen) -> None:
    routers = _routers(screen)
    routes = declared(routers)
    description = api_description(site, routes)
    for router in (*routers, description):
        site.include_router(router)
    add_problem_handlers(site, screen)


def routes_of(screen: Screen) -> tuple[Declared, ...]:
    """Return every route of the site with the rights that it asks.

    Raises:
        RuntimeError: a route that is not for everybody declares none.
    """
    routers = _routers(screen)
    return declared([*routers, api_description(FastAPI(), declared(routers))])


def _routers(screen: Screen) -> list[APIRouter]:
    house = screen.house
    routers = [static_files.router, health_pages(house)]
    routers += [make(house) for make in APIS]
    routers += [make(screen) for make in PAGES]
    if screen.demo is not None:
        routers.append(demo_pages(screen.demo))
    return routers


APIS: Final = (
    recovery_api,
    action_api,
    contact_api,
    desk_api,
    ending_api,
    bulk_api,
    report_api,
    access_api,
    usage_api,
    schedule_api,
    audit_api,
    personal_data_api,
    task_api,
    moving_api,
    switch_api,
    month_api,
    closing_api,
    people_api,
    token_api,
    view_api,
    twilio_webhook,
)
PAGES: Final = (
    pay_pages,
    door_pages,
    oidc_pages,
    account_pages,
    zone_forms,
    overview_pages,
    queue_pages,
    view_forms,
    bulk_pages,
    bulk_forms,
    recovery_pages,
    recovery_forms,
    desk_forms,
    ending_forms,
    debt_pages,
    report_pages,
    payment_pages,
    cut_pages,
    month_pages,
    proof_pages,
    outlook_pages,
    learned_pages,
    experiment_pages,
    settings_pages,
    origin_pages,
    settings_forms,
    card_rules_pages,
    people_pages,
    people_forms,
    token_pages,
    audit_pages,
    installation_pages,
    personal_data_pages,
    job_pages,
    campaign_pages,
    campaign_forms,
    draft_pages,
    task_pages,
    at_risk_pages,
    mail_text_pages,
    mail_desk_pages,
    mail_look_pages,
    notice_pages,
    webhook_pages,
    webhook_buttons,
    contact_pages,
)
