"""Reports cut by anything: the page, its files, and the facts behind each figure."""

from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from dunning.core.people import Right
from dunning.core.report_words import AMOUNTS, DIMENSIONS, HORIZONS, Subject
from dunning.core.sheet import Kind, shown
from dunning.core.vocabulary import WithheldBy
from dunning.flows import behind, grouped
from dunning.flows.behind import Asked
from dunning.flows.export_files import Form
from dunning.flows.folding import Reader
from dunning.flows.grouped import BadCut, Cut, Line
from dunning.flows.protection import Protected, protected
from dunning.web import cut_chart
from dunning.web.cut_words import key_words
from dunning.web.files import attached
from dunning.web.reports import default_period
from dunning.web.rights import needs
from dunning.web.screen import Screen
from dunning.web.told import capital
from dunning.web.tongues import Tongue
from dunning.web.words import money

ROOT: Final = "/reports/cuts"
DRAWN: Final = {  # what a bar is as long as, and its stronger part
    Subject.FAILURES: ("failed", "recovered"),
    Subject.CASH: ("recovered", "net"),
    Subject.ENDINGS: ("lost", "stopped"),
    Subject.ATTEMPTS: ("tried", "paid"),
    Subject.MESSAGES: ("sent", "clicked"),
}
FORBIDDEN: Final = {"after_stop": WithheldBy.STOP_CODE, "beyond_budget": WithheldBy.BUDGET}


def cut_pages(screen: Screen) -> APIRouter:
    """Return the routes of the grouped reports."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house, asked = screen.house, _asked(screen)

    @router.get(ROOT)
    def page(request: Request, cut: Annotated[Cut, Depends(asked)]) -> HTMLResponse:
        now = house.clock.now()
        with house.store.read(steady=True) as connection:
            reader = Reader(connection, cut.zone)
            answer = grouped.answer(connection, cut, now=now, reader=reader)
            curves = grouped.curve(reader, cut, now=now) if cut.subject is Subject.FAILURES else {}
        return screen.page(request, "cut.html", **_facts(cut, answer, curves, screen.tongue(request)))

    @router.get(f"{ROOT}/behind")
    def facts_behind(
        request: Request,
        cut: Annotated[Cut, Depends(asked)],
        figure: str,
        key: str | None = None,
        currency: str | None = None,
        before: str | None = None,
    ) -> HTMLResponse:
        if figure not in grouped.names(cut.subject):
            raise HTTPException(422, f"There is no figure {figure!r} in this report.")
        with house.store.read(steady=True) as connection:
            found = behind.find(connection, Asked(cut, figure, key, currency, before))
        following = found.following and query_of(
            cut, figure=figure, key=key, currency=currency, before=found.following
        )
        told: dict[str, Any] = {
            "cut": cut,
            "figure": figure,
            "key": key and key_words(cut.by, key),
            "currency": currency,
        }
        told |= {"found": found.facts, "following": following, "root": ROOT, "back": query_of(cut)}
        told |= {"definition": grouped.definitions(cut.subject)[figure], "is_money": figure in AMOUNTS}
        return screen.page(request, "cut_behind.html", **told)

    @router.get(ROOT + ".{form}", dependencies=[needs(Right.FINANCE)])
    def file(form: Form, cut: Annotated[Cut, Depends(asked)]) -> Response:
        with house.store.read(steady=True) as connection:
            sheet = grouped.answer(connection, cut, now=house.clock.now()).sheet()
        return attached(sheet, form)

    return router


def query_of(cut: Cut, **changes: Any) -> str:
    """Return the query string of a cut, with some of its parts changed; None leaves a part out."""
    parts: dict[str, Any] = {"subject": cut.subject.value, "by": cut.by, "from": cut.start, "to": cut.end}
    return urlencode({name: value for name, value in (parts | changes).items() if value is not None})


def _asked(screen: Screen) -> Callable[..., Cut]:
    def asked(
        start: Annotated[date | None, Query(alias="from")] = None,
        end: Annotated[date | None, Query(alias="to")] = None,
        subject: Subject = Subject.FAILURES,
        by: str = "decline_code",
    ) -> Cut:
        first, last = default_period(screen)
        zone, livemode = screen.calendar().zone, screen.house.settings.livemode
        try:
            return Cut(subject, by, start or first, end or last, zone, livemode)
        except BadCut as problem:
            raise HTTPException(422, str(problem)) from None

    return asked


def _facts(
    cut: Cut, answer: grouped.Answer, curves: dict[str, list[Fraction | None]], tongue: Tongue
) -> dict[str, Any]:
    return {
        "cut": cut,
        "answer": answer,
        "measures": {line.currency: _columns(cut, answer, line.currency) for line in answer.totals},
        "amounts": AMOUNTS,
        "charts": {line.currency: _chart(cut, answer, line.currency, tongue) for line in answer.totals},
        "curves": {code: [_percent(share) for share in shares] for code, shares in curves.items()},
        "fees": _network_fees(cut, answer),
        "horizons": HORIZONS,
        "definitions": grouped.definitions(cut.subject),
        "dimensions": DIMENSIONS,
        "titles": grouped.TITLES,
        "title": grouped.TITLES[cut.subject],
        "label": lambda key: key_words(cut.by, key),
        "percent": _percent,
        "query": lambda **changes: query_of(cut, **changes),
        "forms": list(Form),
        "root": ROOT,
    }


def _network_fees(cut: Cut, answer: grouped.Answer) -> list[Protected]:
    """Return what the networks publish as their fees for tries that they forbid, by network and cause."""
    counts: dict[tuple[str, WithheldBy], int] = {}
    for line in answer.lines if (cut.subject, cut.by) == (Subject.ATTEMPTS, "brand") else ():
        for name, cause in FORBIDDEN.items():
            if line.sums.get(name):
                counts[line.key, cause] = counts.get((line.key, cause), 0) + line.sums[name]
    return protected(counts)


def _columns(cut: Cut, answer: grouped.Answer, currency: str) -> list[str]:
    """Return the measures that a table shows: those that it draws, and those of which there is any."""
    lines = [line.sums for line in answer.lines if line.currency == currency]
    return [
        name
        for name in grouped.names(cut.subject)
        if not name.startswith("within_")
        and (name in DRAWN[cut.subject] or any(sums.get(name) for sums in lines))
    ]


def _percent(share: Fraction | None) -> str:
    return "–" if share is None else shown(share, Kind.SHARE, "")


def _chart(cut: Cut, answer: grouped.Answer, currency: str, tongue: Tongue) -> cut_chart.Bars:
    (whole, part), t = DRAWN[cut.subject], tongue.t
    lines = [line for line in answer.lines if line.currency == currency]
    told = [
        (
            t(key_words(cut.by, line.key)),
            _told(line, tongue, whole, part),
            line.sums.get(whole, 0),
            line.sums.get(part, 0),
        )
        for line in lines
    ]
    names = {
        name: t(key.replace("_", " ")) for name, key in (("whole", whole), ("part", part), ("cut", cut.by))
    }
    return cut_chart.draw(capital(t("%(whole)s and %(part)s, by %(cut)s", **names)), told)


def _told(line: Line, tongue: Tongue, *names: str) -> str:
    locale = tongue.formats.locale
    parts = (
        f"{tongue.t(name.replace('_', ' '))} {money(line.sums.get(name, 0), line.currency, locale)}"
        if name in AMOUNTS
        else f"{tongue.t(name.replace('_', ' '))} {line.sums.get(name, 0)}"
        for name in names
    )
    return ", ".join(parts)
