"""The recovered-revenue report, the payments behind each of its figures, and both as CSV."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from dunning.core.definitions import IMPORTED, REASONS
from dunning.core.people import Right
from dunning.core.report_rates import RATES
from dunning.core.report_words import Subject
from dunning.core.sheet import Kind, shown
from dunning.flows import export_csv
from dunning.flows import report as reports
from dunning.flows.export_files import Form
from dunning.flows.folding import Reader
from dunning.flows.report import AMOUNTS, BadPeriod, Basis, GroupBy, Question, next_month, recovered_revenue
from dunning.flows.report_sheet import report_sheet
from dunning.store.report import Behind, rows_behind
from dunning.web import words
from dunning.web.chart import period_name
from dunning.web.charts_of_reports import charts_of
from dunning.web.files import attached
from dunning.web.rights import needs
from dunning.web.screen import Screen
from dunning.web.tongues import Tongue

ROOT = "/reports/recovered-revenue"
MONTHS = 6
PAGE = 200
MOST_ROWS = 1_000_000
PAYMENT_COLUMNS = (
    "at",
    "currency",
    "amount",
    "kind",
    "reason",
    "source_id",
    "charge_id",
    "invoice_id",
    "customer_id",
    "customer_name",
    "recovery_id",
    "status",
    "decline_class",
)


def report_pages(screen: Screen) -> APIRouter:
    """Return the routes of the report for people."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house, asked = screen.house, _asked(screen)

    @router.get(ROOT)
    def report(request: Request, question: Annotated[Question, Depends(asked)]) -> HTMLResponse:
        now = house.clock.now()
        try:
            by_period = replace(question, group_by=_fitting(question))
        except BadPeriod as problem:
            raise HTTPException(422, str(problem)) from None
        by_what = replace(question, group_by=question.group_by or GroupBy.REASON)
        with house.store.read(steady=True) as connection:
            reader = Reader(connection, question.zone)
            grouped = recovered_revenue(connection, by_what, now=now, reader=reader)
            periodic = recovered_revenue(connection, by_period, now=now, reader=reader)
        return screen.page(request, "report.html", **_facts(grouped, periodic, screen.tongue(request)))

    @router.get(f"{ROOT}.csv", dependencies=[needs(Right.FINANCE)])
    def report_csv(question: Annotated[Question, Depends(asked)]) -> Response:
        with house.store.read(steady=True) as connection:
            answer = recovered_revenue(connection, question, now=house.clock.now())
        return _download(export_csv.as_csv(answer), f"recovered-revenue-{question.start}-{question.end}.csv")

    @router.get(ROOT + ".{form}", dependencies=[needs(Right.FINANCE)])
    def report_file(form: Form, question: Annotated[Question, Depends(asked)]) -> Response:
        with house.store.read(steady=True) as connection:
            answer = recovered_revenue(connection, question, now=house.clock.now())
        return attached(report_sheet(answer), form)

    return router


