"""Bulk actions: choose on the queue, read what will be done and skipped, say go, watch it happen."""

from dataclasses import replace
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.people import Right
from dunning.core.vocabulary import BulkAction, BulkRowState, BulkState
from dunning.flows import bulk
from dunning.store import bulk as store
from dunning.store import queue
from dunning.store.queue_filter import BadCursor
from dunning.web.desk import morning
from dunning.web.queue import ACTIONS
from dunning.web.queue_address import PATH, asked_in
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

ROOT: Final = f"{PATH}/bulk"


class BulkForm(BaseModel):
    """Which recoveries, or all that the queue's address finds, and what to do with them."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    action: BulkAction
    id: Annotated[list[str], Field(max_length=bulk.MOST)] = []
    everything: bool = False
    address: Annotated[str, Field(max_length=2000)] = PATH
    until: date | str = ""
    why: Annotated[str, Field(max_length=300)] = ""
    to: Annotated[str, Field(max_length=200)] = ""
    text: Annotated[str, Field(max_length=1000)] = ""
    campaign: Annotated[str, Field(max_length=64)] = ""


def bulk_pages(screen: Screen) -> APIRouter:
    """Return the page that shows a bulk action before, during and after it."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.ACT)])

    @router.get(f"{ROOT}/{{run_id}}")
    def shown(request: Request, run_id: str) -> HTMLResponse:
        with screen.house.store.read() as connection:
            run = store.by_id(connection, run_id)
            if run is None:
                raise HTTPException(404, "There is no such bulk action.")
            counts, rows = store.counts(connection, run_id), store.rows(connection, run_id)
        facts: dict[str, Any] = {"run": run, "counts": counts, "rows": rows, "actions": ACTIONS}
        return screen.page(request, "bulk.html", states=BulkState, row_states=BulkRowState, **facts)

    return router


def bulk_forms(screen: Screen) -> APIRouter:
    """Return the routes that prepare a bulk action and let it begin."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.ACT)])
    house = screen.house

    @router.post(ROOT)
    def prepare(form: Annotated[BulkForm, Form()], by: By) -> RedirectResponse:
        chosen = _everything(screen, form.address, by) if form.everything else form.id
        try:
            run_id = bulk.show(house, form.action, _parameters(screen, form), chosen, by=by)
        except bulk.Unusable as refused:
            return back_to(form.address if form.address.startswith(PATH) else PATH, refused=str(refused))
        return RedirectResponse(f"{ROOT}/{run_id}", 303)

    @router.post(f"{ROOT}/{{run_id}}/go")
    def go(run_id: str, by: By) -> RedirectResponse:
        answer = bulk.start(house, run_id, by=by)
        told = {"said": answer.sentence} if answer.done else {"refused": answer.sentence}
        return back_to(f"{ROOT}/{run_id}", **told)

    return router


def _everything(screen: Screen, address: str, me: str) -> list[str]:
    """Return the recoveries that an address of the queue finds: one more than may be, if there are more."""
    wanted = asked_in(address).wanted(livemode=screen.house.settings.livemode, me=me, limit=bulk.MOST + 1)
    with screen.house.store.read() as connection:
        try:
            found = queue.ids(connection, replace(wanted, cursor=None), now=screen.house.clock.now())
        except BadCursor:
            return []
    return [row["recovery_id"] for row in found]


def _parameters(screen: Screen, form: BulkForm) -> dict[str, Any]:
    match form.action:
        case BulkAction.SNOOZE | BulkAction.PAUSE:
            until = morning(screen, form.until) if isinstance(form.until, date) else None
            return {"until": until.isoformat() if until else "", "why": form.why}
        case BulkAction.ASSIGN:
            return {"to": form.to}
        case BulkAction.NOTE:
            return {"text": form.text}
        case BulkAction.WRITE_OFF:
            return {"why": form.why}
        case BulkAction.MOVE:
            return {"campaign": form.campaign}
        case _:
            return {}
