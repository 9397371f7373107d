"""Every file that finance takes away, read by another program: the same rows as the page's JSON says."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pypdf
import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from sqlalchemy import insert, update
from starlette.testclient import TestClient

from dunning.core.money import Money, exponent
from dunning.core.report_words import Subject
from dunning.flows import closing
from dunning.flows.house import House
from dunning.store import tables

EVIL = "=cmd|'/c calc'!A1"
PERIOD = "from=2027-01-01&to=2027-04-01"
WHOSE = {"account_id": "self", "livemode": False}
ADDRESSES = {
    "recovered revenue": ("/reports/recovered-revenue", f"?{PERIOD}&basis=cohort&group_by=decline_class"),
    "recovered revenue, cash": (
        "/reports/recovered-revenue",
        f"?{PERIOD}&basis=cash&net=true&group_by=month",
    ),
    **{name.value: ("/reports/cuts", f"?{PERIOD}&subject={name}&by=all") for name in Subject},
    "by plan": ("/reports/cuts", f"?{PERIOD}&subject=failures&by=plan"),
    "month": ("/reports/months/2027-02", ""),
    "outlook": ("/reports/outlook", ""),
    "at risk": ("/reports/at-risk", ""),
    "proof": ("/reports/proof", ""),
}
Row = dict[str, str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    path = tmp_path_factory.mktemp("exports") / "dunning.db"
    path.write_bytes(sqlite_template.read_bytes())
    made, _ = furnish(f"sqlite:///{path}")
    now = made.clock.now()
    life = {"id": "sub_1", "customer_id": "cus_evil", "currency": "jpy", "monthly": 3100}
    renewal = {"id": "sub_2", "customer_id": "cus_evil", "currency": "kwd", "amount": 12345, "read_at": now}
    proof = {"day": f"{now - timedelta(days=1):%Y-%m-%d}", "read": 2, "compared": 2, "proved_at": now}
    broken = {"source_id": "ch_1", "direction": "in", "currency": "jpy", "ledger": 3100, "stripe": 3000}
    broken |= {"found_at": now}
    with made.store.write() as connection:
        connection.execute(update(tables.invoices).values(plan=EVIL))
        connection.execute(
            insert(tables.customers).values(**WHOSE, id="cus_evil", name=EVIL, deleted=False, read_at=now)
        )
        connection.execute(insert(tables.lives).values(**WHOSE, **life, started_at=now - timedelta(days=90)))
        risk = {"renews_at": now + timedelta(days=9), "risk": "card_expires"}
        connection.execute(insert(tables.renewals).values(**WHOSE, **renewal, **risk))
        both = {"totals": {"jpy": {"ledger": 3100, "stripe": 3000}}}
        connection.execute(insert(tables.balance_proofs).values(**WHOSE, **proof, **both))
        connection.execute(insert(tables.balance_breaks).values(**WHOSE, **broken, day=proof["day"]))
    closing.close(made, "2027-01", by="ada")
    closing.close(made, "2027-02", by="ada")
    yield made
    made.store.engine.dispose()


@pytest.fixture(scope="module")
def browser(house: House) -> TestClient:
    return TestClient(site_of(house), client=LOCAL, base_url=BASE)


def told(browser: TestClient, address: tuple[str, str], form: str) -> bytes:
    path, query = address
    answer = browser.get(f"{path}.{form}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].endswith(f'.{form}"')
    return answer.content


def from_parquet(body: bytes, folder: Path) -> list[Row]:
    """Read by DuckDB: the names and rows that the other formats must have."""
    path = folder / "report.parquet"
    path.write_bytes(body)
    with duckdb.connect() as connection:
        asked = connection.execute(f"SELECT * FROM '{path}'")
        names = [one[0] for one in asked.description or ()]
        rows = asked.fetchall()
    return [{name: said(cell) for name, cell in zip(names, row, strict=True)} for row in rows]


def said(cell: Any) -> str:
    return "" if cell is None else str(cell)


def minor(cell: Any, currency: str) -> str:
    """Return an amount of a spreadsheet, a number in major units, in minor ones."""
    return str(round(cell * 10 ** exponent(currency)))


def from_csv(body: bytes) -> list[Row]:
    read = csv.DictReader(io.StringIO(body.decode()))
    return [{name: cell.removeprefix("'") for name, cell in row.items()} for row in read]


def from_xlsx(body: bytes, names: list[str]) -> list[Row]:
    rows = list(openpyxl.load_workbook(io.BytesIO(body))["Report"].iter_rows())
    top = next(place for place, row in enumerate(rows) if row[0].value == "Currency")
    labels = [str(cell.value).lower().replace(" ", "_") for cell in rows[top]]
    assert labels == [name.removesuffix("_minor") for name in names]
    return [_line(row, names) for row in rows[top + 1 :]]


def _line(row: Any, names: list[str]) -> Row:
    found: Row = {}
    for name, cell in zip(names, row, strict=True):
        assert cell.data_type != "f", "a formula"
        if cell.value is None:
            found[name] = ""
        elif name.endswith("_minor"):
            found[name] = minor(cell.value, row[0].value)
        else:
            found[name] = f"{cell.value:.6f}" if cell.number_format == "0.0%" else str(cell.value)
    return found


@pytest.mark.parametrize("name", ADDRESSES)
def test_each_file_has_the_rows_of_the_others(browser: TestClient, tmp_path: Path, name: str) -> None:
    address = ADDRESSES[name]
    rows = from_parquet(told(browser, address, "parquet"), tmp_path)
    assert rows
    assert any(int(cell) for row in rows for head, cell in row.items() if head.endswith("_minor") and cell)
    assert from_xlsx(told(browser, address, "xlsx"), list(rows[0])) == rows
    if "revenue" not in name:  # whose CSV has columns of its own
        assert from_csv(told(browser, address, "csv")) == rows
    if name != "month":  # whose JSON is the frozen document itself
        listed = json.loads(told(browser, address, "json"))["rows"]
        assert [{head: said(cell) for head, cell in row.items()} for row in listed] == rows
    in_pdf(told(browser, address, "pdf"), rows)


def in_pdf(body: bytes, rows: list[Row]) -> None:
    """Every amount is written on the pages; the last one has the definitions."""
    pages = pypdf.PdfReader(io.BytesIO(body)).pages
    assert "What the figures mean" in pages[-1].extract_text()
    text = " ".join(page.extract_text() for page in pages)
    for row in rows:
        for head, cell in row.items():
            if head.endswith("_minor") and cell:
                assert f"{Money(int(cell), row['currency']).decimal():,f}" in text, (head, row)


@pytest.mark.parametrize("name", ["recovered revenue", "recovered revenue, cash"])
def test_the_csv_of_recovered_revenue_has_the_figures_of_the_api(browser: TestClient, name: str) -> None:
    path, query = ADDRESSES[name]
    lines = from_csv(told(browser, ADDRESSES[name], "csv"))
    known = browser.get(f"/api/v1{path}{query}").json()["groups"]
    figures = {
        (group["key"], code): (own, group["counts"][code])
        for group in known
        for code, own in group["currencies"].items()
    }
    assert {(line["group"], line["currency"]) for line in lines} == set(figures)
    for line in lines:
        amounts = {head.removesuffix("_minor"): int(cell) for head, cell in line.items() if "_minor" in head}
        counts = {head.removesuffix("_count"): int(cell) for head, cell in line.items() if "_count" in head}
        assert (amounts, counts) == figures[line["group"], line["currency"]], line


def test_the_closed_months_file_has_the_figures_of_the_frozen_document(
    browser: TestClient, tmp_path: Path
) -> None:
    frozen = json.loads(told(browser, ADDRESSES["month"], "json"))
    rows = from_parquet(told(browser, ADDRESSES["month"], "parquet"), tmp_path)
    for basis, sums in (("cash", frozen["ledger"]["cash"]), ("cohort", frozen["standing"]["cohort"])):
        own = {
            (row["currency"], row["figure"]): int(row["amount_minor"])
            for row in rows
            if (row["basis"], row["of"]) == (basis, "the month")
        }
        assert own == {(code, name): n for code, by in sums.items() for name, n in by.items()}


def test_a_customer_named_as_a_formula_stays_text(browser: TestClient, tmp_path: Path) -> None:
    for name in ("at risk", "by plan"):
        rows = from_parquet(told(browser, ADDRESSES[name], "parquet"), tmp_path)
        assert EVIL in {cell for row in rows for cell in row.values()}
        assert f"'{EVIL}" in told(browser, ADDRESSES[name], "csv").decode()
        pages = pypdf.PdfReader(io.BytesIO(told(browser, ADDRESSES[name], "pdf"))).pages
        assert EVIL.split("!", maxsplit=1)[0] in " ".join(pages[0].extract_text().split())
