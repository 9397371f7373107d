"""What commands print: lines, tables without a frame, JSON; and marks with colour where it is wanted."""

import json
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import typer


def say(text: str = "", *, newline: bool = True) -> None:
    """Print a line of the result on stdout; a reader who has left ends the command in peace."""
    try:
        typer.echo(text, nl=newline)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as the process
        raise typer.Exit(0) from None


def note(text: str) -> None:
    """Print a line beside the result, on stderr."""
    typer.echo(text, err=True)


def say_json(value: Any) -> None:
    """Print a value as JSON; instants in UTC with a Z, anything else as text."""
    say(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[int] = ()) -> None:
    """Print rows as aligned columns."""
    for line in aligned(head, rows, right=right):
        say(line)


def aligned(
    head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Collection[int] = ()
) -> Iterator[str]:
    """Yield the lines of a table; columns numbered in `right` stand to the right. Nothing is cut off."""
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        sized = enumerate(zip(row, widths, strict=True))
        yield "  ".join(c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in sized).rstrip()


def say_validity(file: object, found: Sequence[Any], what: str, *, as_json: bool) -> None:
    """Print what is wrong with a file (problems: a line and a sentence each), or that it is a valid `what`.

    Ends the command with exit code 1 when there is a problem.
    """
    if as_json:
        say_json({"valid": not found, "problems": [asdict(problem) for problem in found]})
    for problem in () if as_json else found:
        say(f"{file}:{problem.line}: {problem.sentence}")
    if found:
        raise typer.Exit(1)
    if not as_json:
        say(f"{file} is a valid {what}.")


def coloured(text: str, colour: str) -> str:
    """Return `text` in a colour, on a terminal that has not asked for none (NO_COLOR)."""
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return typer.style(text, fg=colour) if wanted else text


def minute(instant: datetime | None) -> str:
    """Return an instant to the minute, in UTC; a dash for none."""
    return f"{instant:%Y-%m-%d %H:%M}" if instant else "-"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return minute(value) if isinstance(value, datetime) else str(value)


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)
