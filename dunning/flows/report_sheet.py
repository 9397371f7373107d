"""The recovered-revenue report as a table to take away."""

from dunning.core.sheet import Cell, Column, Kind, Sheet
from dunning.flows.report import AMOUNTS, COUNTS, Figures, Report, basis_definition, definitions


def report_sheet(report: Report) -> Sheet:
    """Return a report as a table: one row per currency, or per group and currency, and the totals."""
    question = report.question
    by = question.group_by.value if question.group_by else "group"
    columns = [Column("currency"), Column(by), *(Column(name, Kind.MONEY) for name in AMOUNTS)]
    columns += [Column(f"{name}_count", Kind.COUNT) for name in COUNTS]
    groups = report.groups if question.group_by else []
    rows = [_row(code, key, figures) for key, found in groups for code, figures in found.items()]
    rows += [_row(code, "total", figures) for code, figures in report.currencies.items()]
    about = (
        ("Period", f"{question.start} up to {question.end}, exclusive ({question.zone.key})"),
        ("Basis", basis_definition(question.basis)),
        ("Data as of", f"{report.as_of:%Y-%m-%d %H:%M} UTC"),
        *((("Of", "Imported history"),) if question.imported else ()),
    )
    name = f"recovered-revenue-{question.start}-{question.end}"
    return Sheet(name, "Recovered revenue", about, columns, rows, definitions(question.basis))


def _row(currency: str, key: str, figures: Figures) -> list[Cell]:
    return [currency, key, *figures.amounts.values(), *figures.counts().values()]