def payment_pages(screen: Screen) -> APIRouter:
    """Return the routes of the rows behind each figure."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house, asked = screen.house, _asked(screen)

    @router.get(f"{ROOT}/payments")
    def payments(
        request: Request,
        question: Annotated[Question, Depends(asked)],
        behind: Annotated[Behind, Depends(_behind)],
    ) -> HTMLResponse:
        with house.store.read() as connection:
            rows = rows_behind(connection, reports.scope_of(question), behind)
        return screen.page(request, "payments.html", **_payments(question, behind, rows))

    @router.get(f"{ROOT}/payments.csv", dependencies=[needs(Right.FINANCE)])
    def payments_csv(
        question: Annotated[Question, Depends(asked)],
        behind: Annotated[Behind, Depends(_behind)],
    ) -> Response:
        whole = replace(behind, limit=MOST_ROWS, cursor=None)
        with house.store.read() as connection:
            rows = rows_behind(connection, reports.scope_of(question), whole)
        head = [*PAYMENT_COLUMNS[:2], "amount_minor", *PAYMENT_COLUMNS[3:]]
        lines = ([_cell(row[name]) for name in PAYMENT_COLUMNS] for row in rows)
        name = f"{behind.figure}-{question.start}-{question.end}.csv"
        return _download(export_csv.write_csv(head, lines), name)

    return router


def _asked(screen: Screen) -> Callable[..., Question]:
    """Return the reading of a question from a query string; without dates it is about six months."""

    def asked(
        start: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        basis: Basis = Basis.COHORT,
        *,
        net: bool = False,
        group_by: GroupBy | None = None,
        imported: bool = False,
    ) -> Question:
        first, last = default_period(screen)
        zone, livemode = screen.calendar().zone, screen.house.settings.livemode
        try:
            return Question(start or first, end or last, zone, livemode, basis, net, group_by, imported)
        except BadPeriod as problem:
            raise HTTPException(422, str(problem)) from None

    return asked


def query_of(question: Question, **changes: Any) -> str:
    """Return the query string of a question, with some of its parts changed; None leaves a part out."""
    parts: dict[str, Any] = {
        "from": question.start,
        "to": question.end,
        "basis": question.basis.value,
        "net": "true" if question.net else None,
        "group_by": question.group_by.value if question.group_by else None,
        "imported": "true" if question.imported else None,
    }
    return urlencode({key: value for key, value in (parts | changes).items() if value is not None})


def group_label(group_by: GroupBy, key: str) -> str:
    """Return the heading of one group, in words."""
    if group_by is GroupBy.REASON:
        return words.REASON.get(key, key)
    if group_by is GroupBy.DECLINE_CLASS:
        return words.DECLINE_CLASS.get(key, key)
    if group_by in {GroupBy.MONTH, GroupBy.WEEK, GroupBy.DAY}:
        return period_name(key)
    return key.replace("_", " ").capitalize() if key != reports.NO_GROUP else "None"


def _facts(grouped: reports.Report, periodic: reports.Report, tongue: Tongue) -> dict[str, Any]:
    question = grouped.question
    return {
        "report": grouped,
        "periodic": periodic,
        "question": question,
        "amounts": AMOUNTS,
        "charts": charts_of(periodic, tongue),
        "definitions": reports.definitions(question.basis),
        "basis_definition": reports.basis_definition(question.basis),
        "reason_definitions": REASONS,
        "rates": {code: _rates(figures) for code, figures in grouped.currencies.items()},
        "rate_definitions": {name: words for name, (_, words) in RATES[Subject.FAILURES].items()},
        "cut": lambda by: f"/reports/cuts?{_cut_query(question, by)}",
        "imported_definition": IMPORTED,
        "group_bys": list(GroupBy),
        "label": lambda key: group_label(question.group_by or GroupBy.REASON, key),
        "period_label": partial(period_name, locale=tongue.formats.locale),
        "query": lambda **changes: query_of(question, **changes),
        "forms": list(Form),
        "root": ROOT,
    }


def _rates(figures: reports.Figures) -> dict[str, str]:
    """Return both recovery rates in per cent: with what is in flight, and without it."""
    found = {name: rate(figures.amounts) for name, (rate, _) in RATES[Subject.FAILURES].items()}
    return {name: "–" if rate is None else shown(rate, Kind.SHARE, "") for name, rate in found.items()}


def _cut_query(question: Question, by: str) -> str:
    subject = Subject.FAILURES if question.basis is Basis.COHORT else Subject.CASH
    return urlencode({"subject": subject.value, "by": by, "from": question.start, "to": question.end})


def _payments(question: Question, behind: Behind, rows: Any) -> dict[str, Any]:
    more = len(rows) > behind.limit
    shown = rows[: behind.limit]
    own = {"figure": behind.figure, "currency": behind.currency, "group": behind.group}
    following = query_of(question, **own, cursor=_cursor(shown[-1])) if more else None
    return {
        "rows": shown,
        "total": {
            code: sum(int(r["amount"]) for r in shown if r["currency"] == code) for code in _codes(shown)
        },
        "behind": behind,
        "question": question,
        "definition": reports.definitions(question.basis)[behind.figure],
        "group": group_label(question.group_by, behind.group) if question.group_by and behind.group else None,
        "next_page": f"{ROOT}/payments?{following}" if following else None,
        "csv": f"{ROOT}/payments.csv?{query_of(question, **own)}",
        "back": f"{ROOT}?{query_of(question)}",
    }


def _behind(
    figure: str = "recovered",
    basis: Basis = Basis.COHORT,
    currency: str | None = None,
    group: str | None = None,
    cursor: str | None = None,
) -> Behind:
    if figure not in AMOUNTS or figure == "net":
        raise HTTPException(422, f"There are no payments behind {figure!r}.")
    return Behind(figure, basis, currency, group, _position(cursor), PAGE)


def _position(cursor: str | None) -> tuple[datetime, str] | None:
    if not cursor:
        return None
    at, _, key = cursor.partition("~")
    try:
        return datetime.fromisoformat(at), key
    except ValueError:
        raise HTTPException(422, "This cursor was not made here.") from None


def _cursor(row: RowMapping) -> str:
    return f"{row['at'].isoformat()}~{row['id']}"


def _codes(rows: Any) -> list[str]:
    return sorted({row["currency"] for row in rows})


def _cell(value: Any) -> object:
    return value.isoformat() if isinstance(value, datetime) else "" if value is None else value


def default_period(screen: Screen) -> tuple[date, date]:
    """Return the last six calendar months, the present one included."""
    calendar = screen.calendar()
    today = calendar.now.astimezone(calendar.zone).date()
    first = today.replace(day=1)
    for _ in range(MONTHS - 1):
        first = (first - timedelta(days=1)).replace(day=1)
    return first, next_month(today)


def _fitting(question: Question) -> GroupBy:
    """Return the period that gives a readable number of bars."""
    days = (question.end - question.start).days
    if days <= 31:
        return GroupBy.DAY
    return GroupBy.WEEK if days <= 190 else GroupBy.MONTH


def _download(text: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
