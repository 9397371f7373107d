"""Writing a campaign: a draft as TOML with the line of every mistake, its plan, its diff, its publishing."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from dunning.core import campaign_file
from dunning.core.campaign import BUILT_IN, Campaign
from dunning.core.course import Course, Planned, plan
from dunning.core.outlook import moved_words
from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import campaigns
from dunning.flows.campaigns import Checked
from dunning.store import campaigns as kept
from dunning.store import sending
from dunning.timing.localtime import zone_of
from dunning.web.campaigns import HOME
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

NEW: Final = "-"  # in the place of a key: a campaign that has none yet
PLACE: Final = f"{HOME}/{{key}}/draft"
WINDOW: Final = timedelta(days=14)  # of the sample


class DraftForm(BaseModel):
    """The text, and what is to be done with it."""

    model_config = ConfigDict(extra="forbid")
    text: Annotated[str, Field(max_length=2 * campaigns.DRAFT_MOST)]
    do: Annotated[str, Field(pattern="^(save|publish|drop)$")]


def draft_pages(screen: Screen) -> APIRouter:
    """Return the routes of drafts."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(PLACE)
    def edit(request: Request, key: str) -> HTMLResponse:
        return screen.page(request, "campaign_draft.html", **_facts(screen, key, _text(screen, key)))

    @router.post(PLACE, dependencies=[needs(Right.ADMIN)])
    def change(request: Request, key: str, form: Annotated[DraftForm, Form()], by: By) -> Response:
        text = form.text.replace("\r\n", "\n")
        try:
            if form.do == "save":
                saved, _ = campaigns.save_draft(house, text, by=by)
                return back_to(_address(saved), said="The draft is saved; it is not in force.")
            if form.do == "drop":
                dropped = campaigns.drop_draft(house, key, by=by)
                return back_to(HOME, said="The draft is gone." if dropped else "There was no draft.")
            done = campaigns.publish(house, text, by=by)
        except Unusable as error:
            facts = _facts(screen, key, text) | {"refused": str(error)}
            return screen.page(request, "campaign_draft.html", status=422, **facts)
        if done.campaign is None:
            facts = _facts(screen, key, text) | {"refused": "Nothing was published: see the lines below."}
            return screen.page(request, "campaign_draft.html", status=422, **facts)
        stay = f" {done.in_flight} open recoveries stay on older versions." if done.in_flight else ""
        said = f"Version {done.campaign.version} is in force for recoveries that open from now on.{stay}"
        return back_to(f"{HOME}/{done.campaign.key}", said=said if done.changed else "Nothing changed.")

    return router


def _address(key: str) -> str:
    return PLACE.format(key=key)


def _text(screen: Screen, key: str) -> str:
    """Return the draft of a campaign, else its newest version, else the built-in one as a start."""
    with screen.house.store.read() as connection:
        draft = kept.draft(connection, key)
        newest = kept.version(connection, key)
    if draft is not None:
        return str(draft["text"])
    if newest is None and key not in {NEW, BUILT_IN.key}:
        raise HTTPException(404, "There is no such campaign, and no draft of one.")
    return campaign_file.as_toml(newest or BUILT_IN)


def _facts(screen: Screen, key: str, text: str) -> dict[str, Any]:
    checked = campaigns.check(text, campaigns.templates_in(screen.house.templates / "email"))
    with screen.house.store.read() as connection:
        draft = kept.draft(connection, key)
        before = kept.version(connection, checked.campaign.key) if checked.campaign else None
        rules = sending.current(connection)
    now = screen.house.clock.now()
    return {
        "key": key,
        "text": text,
        "draft": draft,
        "problems": checked.problems,
        "campaign": checked.campaign,
        "before": before,
        "diff": campaigns.difference(before, checked.campaign) if checked.campaign else (),
        "sample": _sample(checked, now, rules),
        "moved_words": moved_words,
        "refused": None,
    }


def _sample(checked: Checked, now: datetime, rules: Any) -> list[Planned]:
    """Return the plan of a campaign for a customer in Berlin whose payment fails now."""
    if checked.campaign is None:
        return []
    found: Campaign = checked.campaign
    start = now.astimezone(UTC)
    course = Course(start, start, start + WINDOW)
    return plan(found, course, zone_of("Europe/Berlin", None), rules)
