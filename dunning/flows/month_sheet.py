"""A closed month as a table to take away: every frozen figure, by basis, with its adjustments."""

from collections.abc import Iterator
from typing import Any

from dunning.core.months import Closing
from dunning.core.sheet import Cell, Column, Kind, Sheet


def month_sheet(closing: Closing) -> Sheet:
    """Return the frozen figures of a month, one a row."""
    told = closing.read()
    about = (
        ("Month", f"{closing.month}, version {closing.version} ({told['timezone']})"),
        ("Closed", f"{closing.at:%Y-%m-%d %H:%M} UTC by {closing.by}"),
        ("Ledger read up to", f"{closing.cut:%Y-%m-%d %H:%M:%S} UTC"),
        ("SHA-256 of the frozen document", closing.digest),
    )
    columns = [
        Column("currency"),
        Column("basis"),
        Column("of"),
        Column("figure"),
        Column("amount", Kind.MONEY),
    ]
    meanings = {f"cohort, {name}": text for name, text in told["definitions"]["cohort"].items()}
    meanings |= {f"cash, {name}": text for name, text in told["definitions"]["cash"].items()}
    return Sheet(
        f"month-{closing.month}", f"Closed month {closing.month}", about, columns, list(_rows(told)), meanings
    )


def _rows(told: dict[str, Any]) -> Iterator[list[Cell]]:
    ledger, standing = told["ledger"], told["standing"]
    yield from _sums("cohort", "the month", standing["cohort"])
    yield from _sums("cash", "the month", ledger["cash"])
    for reason, sums in ledger["cash_by_reason"].items():
        yield from _sums("cash", reason, sums)
    for month, sums in ledger["adjustments"].items():
        yield from _sums("cash", f"adjustment of {month}", sums)
    for month, sums in standing["adjustments"].items():
        yield from _sums("cohort", f"adjustment of {month}", sums)
    for currency, figures in standing["bridge"].items():
        for figure, steps in figures.items():
            for step, amount in steps.items():
                yield [currency, "bridge", step, figure, amount]


def _sums(basis: str, what: str, sums: dict[str, dict[str, int]]) -> Iterator[list[Cell]]:
    for currency, figures in sums.items():
        for figure, amount in figures.items():
            yield [currency, basis, what, figure, amount]
