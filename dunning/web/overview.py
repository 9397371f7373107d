"""The front page: what is at risk, what came back, and who needs a person."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy import Connection, RowMapping
from starlette.responses import HTMLResponse

from dunning.core import worth
from dunning.core.people import Right
from dunning.flows import safety
from dunning.flows.folding import Reader
from dunning.flows.report import Basis, Figures, GroupBy, Question, recovered_revenue
from dunning.store import queue, queue_outlook
from dunning.store.queue_filter import Sort, Tab, Wanted
from dunning.web.calendars import Calendar
from dunning.web.charts_of_reports import charts_of
from dunning.web.queue import counted
from dunning.web.rights import needs
from dunning.web.screen import Screen
from dunning.web.tongues import Tongue

DAYS = 30
WEEKS = 12
DEFINITIONS = {
    "at_risk": "Unpaid now on recoveries that are still open, at the amount each was opened with.",
    "recovered": "Money that arrived in the last 30 days on invoices that had failed, whenever they failed.",
    "rate": "Of the recoveries that failed in the last 30 days, how many are paid by now.",
    "time": "From the failure to the payment, of what was paid in the last 30 days: half took less.",
    "expected": "By class of refusal, as the newest 5,000 closed recoveries ended; the range holds four "
    "times out of five, if the future is like the past.",
}


def overview_pages(screen: Screen) -> APIRouter:
    """Return the route of the front page."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get("/")
    def overview(request: Request) -> HTMLResponse:
        with screen.house.store.read(steady=True) as connection:
            facts = _facts(
                connection, screen.calendar(), screen.tongue(request), livemode=screen.house.settings.livemode
            )
        return screen.page(request, "overview.html", definitions=DEFINITIONS, **facts)

    return router


def _facts(connection: Connection, calendar: Calendar, tongue: Tongue, *, livemode: bool) -> dict[str, Any]:
    today = calendar.now.astimezone(calendar.zone).date()
    start, end = today - timedelta(days=DAYS - 1), today + timedelta(days=1)
    failures = Question(start, end, calendar.zone, livemode)
    told = partial(recovered_revenue, connection, now=calendar.now, reader=Reader(connection, calendar.zone))
    cash, cohort = told(replace(failures, basis=Basis.CASH)), told(failures)
    needy = queue.page(
        connection, Wanted(livemode, tab=Tab.NEEDS_ACTION, limit=5, sort=Sort.WORTH), now=calendar.now
    )
    weekly = told(_by_week(today, calendar.zone, livemode=livemode))
    at_risk = queue.open_by_status(connection, livemode=livemode)
    return {
        "at_risk": _by(at_risk, "currency"),
        "by_status": _by(at_risk, "status"),
        "cash": cash,
        "rate": _rate(cohort.currencies.values()),
        "needy": needy.rows,
        "outlook": _largest_first(worth.outlook(queue_outlook.piles(connection, livemode=livemode))),
        "taken": queue_outlook.median_time(
            connection, livemode=livemode, since=calendar.now - timedelta(days=DAYS)
        ),
        "health": safety.alarms(connection, calendar.now),
        "counts": {
            tab: counted(count) for tab, count in queue.tab_counts(connection, livemode=livemode).items()
        },
        "charts": charts_of(weekly, tongue)[:2],
    }


def _largest_first(found: Mapping[str, worth.Outlook]) -> dict[str, worth.Outlook]:
    """Return the currencies as the other figures have them: that with the most recoveries first."""
    return dict(sorted(found.items(), key=lambda one: -one[1].open))


def _by_week(today: date, zone: ZoneInfo, *, livemode: bool) -> Question:
    start = today - timedelta(days=today.weekday() + 7 * (WEEKS - 1))
    return Question(start, today + timedelta(days=1), zone, livemode, group_by=GroupBy.WEEK)


def _rate(figures: Iterable[Figures]) -> dict[str, int]:
    totals = {"recovered": 0, "failed": 0, "open": 0}
    for one in figures:
        totals["recovered"] += one.recovered_count
        totals["failed"] += one.count
        totals["open"] += one.open_count
    return totals


def _by(rows: Iterable[RowMapping], key: str) -> Mapping[str, dict[str, Any]]:
    """Fold (status, currency) sums by one of the two; amounts stay apart by currency."""
    folded: dict[str, dict[str, Any]] = {}
    for row in rows:
        entry = folded.setdefault(row[key], {"count": 0, "amounts": {}})
        entry["count"] += row["count"]
        amounts = entry["amounts"]
        amounts[row["currency"]] = amounts.get(row["currency"], 0) + int(row["amount"])
    return dict(sorted(folded.items(), key=lambda item: -item[1]["count"]))
