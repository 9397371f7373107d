"""The table that a benchmark prints: what, how much, the goal, and what it was measured beside."""

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One figure; `beside` is the ratio to what was measured in the same run."""

    what: str
    figure: str
    goal: str = ""
    beside: str = ""


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | figure | goal | beside |", "|---|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a titled table."""
    print(f"## {title}\n\n{markdown(rows)}\n", flush=True)
