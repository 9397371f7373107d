"""The recovery queue."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.store import queue
from dunning.store.queue import Tab, Wanted
from dunning.web.rights import needs
from dunning.web.screen import Screen

TABS = {
    Tab.NEEDS_ACTION: "Needs action",
    Tab.SCHEDULED: "Scheduled",
    Tab.WATCHING: "Watching",
    Tab.OPEN: "All open",
    Tab.CLOSED: "Closed",
}
EMPTY = {
    Tab.NEEDS_ACTION: "Nothing needs you. What is open recovers by itself, or Stripe is retrying it.",
    Tab.SCHEDULED: "No retry is scheduled. Recoveries come here once a failed payment has a retry date.",
    Tab.WATCHING: "Nothing is being watched. Recoveries come here while Stripe owns the retries.",
    Tab.OPEN: "No failed payments yet. When Stripe reports one, it shows up here within seconds.",
    Tab.CLOSED: "Nothing is closed yet. Recovered, lost and stopped recoveries come here.",
}


def queue_pages(screen: Screen) -> APIRouter:
    """Return the route of the queue."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get("/recoveries")
    def recoveries(
        request: Request,
        tab: Tab = Tab.OPEN,
        q: Annotated[str, Query(max_length=200)] = "",
        cursor: Annotated[str | None, Query(max_length=64)] = None,
    ) -> HTMLResponse:
        now, livemode = screen.house.clock.now(), screen.house.settings.livemode
        # a search looks everywhere: who types an id does not know on which tab it is
        wanted = Wanted(livemode, tab=None if q.strip() else tab, q=q, cursor=cursor)
        with screen.house.store.read() as connection:
            leaf = queue.page(connection, wanted, now=now)
            counts = queue.tab_counts(connection, livemode=livemode, now=now)
        following = {"tab": tab.value, "q": q, "cursor": leaf.next_cursor}
        return screen.page(
            request,
            "queue.html",
            leaf=leaf,
            counts=counts,
            tab=tab,
            tabs=TABS,
            q=q.strip(),
            empty=EMPTY[tab],
            later=cursor is not None,
            next_page=f"/recoveries?{urlencode(following)}" if leaf.next_cursor else None,
        )

    return router
