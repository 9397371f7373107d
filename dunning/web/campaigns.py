"""The campaigns: who is written to when, which rules choose, what is a draft, when messages may go out."""

from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core import ready_made
from dunning.core.campaign import BUILT_IN, Anchor, Campaign
from dunning.core.choosing import EXAMPLE
from dunning.core.conditions import NotUsable
from dunning.core.people import Right
from dunning.core.sending import Sending
from dunning.core.spans import spelled
from dunning.errors import Unusable
from dunning.flows import campaigns
from dunning.store import campaigns as kept
from dunning.store import sending
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to
from dunning.web.words import CONDITION

HOME: Final = "/campaigns"
SHORT: Final = Field(max_length=10)


class RulesForm(BaseModel):
    """The rules that choose, as TOML."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(max_length=campaigns.DRAFT_MOST)]


class HoursForm(BaseModel):
    """When messages go out, and how many; holidays one a line."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    opening: Annotated[str, SHORT]
    closing: Annotated[str, SHORT]
    weekends: bool = False
    holidays: Annotated[str, Field(max_length=8_000)] = ""
    a_day: int
    a_week: int
    a_recovery: int


def campaign_pages(screen: Screen) -> APIRouter:
    """Return the routes that read campaigns."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get(HOME)
    def page(request: Request) -> HTMLResponse:
        return screen.page(request, "campaigns.html", **_all(screen))

    @router.get(f"{HOME}/{{key}}")
    def one(request: Request, key: str, version: int | None = None) -> HTMLResponse:
        return screen.page(request, "campaign.html", **_one(screen, key, version))

    return router


def campaign_forms(screen: Screen) -> APIRouter:
    """Return the routes of the forms beside them; `-` stands where no campaign's key can."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.post(f"{HOME}/-/ready-made", dependencies=[needs(Right.ADMIN)])
    def publish_ready_made(by: By) -> RedirectResponse:
        try:
            done = campaigns.publish_ready_made(house, by=by)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        count = sum(one.changed for one in done)
        return back_to(HOME, said=f"{count} campaigns are in force for recoveries that open from now on.")

    @router.post(f"{HOME}/-/rules", dependencies=[needs(Right.ADMIN)])
    def set_rules(form: Annotated[RulesForm, Form()], by: By) -> RedirectResponse:
        try:
            number = campaigns.publish_rules(house, form.text, by=by)
        except Unusable as error:
            return back_to(f"{HOME}#rules", refused=f"Nothing was changed. {error}")
        return back_to(HOME, said=f"Version {number} of the rules chooses from now on.")

    @router.post(f"{HOME}/-/hours", dependencies=[needs(Right.ADMIN)])
    def set_hours(form: Annotated[HoursForm, Form()], by: By) -> RedirectResponse:
        try:
            wanted = Sending.loads(form.model_dump() | {"holidays": form.holidays.split()})
        except NotUsable as error:
            return back_to(f"{HOME}#hours", refused=f"Nothing was changed. {error}")
        campaigns.set_sending(house, wanted, by=by)
        return back_to(HOME, said="Messages that are due from now on keep to these hours and caps.")

    return router


def offset_words(offset: timedelta, anchor: Anchor = Anchor.OPENED) -> str:
    """Return when a step is due: `Day 4`, `6 h after the failure`, `1d before each retry`."""
    if anchor is Anchor.OPENED:
        hours = int(offset.total_seconds()) // 3600
        if offset < timedelta(days=1):
            return f"{hours} h after the failure" if hours else "At once"
        return f"Day {offset.days}" if hours % 24 == 0 else f"Day {offset.days}, +{hours % 24} h"
    return f"{spelled(offset)} {ANCHORS[anchor]}"


ANCHORS: Final = {
    Anchor.INVOICE_DUE: "after the due date",
    Anchor.AFTER_RETRY: "after each retry that failed",
    Anchor.BEFORE_RETRY: "before each retry",
    Anchor.LAST_CHANCE: "before the window ends",
}


def _all(screen: Screen) -> dict[str, Any]:
    with screen.house.store.read() as connection:
        rows = kept.published(connection)
        running = kept.in_flight(connection)
        drafts, rules, hours = (
            kept.drafts(connection),
            kept.current_rules(connection),
            sending.current(connection),
        )
    newest = {row["key"]: row for row in reversed(rows)}
    found = [(Campaign.loads(row["definition"]), row["published_at"]) for _, row in sorted(newest.items())]
    return {
        "campaigns": found or [(BUILT_IN, None)],
        "running": {key: sum(n for (name, _), n in running.items() if name == key) for key, _ in running},
        "drafts": drafts,
        "rules": rules,
        "rules_text": rules.written() if rules.all else EXAMPLE,
        "offered": [key for key in ready_made.KEYS if key not in newest],
        "hours": hours,
        "conditions": CONDITION,
        "offset": offset_words,
    }


def _one(screen: Screen, key: str, number: int | None) -> dict[str, Any]:
    with screen.house.store.read() as connection:
        rows = kept.published(connection, key)
        running = kept.in_flight(connection)
    loaded: list[tuple[Campaign, Any]] = [(Campaign.loads(row["definition"]), row) for row in rows]
    if not loaded and key == BUILT_IN.key:
        loaded = [(BUILT_IN, {"published_at": None, "published_by": None})]
    place = next((i for i, (one, _) in enumerate(loaded) if number in {None, one.version}), None)
    if place is None:
        raise HTTPException(404, "There is no such campaign, or no such version of it.")
    campaign, row = loaded[place]
    before = loaded[place + 1][0] if place + 1 < len(loaded) else None
    return {
        "campaign": campaign,
        "row": row,
        "newest": loaded[0][0].version,
        "versions": [
            (one.version, said["published_at"], running.get((key, one.version), 0)) for one, said in loaded
        ],
        "before": before,
        "diff": campaigns.difference(before, campaign) if before is not None else (),
        "conditions": CONDITION,
        "offset": offset_words,
    }
