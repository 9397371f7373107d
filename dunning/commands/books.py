"""Finance on the command line: reports cut by anything, closed months, the proof, the rollups."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dunning.commands import console
from dunning.commands.money import period_of, today_of, write_file
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.core.sheet import Sheet

FileFormat = Literal["table", "csv", "xlsx", "pdf", "json", "parquet"]
MonthArgument = Annotated[str, typer.Argument(metavar="YYYY-MM", help="A calendar month.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def cut(
    subject: Annotated[
        Literal["failures", "cash", "endings", "attempts", "messages"],
        typer.Argument(help="What is counted."),
    ],
    *,
    by: Annotated[str, typer.Option(help="How it is cut, such as decline_code, brand or hour.")] = "all",
    month: Annotated[str | None, typer.Option(metavar="YYYY-MM", help="One calendar month.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="First day after it.")] = None,
    form: Annotated[FileFormat, typer.Option("--format", help="csv, json: minor units.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Into a file.")
    ] = None,
) -> None:
    """Report failures, cash, endings, attempts or messages of a period, cut by anything that is known."""
    from zoneinfo import ZoneInfo

    from dunning.core.report_words import Subject
    from dunning.flows import grouped

    with opened_house() as house:
        first, last = period_of(today_of(house), month, start, end)
        zone = ZoneInfo(house.settings.report_timezone)
        try:
            asked = grouped.Cut(Subject(subject), by, first, last, zone, house.settings.livemode)
        except grouped.BadCut as problem:
            raise Unusable(str(problem)) from None
        with house.store.read(steady=True) as connection:
            sheet = grouped.answer(connection, asked, now=house.clock.now()).sheet()
    take_away(sheet, form, output)


def take_away(sheet: "Sheet", form: str, output: Path | None) -> None:
    """Print a sheet, or write it to a file; what is no text needs a file.

    Raises:
        Unusable: the file cannot be written, or the format needs one or an extra.
    """
    from dunning.flows.export_files import Form, write

    if form == "table":
        console.say("\n".join(_table(sheet)))
        return
    body = write(sheet, Form(form))
    if output is not None:
        write_file(output, body)
    elif form in {"csv", "json"}:
        console.say(body.decode(), newline=form == "json")
    else:
        raise Unusable(f"{form} is not text: name a file with -o.")


def _table(sheet: "Sheet") -> list[str]:
    from dunning.core.sheet import Kind, shown

    rows: list[list[object]] = [
        [
            shown(cell, column.kind, sheet.currency(row))
            for cell, column in zip(row, sheet.columns, strict=True)
        ]
        for row in sheet.rows
    ]
    right = [place for place, column in enumerate(sheet.columns) if column.kind is not Kind.TEXT]
    head = [sheet.title, *(f"{name}: {text}" for name, text in sheet.about), ""]
    body = console.aligned([column.name for column in sheet.columns], rows, right=right)
    meanings = [f"{name}: {text}" for name, text in sheet.definitions.items()]
    return [*head, *(body if rows else ["Nothing of it in this period."]), "", *meanings]


def close(month: MonthArgument) -> None:
    """Close a month that is over: its figures are frozen, and what changes later is an adjustment."""
    from dunning.core.months import BadMonth
    from dunning.flows import closing

    with opened_house() as house:
        try:
            made = closing.close(house, _month(month), by=operator())
        except BadMonth as problem:
            raise Unusable(str(problem)) from None
    console.say(f"{made.month} is closed, version {made.version}. SHA-256 {made.digest}")


def reopen(
    month: MonthArgument, *, why: Annotated[str, typer.Option(help="Why; it stays in the books.")]
) -> None:
    """Open the newest closed month again; the closing and the reason stay in the books."""
    from dunning.core.months import BadMonth
    from dunning.flows import closing

    with opened_house() as house:
        try:
            closing.reopen(house, _month(month), why=why, by=operator())
        except BadMonth as problem:
            raise Unusable(str(problem)) from None
    console.say(f"{month} is open again.")


def list_months(*, as_json: JsonOption = False) -> None:
    """List the closed months, and what changed of them since: the adjustments of the open month."""
    from zoneinfo import ZoneInfo

    from dunning.flows import closing

    with opened_house() as house:
        zone, livemode = ZoneInfo(house.settings.report_timezone), house.settings.livemode
        with house.store.read(steady=True) as connection:
            closed = closing.standing(connection, livemode=livemode)
            changed = closing.adjustments(connection, zone, livemode=livemode)
    if as_json:
        console.say_json({"closed": [one.read() for one in closed], "adjustments": changed})
        return
    for one in closed:
        intact = "" if one.intact else "  DOES NOT FIT ITS DIGEST"
        console.say(
            f"{one.month}  closed {console.minute(one.at)} UTC by {one.by}  {one.digest[:16]}{intact}"
        )
    if not closed:
        console.say("No month was closed yet: `dunning report close YYYY-MM`.")
    for line in _changes(changed):
        console.say(line)


def _changes(changed: dict[str, Any]) -> list[str]:
    from dunning.core.money import Money

    return [
        f"  adjustment of {month}, {basis}: {figure} {Money(amount, currency)}"
        for basis, months in changed.items()
        for month, sums in months.items()
        for currency, figures in sums.items()
        for figure, amount in figures.items()
    ]


def prove(
    *,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="From this day on (UTC).")] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove the ledger against Stripe's balance transactions; exit code 1 if anything differs."""
    from dunning.commands import times
    from dunning.flows import proving
    from dunning.store import balance

    with opened_house(stripe=True) as house:
        proving.prove_all(house, since=times.day("--since", since) if since else None)
        with house.store.read() as connection:
            left = [dict(row) for row in balance.all_breaks(connection, livemode=house.settings.livemode)]
    if as_json:
        console.say_json([row | {"found_at": row["found_at"].isoformat()} for row in left])
    elif not left:
        console.say("Every movement equals Stripe's balance, to the minor unit.")
    for row in () if as_json else left:
        told = f"{row['ledger']} here, {row['stripe']} there, {row['currency']} minor units"
        console.say(f"{row['day']}  {row['source_id']} ({row['direction']}): {told}")
    if left:
        raise typer.Exit(1)


def rebuild() -> None:
    """Fold every recovery into the rollups of the reports anew."""
    from dunning.flows import folding

    with opened_house() as house:
        console.say(f"{folding.rebuild(house)} recoveries were folded.")


def _month(text: str) -> str:
    from dunning.commands import times

    return f"{times.month('MONTH', text):%Y-%m}"
