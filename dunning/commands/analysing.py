"""SQL for analysts on the command line, read-only."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dunning.commands import console
from dunning.commands.opening import load_settings
from dunning.errors import Unusable


def sql(
    question: Annotated[
        str | None, typer.Argument(metavar="SELECT…", help="One question; `-` reads it from stdin.")
    ] = None,
    *,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the question from a file.")] = None,
    form: Annotated[
        Literal["table", "csv", "json"], typer.Option("--format", help="How it is shown.")
    ] = "table",
    as_json: Annotated[bool, typer.Option("--json", help="Same as --format json.")] = False,
) -> None:
    """Ask the database one question in SQL, read-only; without one, list the views made for analysts."""
    from dunning.store import analyst

    asked = _question(question, file)
    if asked is None:
        console.say("Views for analysts (docs/analysts.md describes their columns):")
        for view in analyst.VIEWS:
            console.say(f"  {view}")
        return
    columns, rows = analyst.ask(load_settings().database, asked)
    _show(columns, rows, "json" if as_json else form)


def _question(question: str | None, file: Path | None) -> str | None:
    if file is not None and question is not None:
        raise Unusable("Give the question itself or --file, not both.")
    try:
        if file is not None:
            return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"--file {file} cannot be read ({error}): name a text file.") from None
    return sys.stdin.read() if question == "-" else question


def _show(columns: list[str], rows: Any, form: str) -> None:
    from dunning.flows.export_csv import write_csv

    plain = [[_plain(cell) for cell in row] for row in rows]
    if form == "json":
        console.say_json([dict(zip(columns, row, strict=True)) for row in plain])
    elif form == "csv":
        console.say(write_csv(columns, plain), newline=False)
    elif plain:
        console.say_table(columns, [["" if cell is None else str(cell) for cell in row] for row in plain])
    else:
        console.say("No rows.")


def _plain(cell: Any) -> Any:
    """Return a cell that JSON and CSV know: dates, decimals and bytes as text."""
    return cell if cell is None or isinstance(cell, str | int | float | bool) else str(cell)
