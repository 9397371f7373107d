"""A sheet as a file: CSV, XLSX, PDF, JSON or Parquet.

Text stays text in each of them: no cell of a customer's making is ever run as a formula or a command.
"""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]

from dunning.core.money import Money, exponent
from dunning.core.sheet import Cell, Column, Kind, Sheet, shown
from dunning.errors import Unusable
from dunning.flows.export_csv import harmless

EXACT: Final = 10**15  # a spreadsheet keeps 15 digits of a number, and makes zeros of the others


class Form(StrEnum):
    """A file format."""

    CSV = "csv"
    XLSX = "xlsx"
    PDF = "pdf"
    JSON = "json"
    PARQUET = "parquet"


MEDIA: Final[Mapping[Form, str]] = {
    Form.CSV: "text/csv; charset=utf-8",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.PDF: "application/pdf",
    Form.JSON: "application/json",
    Form.PARQUET: "application/vnd.apache.parquet",
}


def write(sheet: Sheet, form: Form) -> bytes:
    """Return a sheet as the bytes of a file.

    Raises:
        Unusable: PDF or Parquet without its extra; the sentence says how to install it.
    """
    return _WRITERS[form](sheet)


def _csv(sheet: Sheet) -> bytes:
    """One line a row: amounts in minor units, shares as fractions of 1 with six digits."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([f"{one.name}_minor" if one.kind is Kind.MONEY else one.name for one in sheet.columns])
    writer.writerows([_exact(harmless(cell)) for cell in row] for row in sheet.rows)
    return out.getvalue().encode()


def _exact(cell: object) -> object:
    if isinstance(cell, Fraction):
        return f"{Decimal(cell.numerator) / Decimal(cell.denominator):.6f}"
    return "" if cell is None else cell


def _json(sheet: Sheet) -> bytes:
    columns = [f"{one.name}_minor" if one.kind is Kind.MONEY else one.name for one in sheet.columns]
    rows = [dict(zip(columns, (_exact(cell) for cell in row), strict=True)) for row in sheet.rows]
    document = {"title": sheet.title, "about": dict(sheet.about), "rows": rows}
    return json.dumps(
        document | {"definitions": dict(sheet.definitions)}, indent=2, ensure_ascii=False
    ).encode()


def _xlsx(sheet: Sheet) -> bytes:
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(out, options | {"strings_to_numbers": False}) as book:
        bold = book.add_format({"bold": True})
        page = book.add_worksheet("Report")
        page.write_string(0, 0, sheet.title, bold)
        for line, (name, text) in enumerate(sheet.about, 1):
            page.write_string(line, 0, name)
            page.write_string(line, 1, text)
        top = len(sheet.about) + 2
        for place, column in enumerate(sheet.columns):
            page.write_string(top, place, column.label, bold)
        formats = _Formats(book)
        for line, row in enumerate(sheet.rows, top + 1):
            for place, (cell, column) in enumerate(zip(row, sheet.columns, strict=True)):
                _write_cell(page, line, place, cell, column, sheet.currency(row), formats)
        page.freeze_panes(top + 1, 0)
        page.set_column(0, len(sheet.columns), 16)
        _meanings(book, sheet, bold)
    return out.getvalue()


class _Formats:
    """Number formats by the decimals that a currency has; made once each."""

    def __init__(self, book: Any) -> None:
        self._book, self._made = book, dict[str, Any]()

    def named(self, pattern: str) -> Any:
        if pattern not in self._made:
            self._made[pattern] = self._book.add_format({"num_format": pattern})
        return self._made[pattern]

    def money(self, currency: str) -> Any:
        places = exponent(currency)
        return self.named("#,##0" + ("." + "0" * places if places else ""))


def _write_cell(
    page: Any, line: int, place: int, cell: Cell, column: Column, currency: str, formats: _Formats
) -> None:
    if cell is None:
        page.write_blank(line, place, None)
    elif isinstance(cell, str):
        page.write_string(line, place, cell)
    elif isinstance(cell, Fraction):
        share = Decimal(cell.numerator) / Decimal(cell.denominator)
        page.write_number(line, place, share, formats.named("0.0%"))
    elif abs(cell) >= EXACT:
        page.write_string(line, place, shown(cell, column.kind, currency))
    elif column.kind is Kind.MONEY:
        page.write_number(line, place, Money(cell, currency).decimal(), formats.money(currency))
    else:
        page.write_number(line, place, cell, formats.named("#,##0"))


def _meanings(book: Any, sheet: Sheet, bold: Any) -> None:
    page = book.add_worksheet("Definitions")
    for line, (name, text) in enumerate(sheet.definitions.items()):
        page.write_string(line, 0, name.replace("_", " ").capitalize(), bold)
        page.write_string(line, 1, text)
    page.set_column(0, 0, 26)
    page.set_column(1, 1, 110)


def _pdf(sheet: Sheet) -> bytes:
    """A4 across: the table with its head on every page, the definitions on the last."""
    try:
        import typst  # noqa: PLC0415 - an extra
    except ImportError:
        raise Unusable("PDF needs an extra: install dunning[pdf].") from None
    told = {
        "title": sheet.title,
        "about": [list(pair) for pair in sheet.about],
        "head": [column.label for column in sheet.columns],
        "text": [column.kind is Kind.TEXT for column in sheet.columns],
        "rows": [
            [
                shown(cell, column.kind, sheet.currency(row))
                for cell, column in zip(row, sheet.columns, strict=True)
            ]
            for row in sheet.rows
        ],
        "definitions": [
            [name.replace("_", " ").capitalize(), text] for name, text in sheet.definitions.items()
        ],
    }
    made = typst.compile(_LAYOUT.encode(), sys_inputs={"sheet": json.dumps(told)}, pdf_standards=["ua-1"])
    return bytes(made)


# The sheet comes as data, never as source: what a customer calls itself cannot become a command.
_LAYOUT: Final = """
#let sheet = json(bytes(sys.inputs.sheet))
#set document(title: sheet.title)
#set page(paper: "a4", flipped: true, margin: 1.4cm, footer: context align(right)[#counter(page).display()])
#set text(size: 7pt, lang: "en")
= #sheet.title
#for pair in sheet.about [#strong(pair.at(0)): #pair.at(1) #linebreak()]
#v(6pt)
#table(
  columns: sheet.head.len(),
  align: (column, row) => if sheet.text.at(column) { left } else { right },
  stroke: 0.4pt + luma(190),
  inset: 3pt,
  table.header(..sheet.head.map(name => strong(name))),
  ..sheet.rows.flatten()
)
#pagebreak()
== What the figures mean
#for pair in sheet.definitions [
  #strong(pair.at(0)): #pair.at(1) #parbreak()
]
"""


def _parquet(sheet: Sheet) -> bytes:
    """Amounts as whole minor units, shares as decimal text; every other column as text."""
    try:
        import duckdb  # noqa: PLC0415 - an extra
    except ImportError:
        raise Unusable("Parquet needs an extra: install dunning[parquet].") from None
    names = [f"{one.name}_minor" if one.kind is Kind.MONEY else one.name for one in sheet.columns]
    whole = {Kind.MONEY: "BIGINT", Kind.COUNT: "BIGINT"}
    columns = ", ".join(
        f'"{name}" {whole.get(one.kind, "VARCHAR")}' for name, one in zip(names, sheet.columns, strict=True)
    )
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "report.parquet"
        connection.execute(f"CREATE TABLE report ({columns})")
        if sheet.rows:
            places = ", ".join("?" for _ in names)
            rows = [[None if cell is None else _exact(cell) for cell in row] for row in sheet.rows]
            connection.executemany(f"INSERT INTO report VALUES ({places})", rows)  # noqa: S608 - only marks
        connection.execute(f"COPY report TO '{path}' (FORMAT parquet)")
        return path.read_bytes()


_WRITERS: Final[Mapping[Form, Callable[[Sheet], bytes]]] = {
    Form.CSV: _csv,
    Form.XLSX: _xlsx,
    Form.PDF: _pdf,
    Form.JSON: _json,
    Form.PARQUET: _parquet,
}
