"""Files of figures that are not everyday ones: huge, negative, without decimals, from right to left."""

import csv
import io
from fractions import Fraction
from typing import Any

import openpyxl
import pypdf
import pytest

from dunning.core.sheet import Cell, Column, Kind, Sheet
from dunning.flows.export_files import Form, write

COLUMNS = (
    Column("currency"),
    Column("plan"),
    Column("count", Kind.COUNT),
    Column("recovered", Kind.MONEY),
    Column("rate", Kind.SHARE),
)
HEBREW, HUGE = "תוכנית שנתית", 9_007_199_254_740_993  # the first whole number that a double cannot hold


def sheet(*rows: list[Cell]) -> Sheet:
    return Sheet("a-test", "A test", (("Period", "2027-03"),), COLUMNS, rows, {"rate": "A ÷ b."})


def cells(made: Sheet) -> list[list[Any]]:
    book = openpyxl.load_workbook(io.BytesIO(write(made, Form.XLSX)))
    return [list(row) for row in book["Report"].iter_rows(min_row=5)]


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " \u200b=1", "＝1+1", "－1"])
def test_no_text_of_csv_begins_as_a_formula_does(evil: str) -> None:
    told = write(sheet(["usd", evil, 1, 100, None]), Form.CSV).decode()
    assert list(csv.reader(io.StringIO(told)))[1][1] == f"'{evil}"


def test_a_negative_share_stays_a_number_in_csv() -> None:
    told = write(sheet(["usd", "Solo", -1, -100, Fraction(-1, 8)]), Form.CSV).decode()
    assert list(csv.reader(io.StringIO(told)))[1] == ["usd", "Solo", "-1", "-100", "-0.125000"]


def test_a_number_that_a_spreadsheet_would_round_is_written_as_text() -> None:
    made = sheet(
        ["jpy", "Solo", HUGE, HUGE, None], ["kwd", "Solo", 1, 12345, None], ["jpy", "Solo", 1, 31, None]
    )
    huge, dinars, yen = cells(made)
    assert [(cell.data_type, cell.value) for cell in huge[2:4]] == [("s", f"{HUGE:,d}")] * 2
    assert (dinars[3].value, dinars[3].number_format) == (12.345, "#,##0.000")
    assert (yen[3].value, yen[3].number_format) == (31, "#,##0")


def test_names_from_right_to_left_are_kept_in_each_file() -> None:
    made = sheet(["usd", HEBREW, 1, 100, Fraction(1, 3)])
    assert HEBREW in write(made, Form.CSV).decode()
    assert cells(made)[0][1].value == HEBREW
    assert HEBREW in write(made, Form.JSON).decode()
    pages = pypdf.PdfReader(io.BytesIO(write(made, Form.PDF))).pages
    assert len(pages) == 2
    assert "A ÷ b." in pages[-1].extract_text()
