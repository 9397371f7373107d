"""Settings: who retries, whether messages go out, and the kill switch; overall and in segments."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.experiments import said
from dunning.core.people import Right
from dunning.core.policy import RULES, PolicyVersion
from dunning.core.segments import EXAMPLE
from dunning.core.vocabulary import InvoiceClass, Retries
from dunning.flows import switches
from dunning.flows.doctor_gaps import missed
from dunning.flows.house import House
from dunning.store import checked, experiments, gaps, inbox, invariants, rules, segments
from dunning.web.card_rules import summary
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME = "/settings"
MODES = {
    Retries.WATCH: ("Watch", "Stripe retries as set in its Dashboard. dunning only records and reports."),
    Retries.WEAVE: ("Weave", "Stripe retries, and dunning adds its own tries away from Stripe’s dates."),
    Retries.OWN: ("Own", "dunning alone retries, at times it chooses; Stripe’s retries are taken over."),
}


Name = Annotated[str, Field(min_length=1, max_length=40)]


class ModeForm(BaseModel):
    """Who retries from now on, overall or in a segment."""

    model_config = ConfigDict(extra="forbid")
    retries: Retries
    segment: Name | None = None


class MessagesForm(BaseModel):
    """Whether messages go out."""

    model_config = ConfigDict(extra="forbid")
    messages: Literal["on", "off"]
    segment: Name | None = None


class ResumeForm(BaseModel):
    """What goes on again: everything, or a segment."""

    model_config = ConfigDict(extra="forbid")
    segment: Name | None = None


class PauseForm(BaseModel):
    """Why everything is stopped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    reason: Annotated[str, Field(min_length=1, max_length=300)]
    segment: Name | None = None


def _health(house: House) -> dict[str, Any]:
    """Return when events were compared with Stripe's, what no webhook brought, and how the laws stand."""
    with house.store.read() as connection:
        found = gaps.recent(connection, house.clock.now(), livemode=house.settings.livemode)
        compared = inbox.reconciled(connection)
        look = checked.last(connection)
    shown = {"compared": compared, "gaps": [{**row, "words": missed([row])} for row in found]}
    return {**shown, "look": look, "laws": invariants.LAWS}


def settings_pages(screen: Screen) -> APIRouter:
    """Return the routes of the settings page and its forms."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def settings(request: Request) -> HTMLResponse:
        with house.store.read() as connection:
            parts = segments.current(connection)
            shares = {name: said(share) for name, share in experiments.shares(connection).items()}
        shown: dict[str, Any] = {
            "modes": MODES,
            "public_url": house.settings.base_url,
            "segments": parts,
            "example": EXAMPLE,
            "shares": shares,
            "policy": policy_in_force(house),
            **summary(screen),
            **_health(house),
        }
        return screen.page(request, "settings.html", **shown)

    @router.post("/settings/retries", dependencies=[needs(Right.ADMIN)])
    def set_retries(form: Annotated[ModeForm, Form()], by: By) -> RedirectResponse:
        moved = switches.set_mode(house, retries=form.retries, by=by, segment=form.segment)
        where = f" in {form.segment}" if form.segment else ""
        return back_to(
            HOME, said=f"Retries are set to {form.retries}{where}; {moved} open recoveries changed hands."
        )

    @router.post("/settings/messages", dependencies=[needs(Right.ADMIN)])
    def set_messages(form: Annotated[MessagesForm, Form()], by: By) -> RedirectResponse:
        switches.set_mode(house, messages=form.messages == "on", by=by, segment=form.segment)
        return back_to(
            HOME, said=f"Messages are {form.messages}{f' in {form.segment}' if form.segment else ''}."
        )

    @router.post("/settings/pause", dependencies=[needs(Right.ACT)])
    def pause(form: Annotated[PauseForm, Form()], by: By) -> RedirectResponse:
        switches.pause_all(house, form.reason, by=by, segment=form.segment)
        what = form.segment or "Everything"
        return back_to(HOME, said=f"{what} is paused: no charge and no message leaves until you resume.")

    @router.post("/settings/resume", dependencies=[needs(Right.ACT)])
    def resume(form: Annotated[ResumeForm, Form()], by: By) -> RedirectResponse:
        switches.resume_all(house, by=by, segment=form.segment)
        return back_to(HOME, said="Retries and messages go on.")

    return router


def policy_in_force(house: House) -> dict[str, Any]:
    """Return the newest policy for its table, a row of values per rule; at first, the built-in one."""
    with house.store.read() as connection:
        newest = rules.newest_policy(connection)
        dates = rules.published_policies(connection)
    published_at = dates[newest.version] if newest else None
    newest = newest or PolicyVersion()
    by_class = [newest.rules_for(kind) for kind in InvoiceClass]
    rows = {rule: [_written(getattr(one, rule)) for one in by_class] for rule in RULES}
    return {"version": newest.version, "published_at": published_at, "rows": rows}


def _written(value: Any) -> str:
    if not isinstance(value, timedelta):
        return str(value).replace("_", " ")
    hours = int(value.total_seconds()) // 3600
    return f"{hours // 24} d" if hours % 24 == 0 else f"{hours} h"
