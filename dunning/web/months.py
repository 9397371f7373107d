"""Closed months: what was frozen, what changed since, and the acts of closing and reopening."""

from datetime import date
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.months import BadMonth, days_of, next_month
from dunning.core.people import Right
from dunning.flows import closing
from dunning.flows.bridging import STEPS, bridge
from dunning.flows.export_files import Form as FileForm
from dunning.flows.folding import Reader
from dunning.flows.month_sheet import month_sheet
from dunning.store import months
from dunning.web.files import attached
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

ROOT: Final = "/reports/months"
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]


class CloseForm(BaseModel):
    """The month that is closed."""

    model_config = ConfigDict(extra="forbid")
    month: Month


class ReopenForm(CloseForm):
    """The month that is opened again, and why."""

    why: Annotated[str, Field(max_length=500)]


def month_pages(screen: Screen) -> APIRouter:
    """Return the routes of the closed months."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house
    livemode = house.settings.livemode

    @router.get(ROOT)
    def page(request: Request) -> HTMLResponse:
        return screen.page(request, "months.html", **_facts(screen))

    @router.post(f"{ROOT}/close", dependencies=[needs(Right.FINANCE)])
    def close(form: Annotated[CloseForm, Form()], by: By) -> RedirectResponse:
        try:
            made = closing.close(house, form.month, by=by)
        except BadMonth as problem:
            return back_to(ROOT, refused=str(problem))
        return back_to(ROOT, said=f"{made.month} is closed: what changes from now on is an adjustment.")

    @router.post(f"{ROOT}/reopen", dependencies=[needs(Right.ADMIN)])
    def reopen(form: Annotated[ReopenForm, Form()], by: By) -> RedirectResponse:
        try:
            closing.reopen(house, form.month, why=form.why, by=by)
        except BadMonth as problem:
            return back_to(ROOT, refused=str(problem))
        return back_to(ROOT, said=f"{form.month} is open again; closing and reason stay in the books.")

    @router.get(ROOT + "/{month}.{form}", dependencies=[needs(Right.FINANCE)])
    def file(month: str, form: FileForm) -> Response:
        with house.store.read() as connection:
            closed = {one.month: one for one in closing.standing(connection, livemode=livemode)}
        if month not in closed:
            raise HTTPException(404, f"{month} is not closed.")
        if form is FileForm.JSON:
            kept = {"content-disposition": f'attachment; filename="month-{month}.json"'}
            return Response(closed[month].document, media_type="application/json", headers=kept)
        return attached(month_sheet(closed[month]), form)

    return router


def _facts(screen: Screen) -> dict[str, Any]:
    house = screen.house
    livemode, zone = house.settings.livemode, ZoneInfo(house.settings.report_timezone)
    today = house.clock.now().astimezone(zone).date()
    with house.store.read(steady=True) as connection:
        closed = closing.standing(connection, livemode=livemode)
        candidate = _next(closed[-1].month if closed else None, today)
        reader = Reader(connection, zone)
        return {
            "closed": list(reversed(closed)),
            "changed": closing.adjustments(connection, zone, livemode=livemode),
            "acts": months.history(connection, livemode=livemode),
            "candidate": candidate,
            "open_month": next_month(closed[-1].month) if closed else None,
            "bridge": bridge(reader, *days_of(candidate), livemode=livemode) if candidate else {},
            "steps": STEPS,
            "forms": list(FileForm),
        }


def _next(last: str | None, today: date) -> str | None:
    """Return the month that may be closed now: the next in line, or else the one that ended last."""
    this = f"{today:%Y-%m}"
    if last is not None:
        return next_month(last) if next_month(last) < this else None
    year, month = (today.year, today.month - 1) if today.month > 1 else (today.year - 1, 12)
    return f"{year}-{month:02d}"
