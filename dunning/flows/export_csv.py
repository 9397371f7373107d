"""Reports as CSV: exact minor units, and no text that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from dunning.flows.report import AMOUNTS, COUNTS, Report

SPACES: Final = "\t\r\n\0 \u00a0\u200b\u2028\u2029\ufeff"  # what programs skip before a formula
FORMULAS: Final = frozenset("=+-@＝＋－＠")


def as_csv(report: Report) -> str:
    """Return the report as CSV: one line per currency, or per group and currency; minor units."""
    lines = report.groups if report.question.group_by else [("", report.currencies)]
    head = ("basis", "from", "to", "timezone", "as_of", "group_by", "group", "currency")
    values = report.dumps()
    fixed = [str(values[name] or "") for name in head[:6]]
    fixed[0] += " of imported history" if report.question.imported else ""
    rows = (
        [*fixed, key, code, *figures.amounts.values(), *figures.counts().values()]
        for key, by in lines
        for code, figures in by.items()
    )
    amounts, counts = [f"{name}_minor" for name in AMOUNTS], [f"{name}_count" for name in COUNTS]
    return write_csv([*head, *amounts, *counts], rows)


def write_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return CSV in which no text can become a formula: such cells get a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([harmless(cell) for cell in row] for row in rows)
    return out.getvalue()


def harmless(cell: object) -> object:
    """Return a text cell that no spreadsheet takes for a formula; numbers stay numbers."""
    if isinstance(cell, str) and (cell[:1] in {"\t", "\r", "\n"} or cell.lstrip(SPACES)[:1] in FORMULAS):
        return f"'{cell}"
    return cell
