"""The recovered-revenue report on the command line."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.flows.report import Question, Report
    from dunning.settings import Settings

Cut = Literal["reason", "decline_class", "decline_code", "invoice_class", "campaign", "month", "week", "day"]


def recovered(
    *,
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="One calendar month.", show_default="this month")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day, such as 2026-10-01.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="First day after the period.", show_default="tomorrow"),
    ] = None,
    basis: Annotated[
        Literal["cohort", "cash"],
        typer.Option(help="cohort: the failures of the period; cash: the money that came in the period."),
    ] = "cohort",
    net: Annotated[
        bool, typer.Option("--net", help="Also show refunds, disputes, credit notes and what is left.")
    ] = False,
    group_by: Annotated[Cut, typer.Option(help="How the figures are cut.")] = "reason",
    imported: Annotated[
        bool, typer.Option("--imported", help="Report the imported history instead, which is shown apart.")
    ] = False,
    form: Annotated[
        Literal["table", "csv", "xlsx", "pdf", "json", "parquet"],
        typer.Option("--format", help="csv and json are exact: minor units."),
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead.")
    ] = None,
) -> None:
    """Report failed and recovered revenue of a period, per currency, in the report time zone."""
    from dunning.flows import report

    with opened_house() as house:
        period = (month, start, end)
        asked = _question(
            house.settings, today_of(house), period, basis, net=net, cut=group_by, imported=imported
        )
        with house.store.read(steady=True) as connection:
            answer = report.recovered_revenue(connection, asked, now=house.clock.now())
    _deliver(answer, "json" if as_json else form, output)


def _deliver(answer: "Report", form: str, output: Path | None) -> None:
    from dunning.commands import books
    from dunning.flows.report_sheet import report_sheet

    if form in {"xlsx", "pdf", "parquet"}:
        books.take_away(report_sheet(answer), form, output)
        return
    text = _rendered(answer, form)
    if output is None:
        console.say(text, newline=not text.endswith("\n"))
    else:
        write_file(output, text.encode())


def _question(
    settings: "Settings",
    today: date,
    period: tuple[str | None, str | None, str | None],
    basis: str,
    *,
    net: bool,
    cut: str,
    imported: bool,
) -> "Question":
    from zoneinfo import ZoneInfo

    from dunning.flows.report import BadPeriod, Basis, GroupBy, Question

    first, last = period_of(today, *period)
    zone = ZoneInfo(settings.report_timezone)
    try:
        return Question(first, last, zone, settings.livemode, Basis(basis), net, GroupBy(cut), imported)
    except BadPeriod:
        raise Unusable(
            f"--from {first} --to {last} cannot be reported by {cut}: --to is the first day after it, "
            "and a report by day takes 400 days at most."
        ) from None


def period_of(today: date, month: str | None, start: str | None, end: str | None) -> tuple[date, date]:
    """Return the days that --month, or --from and --to, name; without any, the present month.

    Raises:
        Unusable: they cannot be meant.
    """
    from datetime import timedelta

    from dunning.flows.report import next_month

    if month is not None and (start is not None or end is not None):
        raise Unusable("--month is a whole period: leave --from and --to out, or leave --month out.")
    if month is not None:
        first = times.month("--month", month)
        return first, next_month(first)
    if start is None and end is None:
        return today.replace(day=1), next_month(today)
    if start is None:
        raise Unusable("--to needs --from: name the first day of the period.")
    first = times.day("--from", start)
    return first, times.day("--to", end) if end is not None else today + timedelta(days=1)


def today_of(house: Any) -> date:
    """Return the present day of the report's zone."""
    from zoneinfo import ZoneInfo

    found: date = house.clock.now().astimezone(ZoneInfo(house.settings.report_timezone)).date()
    return found


def _rendered(answer: "Report", form: str) -> str:
    import json

    from dunning.flows import export_csv

    if form == "json":
        return json.dumps(answer.dumps(), indent=2)
    return export_csv.as_csv(answer) if form == "csv" else "\n".join(_table(answer))


def _table(answer: "Report") -> list[str]:
    from dunning.flows import report

    q = answer.question
    names = ["failed", "recovered", "lost", "stopped", "open"]
    names += ["refunded", "disputed", "credited", "net"] if q.net else []
    what = "Imported history" if q.imported else "Recovered revenue"
    title = f"{what}, {q.start} up to {q.end} ({q.zone.key}), {q.basis} basis"
    lines = [
        f"{title}{', net beside gross' if q.net else ''}, as of {console.minute(answer.as_of)} UTC",
        report.basis_definition(q.basis),
        "",
    ]
    cut = q.group_by.value if q.group_by else ""
    rows: list[list[object]] = []
    for code, total in answer.currencies.items():
        rows.append([code.upper(), "all", total.count, *(_major(total.amounts[n], code) for n in names)])
        rows += [
            ["", key, by[code].count, *(_major(by[code].amounts[n], code) for n in names)]
            for key, by in answer.groups
            if code in by
        ]
    head = ["currency", cut, "invoices", *names]
    lines += console.aligned(head, rows, right=range(2, len(head))) if rows else ["Nothing failed in it."]
    meanings = report.definitions(q.basis)
    lines += ["", *(f"{name}: {meanings[name]}" for name in names)]
    return [*lines, *_imported(answer, names[:4])]


def _imported(answer: "Report", names: list[str]) -> list[str]:
    """Return what imports tell of the same period, apart from the figures."""
    from dunning.core.definitions import IMPORTED

    if answer.question.imported:
        return ["", IMPORTED]
    rows = [
        [code.upper(), total.count, *(_major(total.amounts[name], code) for name in names)]
        for code, total in answer.imported.items()
    ]
    head = ["imported", "invoices", *names]
    return ["", *console.aligned(head, rows, right=range(1, len(head))), IMPORTED] if rows else []


def _major(amount: int, currency: str) -> str:
    from dunning.core.money import Money

    return f"{Money(amount, currency).decimal():,f}"


def write_file(path: Path, body: bytes) -> None:
    """Write a file that was asked for.

    Raises:
        Unusable: it cannot be written.
    """
    try:
        path.write_bytes(body)
    except OSError as error:
        raise Unusable(f"-o {path} cannot be written ({error.strerror}): choose another file.") from None
