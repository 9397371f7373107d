"""One recovery: its story, what is next and why, and what staff may do about it."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.debt import Draft
from dunning.core.people import Right
from dunning.core.vocabulary import OPEN, Status
from dunning.errors import StripeError
from dunning.flows import abandonment, card_budget, desk, preview, staff
from dunning.flows.abandonment import Verdict
from dunning.flows.protection import protected
from dunning.store import approvals, campaigns, card_rules, events, queue, timeline
from dunning.store.timeline import Story
from dunning.web.desk import SeenForm, morning, told
from dunning.web.gates import STRIPE_PAGES, content_security_policy
from dunning.web.moments import moments, next_step, percent
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to
from dunning.web.tongues import Tongue
from dunning.web.words import decline_sentence, money

UNPAID = "unpaid"  # the subscription's status while its bills pile up as drafts
LONGEST_PAUSE = timedelta(days=90)


class PauseForm(SeenForm):
    """Until which day (in the report time zone), and why."""

    until: date
    why: Annotated[str, Field(min_length=1, max_length=300)]


class ConcludeForm(BaseModel):
    """What Stripe's Dashboard shows of a charge whose outcome nobody could learn."""

    model_config = ConfigDict(extra="forbid")
    verdict: Verdict


def recovery_pages(screen: Screen) -> APIRouter:
    """Return the routes that read one recovery."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get("/recoveries/{recovery_id}")
    def recovery(request: Request, recovery_id: str, by: By) -> HTMLResponse:
        return screen.page(
            request,
            "recovery.html",
            link=None,
            me=by,
            **_facts(screen, recovery_id, screen.tongue(request)),
        )

    @router.get("/recoveries/{recovery_id}/events", dependencies=[needs(Right.ADMIN)])
    def raw_events(request: Request, recovery_id: str) -> HTMLResponse:
        with screen.house.store.read() as connection:
            row = queue.item(connection, recovery_id)
            found = events.about(connection, row) if row is not None else ()
        if row is None:
            raise HTTPException(404, "There is no such recovery.")
        return screen.page(request, "events.html", recovery=row, events=found)

    @router.get("/recoveries/{recovery_id}/messages/{message_id}")
    def message(request: Request, recovery_id: str, message_id: str) -> HTMLResponse:
        with screen.house.store.read() as connection:
            found = timeline.message(connection, recovery_id, message_id)
        if found is None:
            raise HTTPException(404, "There is no such message.")
        page = screen.page(request, "message.html", message=found)
        # a mail carries its styles inline; the frame it is shown in runs no scripts and loads nothing
        policy = content_security_policy(STRIPE_PAGES, styles="'self' 'unsafe-inline'")
        page.headers["content-security-policy"] = policy
        return page

    return router


def recovery_forms(screen: Screen) -> APIRouter:
    """Return the routes of the buttons on a recovery's page."""
    router = APIRouter(
        include_in_schema=False, prefix="/recoveries/{recovery_id}", dependencies=[needs(Right.ACT)]
    )
    house = screen.house

    @router.post("/retry")
    def retry(recovery_id: str, form: Annotated[SeenForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, staff.retry(house, recovery_id, by=by, seen=form.seen))

    @router.post("/pause")
    def pause(recovery_id: str, form: Annotated[PauseForm, Form()], by: By) -> RedirectResponse:
        until = morning(screen, form.until)
        now = house.clock.now()
        if not now < until <= now + LONGEST_PAUSE:
            refused = f"A pause ends on a day between tomorrow and {LONGEST_PAUSE.days} days from now."
            return back_to(f"/recoveries/{recovery_id}", refused=refused)
        why, seen = form.why, form.seen
        return told(recovery_id, staff.pause(house, recovery_id, until=until, why=why, by=by, seen=seen))

    @router.post("/resume")
    def resume(recovery_id: str, form: Annotated[SeenForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, staff.resume(house, recovery_id, by=by, seen=form.seen))

    @router.post("/stop")
    def stop(recovery_id: str, form: Annotated[SeenForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, staff.stop(house, recovery_id, by=by, seen=form.seen))

    @router.post("/conclude")
    def conclude(recovery_id: str, form: Annotated[ConcludeForm, Form()], by: By) -> RedirectResponse:
        try:
            answer = abandonment.conclude(house, recovery_id, form.verdict, by=by)
        except StripeError as error:
            return back_to(f"/recoveries/{recovery_id}", refused=f"Stripe could not be asked: {error}")
        return told(recovery_id, answer)

    @router.post("/link")
    def link(request: Request, recovery_id: str, by: By) -> HTMLResponse:
        made = staff.link(house, recovery_id, by=by)
        return screen.page(
            request,
            "recovery.html",
            link=made,
            me=by,
            **_facts(screen, recovery_id, screen.tongue(request)),
        )

    return router


def _facts(screen: Screen, recovery_id: str, tongue: Tongue) -> dict[str, Any]:
    now = screen.house.clock.now()
    with screen.house.store.read() as connection:
        story = timeline.story(connection, recovery_id)
        row = queue.item(connection, recovery_id)
        standing = card_budget.standing(connection, recovery_id, now)
        undoable = desk.undoable(connection, recovery_id)
        approval = approvals.waiting(connection, recovery_id)
        refusals = (
            [one["rules_version"] or 0 for one in story.attempts if one["decline_class"]] if story else []
        )
        keys = sorted({one["key"] for one in campaigns.published(connection)})
        tables = {number: card_rules.version(connection, number).table for number in {0, *refusals}}
    if story is None or row is None:
        raise HTTPException(404, "There is no such recovery.")
    calendar = screen.calendar()
    is_open = row["status"] in OPEN
    return {
        "story": story,
        "recovery": row,
        "is_open": is_open,
        "next": next_step(row, now=now, t=tongue.t),
        "explained": explained(story.plan) if row["status"] in {Status.SCHEDULED, Status.WAITING} else None,
        "failed_because": decline_sentence(row, tables[refusals[-1] if refusals else 0]),
        "coming": preview.coming(screen.house, recovery_id) if is_open else [],
        "campaigns": keys,
        "moments": moments(
            story,
            now=now,
            tables=tables,
            t=tongue.t,
            money=partial(money, locale=tongue.formats.locale),
        ),
        "standing": standing,
        "protected": protected(standing.withheld or {}),
        "undoable": undoable,
        "approval": approval,
        "drafts": _drafts(screen, story),
        "refusal": staff.refusal(screen.house, recovery_id) if is_open else None,
        "tomorrow": (now.astimezone(calendar.zone) + timedelta(days=1)).date(),
        "in_a_week": (now.astimezone(calendar.zone) + timedelta(days=7)).date(),
    }


def _drafts(screen: Screen, story: Story) -> tuple[Draft, ...] | str | None:
    """Return the drafts of an unpaid subscription as Stripe shows them now; None where none pile up."""
    if story.subscription is None or story.subscription["status"] != UNPAID:
        return None
    try:
        found = staff.debt(screen.house, story.recovery["id"])
    except StripeError:
        return "Stripe could not be asked; reload the page."
    return found.drafts if found is not None else None


def explained(plan: RowMapping | None) -> dict[str, Any] | None:
    """Return the newest plan for the details box: reason, chance, runners-up and vetoes."""
    if plan is None:
        return None
    said = plan["explanation"] or {}
    return {
        "reason": plan["reason"],
        "made_at": plan["made_at"],
        "chance": percent(said.get("probability")),
        "others": [
            {
                "at": _instant(other["at"]),
                "chance": percent(other.get("probability")),
                "reason": other.get("reason"),
            }
            for other in said.get("alternatives", ())
        ],
        "vetoes": [
            {
                "sentence": veto.get("sentence"),
                "from": _instant(veto.get("from")),
                "to": _instant(veto.get("to")),
            }
            for veto in said.get("vetoed", ())
        ],
    }


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
