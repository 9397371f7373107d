"""The recovery queue: tabs, filters, search, order and pages; saved views; the export of what is shown."""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, StreamingResponse

from dunning.core import worth
from dunning.core.people import Right
from dunning.core.triage import TARGETS
from dunning.core.vocabulary import BulkAction
from dunning.flows import bulk, views
from dunning.store import queue, saved_views
from dunning.store.queue import COUNTED_MOST
from dunning.store.queue_filter import PAGE, BadCursor, Sort, Tab, Wanted
from dunning.web.queue_address import GONE, PATH, Asked, asked_in
from dunning.web.queue_export import csv_lines
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

TABS: Final = {
    Tab.NEEDS_ACTION: "Needs action",
    Tab.MINE: "Mine",
    Tab.SNOOZED: "Snoozed",
    Tab.WAITING: "Waiting for the customer",
    Tab.OPEN: "All open",
    Tab.CLOSED: "Closed",
}
EMPTY: Final = {
    Tab.NEEDS_ACTION: "Nothing needs you. What is open recovers by itself, waits for a customer who was "
    "written to, or Stripe is retrying it.",
    Tab.MINE: "Nothing is yours. Press a on a recovery to take it.",
    Tab.SNOOZED: "Nothing is snoozed. What you set aside until a date waits here, and comes back by itself.",
    Tab.WAITING: "No customer is being waited for. Who was written to has three days before it needs you.",
    Tab.OPEN: "No failed payments yet. When Stripe reports one, it shows up here within seconds.",
    Tab.CLOSED: "Nothing is closed yet. Recovered, lost and stopped recoveries come here.",
}
SORTS: Final = {
    Sort.WORTH: "What a person can still recover",
    Sort.NEWEST: "Newest first",
    Sort.AMOUNT: "Largest first",
    Sort.DEADLINE: "Window ends first",
    Sort.VALUE: "Customers who have paid most",
}
ACTIONS: Final = {
    BulkAction.RETRY: "Retry now",
    BulkAction.SNOOZE: "Snooze",
    BulkAction.ASSIGN: "Assign",
    BulkAction.NOTE: "Add a note",
    BulkAction.PAUSE: "Pause",
    BulkAction.MOVE: "Move to a campaign",
    BulkAction.WRITE_OFF: "Write off",
    BulkAction.STOP: "Stop",
}
EXPORT_PAGE: Final = 500


class ViewForm(BaseModel):
    """A name for what the queue shows now."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: Annotated[str, Field(min_length=1, max_length=60)]
    address: Annotated[str, Field(max_length=2000)]


def queue_pages(screen: Screen) -> APIRouter:
    """Return the routes that read the queue."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    livemode = screen.house.settings.livemode

    @router.get(PATH)
    def recoveries(request: Request, asked: Annotated[Asked, Query()], by: By) -> HTMLResponse:
        wanted = asked.wanted(livemode=livemode, me=by, limit=PAGE)
        facts = _facts(screen, asked, wanted)
        chips = list(asked.chips(screen.tongue(request).t))
        return screen.page(request, "queue.html", me=by, chips=chips, **facts)

    @router.get(f"{PATH}.csv", dependencies=[needs(Right.ACT)])
    def export(asked: Annotated[Asked, Query()], by: By) -> StreamingResponse:
        wanted = asked.wanted(livemode=livemode, me=by, limit=EXPORT_PAGE)
        headers = {"content-disposition": 'attachment; filename="recoveries.csv"'}
        return StreamingResponse(
            _lines(screen, wanted), media_type="text/csv; charset=utf-8", headers=headers
        )

    return router


def view_forms(screen: Screen) -> APIRouter:
    """Return the routes that keep and forget saved views."""
    router = APIRouter(include_in_schema=False, prefix=f"{PATH}/views", dependencies=[needs(Right.ACT)])
    house = screen.house

    @router.post("")
    def save(form: Annotated[ViewForm, Form()], by: By) -> RedirectResponse:
        address = asked_in(form.address).address()
        views.save(house, form.name, address.partition("?")[2], by=by)
        return back_to(address, said=f"Saved as “{form.name}”.")

    @router.post("/{view_id}/remove")
    def remove(view_id: str, by: By) -> RedirectResponse:
        views.remove(house, view_id, by=by)
        return back_to(PATH, said="The view is gone; the recoveries are where they were.")

    return router


def _facts(screen: Screen, asked: Asked, wanted: Wanted) -> dict[str, Any]:
    now = screen.house.clock.now()
    with screen.house.store.read() as connection:
        try:
            leaf = queue.page(connection, wanted, now=now)
        except BadCursor as error:
            raise HTTPException(400, GONE) from error
        counts = queue.tab_counts(connection, livemode=wanted.livemode, me=wanted.me)
        saved = saved_views.all_views(connection)
        offered = saved_views.offered(connection, livemode=wanted.livemode)
    return {
        "asked": asked,
        "leaf": leaf,
        "counts": {tab: counted(count) for tab, count in counts.items()},
        "views": saved,
        "offered": offered,
        "tabs": TABS,
        "sorts": SORTS,
        "actions": ACTIONS,
        "most": bulk.MOST,
        "targets": TARGETS,
        "definitions": {"worth": worth.WORTH, "slipping": worth.SLIPPING},
        "slipping_from": worth.SLIPPING_FROM,
        "empty": EMPTY[asked.tab if any(counts.values()) else Tab.OPEN],
        "next_page": asked.address(cursor=leaf.next_cursor) if leaf.next_cursor else None,
    }


def counted(count: int) -> str:
    """Return a count as a tab shows it."""
    return f"{COUNTED_MOST:,}+" if count > COUNTED_MOST else f"{count:,}"


def _lines(screen: Screen, wanted: Wanted) -> Iterator[str]:
    with screen.house.store.read() as connection:
        yield from csv_lines(queue.every_page(connection, wanted, now=screen.house.clock.now()))
