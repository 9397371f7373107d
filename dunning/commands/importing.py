"""Commands that bring in the past: from Stripe's own lists, or from an export."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house
from dunning.errors import Unusable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from dunning.flows.import_csv import Checked

STAGES = {
    "invoices": "Reading invoices",
    "payments": "Reading payments",
    "charges": "Reading charges ",
    "joining": "Joining         ",
}
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def from_stripe(
    *,
    since: Annotated[
        str, typer.Option(metavar="SPAN", help="How far back: 12m (months), 90d, or a date.")
    ] = "12m",
    pace: Annotated[
        int, typer.Option(min=1, max=25, help="Questions to Stripe a second; it allows 25 an endpoint.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Import charges and invoices of the past as history for the planner and, shown apart, the report."""
    from dunning.flows.import_stripe import import_stripe
    from dunning.flows.pacing import Pace

    with opened_house(stripe=True) as house:
        start = times.start_of_history("--since", since, house.clock.now())
        with _progress() as progress:
            told = import_stripe(house, start, pace=Pace(pace), progress=progress)
    if as_json:
        console.say_json({"objects": told.objects, "recoveries": told.recoveries, "opened": told.opened})
        return
    read = ", ".join(f"{count:,} {name}" for name, count in told.objects.items())
    console.say(f"Read so far: {read}.")
    console.say(f"Failed invoices of the past that are history now: {told.recoveries:,}.")
    if told.opened:
        console.say(f"{told.opened} are still unpaid and were opened as recoveries; nobody is written to.")
    console.note("`dunning learn` fits the planner on them at once; the clock does it every day.")


def from_csv(
    path: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An export of charges.", show_default=False)
    ] = None,
    *,
    timezone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Zone of times that name none, such as Europe/Paris."),
    ] = None,
    example: Annotated[bool, typer.Option("--example", help="Print the columns and two rows.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Import charges of the past from an export: our own columns, or the Dashboard's payments export."""
    from dunning.flows.import_csv import import_csv

    if example:
        _say_example()
        return
    if path is None:
        raise Unusable("FILE is missing: name the export, or see `dunning import csv --example`.")
    with opened_house() as house, _progress() as progress:
        told = import_csv(house, path, zone=_zone(timezone), progress=progress)
    if as_json:
        console.say_json({**asdict(told.checked), "recoveries": told.recoveries})
    elif told.checked.error_count == 0:
        counts = f"{told.checked.rows:,} rows, {told.checked.charges:,} charges"
        console.say(f"{counts}; {told.checked.left_out:,} rows of no invoice or without an outcome left out.")
        console.say(f"Failed invoices of this file that are history now: {told.recoveries:,}.")
    if told.checked.error_count:
        _complain(told.checked)
        raise typer.Exit(1)


def _complain(checked: "Checked") -> None:
    for row, sentence in checked.errors:
        console.note(f"row {row}: {sentence}")
    more = checked.error_count - len(checked.errors)
    if more:
        console.note(f"… and {more:,} more.")
    rows = "1 row has" if checked.error_count == 1 else f"{checked.error_count:,} rows have"
    console.note(f"{rows} errors, so nothing was imported: correct the file, and import it again.")


def _say_example() -> None:
    import csv
    import io

    from dunning.core.charge_rows import EXAMPLE

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(EXAMPLE)
    console.say(out.getvalue(), newline=False)


def _zone(name: str | None) -> "ZoneInfo | None":
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unusable(
            f"--timezone {name!r} is no zone: write UTC, or a name such as Europe/Paris."
        ) from None


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Show on stderr how far each stage is, where somebody looks."""
    if not sys.stderr.isatty():
        yield lambda _stage, _done: None
        return
    with typer.progressbar(length=1000 * len(STAGES), label=STAGES["invoices"], file=sys.stderr) as bar:
        begun: list[str] = []

        def advance(stage: str, done: int) -> None:
            if stage not in begun:
                begun.append(stage)
            bar.label = STAGES[stage]
            bar.update(max(1000 * (len(begun) - 1) + done - bar.pos, 0))

        yield advance
