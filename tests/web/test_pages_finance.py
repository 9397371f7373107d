"""What finance takes away: every file re-read by another program says what the page says."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import openpyxl
import pypdf
import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from sqlalchemy import insert, select, text, update
from starlette.testclient import TestClient

from dunning.core.money import Money
from dunning.core.people import Role
from dunning.core.report_words import DIMENSIONS, Subject
from dunning.errors import Unusable
from dunning.flows import folding
from dunning.flows.house import House
from dunning.store import analyst, audit, tables

EVIL = "=cmd|'/c calc'!A1"
ASKED = "subject=failures&by=plan&from=2027-01-01&to=2027-04-01"
ORIGIN = {"origin": BASE}


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    made, _ = furnish(sqlite_url)
    with made.store.write() as connection:
        connection.execute(update(tables.invoices).values(plan=EVIL))
        connection.execute(update(tables.customers).values(name=EVIL))
    yield made
    made.store.engine.dispose()


@pytest.fixture
def browser(house: House) -> TestClient:
    return TestClient(site_of(house), client=LOCAL, base_url=BASE)


def told(browser: TestClient) -> dict[str, tuple[int, int]]:
    """What the API says of the evil plan: (invoices, recovered) by currency."""
    lines = browser.get(f"/api/v1/reports/cuts?{ASKED}").json()["lines"]
    return {line["currency"]: (line["count"], line["recovered"]) for line in lines if line["key"] == EVIL}


def test_csv_re_read_has_the_figures_and_no_formula(browser: TestClient) -> None:
    rows = list(csv.DictReader(io.StringIO(browser.get(f"/reports/cuts.csv?{ASKED}").text)))
    read = {row["currency"]: (int(row["count"]), int(row["recovered_minor"])) for row in rows[:2]}
    assert read == told(browser)
    assert {row["plan"] for row in rows} == {f"'{EVIL}", "total"}


def test_xlsx_re_read_has_typed_cells_and_text_stays_text(browser: TestClient) -> None:
    book = openpyxl.load_workbook(io.BytesIO(browser.get(f"/reports/cuts.xlsx?{ASKED}").content))
    rows = [row for row in book["Report"].iter_rows() if row[1].value == EVIL]
    names = [cell.value for row in book["Report"].iter_rows() for cell in row if row[0].value == "Currency"]
    found = {}
    for row in rows:
        assert row[1].data_type == "s"
        count, recovered = (row[names.index(name)] for name in ("Count", "Recovered"))
        assert (count.data_type, recovered.data_type) == ("n", "n")
        places = 10 ** -Money(0, row[0].value).decimal().as_tuple().exponent
        found[row[0].value] = (count.value, round(recovered.value * places))
    assert found == told(browser)
    assert "Recovered ÷ failed" in str(
        [cell.value for row in book["Definitions"].iter_rows() for cell in row]
    )


def test_pdf_re_read_has_the_figures_and_the_definitions_on_its_last_page(browser: TestClient) -> None:
    pages = pypdf.PdfReader(io.BytesIO(browser.get(f"/reports/cuts.pdf?{ASKED}").content)).pages
    first, last = pages[0].extract_text(), pages[-1].extract_text()
    assert EVIL in " ".join(first.split())
    for currency, (_, recovered) in told(browser).items():
        assert f"{Money(recovered, currency).decimal():,f}" in first
    assert "Recovered ÷ failed" in last


def test_json_and_parquet_re_read_have_the_figures(browser: TestClient, tmp_path: Path) -> None:
    rows = json.loads(browser.get(f"/reports/cuts.json?{ASKED}").content)["rows"]
    known = {row["currency"]: (row["count"], row["recovered_minor"]) for row in rows if row["plan"] == EVIL}
    assert known == told(browser)
    path = tmp_path / "cut.parquet"
    path.write_bytes(browser.get(f"/reports/cuts.parquet?{ASKED}").content)
    query = f"SELECT currency, count, recovered_minor FROM '{path}' WHERE plan <> 'total'"
    with duckdb.connect() as connection:
        assert {one: (n, m) for one, n, m in connection.execute(query).fetchall()} == told(browser)


@pytest.mark.parametrize("form", ["xlsx", "pdf", "json", "parquet"])
def test_the_recovered_revenue_report_is_taken_away_in_each_format(browser: TestClient, form: str) -> None:
    answer = browser.get(f"/reports/recovered-revenue.{form}?from=2027-01-01&to=2027-04-01&group_by=reason")
    assert answer.headers["content-disposition"].endswith(f'.{form}"')
    assert answer.content[:2] in {b"PK", b"%P", b"{\n", b"PA"}


@pytest.mark.parametrize("subject", list(Subject))
def test_each_figure_opens_the_facts_that_sum_to_it(
    browser: TestClient, house: House, subject: Subject
) -> None:
    folding.fold(house)
    for by in DIMENSIONS[subject][:: 1 if subject is Subject.MESSAGES else 4]:
        page = browser.get(f"/reports/cuts?subject={subject}&by={by}&from=2027-01-01&to=2027-04-01").text
        links = re.findall(r'href="(/reports/cuts/behind[^"]+)">([^<]+)<', page)
        for address, figure in links[:4]:
            behind = browser.get(address.replace("&amp;", "&")).text
            parts = re.findall(r'class="number amount">([^<]+)<', behind)
            assert sum(map(number, parts)) == number(figure), (address, figure)


def number(shown: str) -> int:
    return int(re.sub(r"[^\d-]", "", shown.replace("−", "-").replace("\u2011", "-")))


def test_what_cannot_be_cut_that_way_is_refused_in_words(browser: TestClient) -> None:
    answer = browser.get("/api/v1/reports/cuts?subject=messages&by=brand&from=2027-01-01&to=2027-02-01")
    assert answer.status_code == 422
    assert "Messages are cut by all, step" in answer.text


def test_a_month_is_closed_and_reopened_on_its_page(browser: TestClient) -> None:
    assert "2027-02 can be closed" in browser.get("/reports/months").text
    browser.post("/reports/months/close", data={"month": "2027-02"}, headers=ORIGIN)
    again = browser.post("/reports/months/close", data={"month": "2027-02"}, headers=ORIGIN)
    assert "2027-02 is closed already" in again.text
    frozen = browser.get("/reports/months/2027-02.json").json()
    assert frozen["month"] == "2027-02"
    answer = browser.post(
        "/reports/months/reopen", data={"month": "2027-02", "why": "A test"}, headers=ORIGIN
    )
    assert "A test" in answer.text


@pytest.mark.parametrize("path", ["/reports/proof", "/reports/outlook"])
def test_proof_and_outlook_open(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 200


def test_an_analyst_may_ask_and_never_write(database_url: str) -> None:
    made, _ = furnish(database_url)
    columns, rows = analyst.ask(database_url, "SELECT count(*) AS n FROM analyst_recoveries")
    assert (columns, rows[0][0]) == (["n"], 60)
    for view in analyst.VIEWS:
        assert analyst.ask(database_url, f"SELECT * FROM {view} LIMIT 1")[0]
    for evil in (
        "DELETE FROM notes",
        "SELECT 1; DELETE FROM notes",
        "WITH x AS (SELECT 1) DELETE FROM notes",
        "WITH gone AS (DELETE FROM notes RETURNING 1) SELECT * FROM gone",
    ):
        with pytest.raises(Unusable):
            analyst.ask(database_url, evil)
    with made.store.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM notes")).scalar_one() > 0
    made.store.engine.dispose()


def test_a_question_without_end_is_given_up(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = furnish(database_url, recoveries=0)
    monkeypatch.setattr(analyst, "PATIENCE_S", 1)
    endless = "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM a) SELECT max(n) FROM a"
    with pytest.raises(Unusable, match=r"interrupted|timeout"):
        analyst.ask(database_url, endless)
    made.store.engine.dispose()


def test_a_ledger_entry_after_the_close_shows_as_an_adjustment(browser: TestClient, house: House) -> None:
    browser.post("/reports/months/close", data={"month": "2027-02"}, headers=ORIGIN)
    refund(house)
    page = browser.get("/reports/months").text
    assert "Adjustments in 2027-03" in page
    assert re.search(r"2027-02</th><td>Cohort</td><td>\w+</td><td>Refunded</td>", page)


def refund(house: House) -> None:
    """Enter a refund of a payment whose invoice failed in February."""
    with house.store.write() as connection:
        row = connection.execute(
            text(
                "SELECT l.recovery_id, l.invoice_id, l.currency FROM ledger_entries AS l "
                "JOIN recoveries AS r ON r.id = l.recovery_id WHERE l.kind = 'recovered' "
                "AND r.failed_at >= '2027-02-01' "
                "AND r.failed_at < '2027-03-01' ORDER BY l.id LIMIT 1"
            )
        ).one()
        now = house.clock.now()
        entry = {"id": "led_refund", "account_id": "self", "livemode": False, "kind": "refund"}
        entry |= {"amount": -100}
        entry |= {"source_id": "re_after", "recovery_id": row[0], "invoice_id": row[1], "currency": row[2]}
        connection.execute(insert(tables.ledger_entries).values(**entry, at=now, recorded_at=now))


def test_finance_closes_a_month_and_only_an_admin_opens_it_again(house: House) -> None:
    people = {role: TestClient(site_of(house, role=role), client=LOCAL, base_url=BASE) for role in Role}
    again = {"month": "2027-02", "why": "A refund was told late"}

    def asked(role: Role, act: str, told: dict[str, str]) -> int:
        address = f"/reports/months/{act}"
        return people[role].post(address, data=told, headers=ORIGIN, follow_redirects=False).status_code

    assert [asked(role, "close", {"month": "2027-02"}) for role in Role] == [403, 403, 303, 303]
    assert [asked(role, "reopen", again) for role in Role] == [403, 403, 403, 303]
    with house.store.read() as connection:
        entries = audit.page(connection, q="month.")
    assert [(entry["action"], entry["object"]) for entry in entries] == [
        ("month.reopen", "2027-02"),
        ("month.close", "2027-02"),
    ]
    assert "A refund was told late" in str(entries[0]["after"])


def test_a_table_shows_no_column_of_noughts_and_its_rates_first(browser: TestClient) -> None:
    page = browser.get("/reports/cuts?subject=attempts&by=hour&from=2027-01-01&to=2027-04-01").text
    heads = re.findall(r'<th scope="col" class="number">([^<]+)<', page)
    assert heads[0] == "Success rate"
    assert "Not sent" not in heads
    assert "Paid amount" in heads


def test_tries_after_a_stop_stand_beside_their_published_fee(house: House, browser: TestClient) -> None:
    stop = {"brand": "mastercard", "fingerprint": "fp_a", "network_advice_code": "03", "state": "declined"}
    answered = tables.attempts.c.state == "declined"
    with house.store.write() as connection:
        connection.execute(update(tables.attempts).where(answered).values(stop))
    asked = "subject=attempts&by=brand&from=2027-01-01&to=2027-04-01"
    page = browser.get(f"/reports/cuts?{asked}").text
    lines = browser.get(f"/api/v1/reports/cuts?{asked}").json()["totals"]
    count = sum(line["after_stop"] for line in lines)
    assert count > 0
    told = page.partition('id="network-fees"')[2].partition("</section>")[0]
    assert f'<td class="number">{count}</td><td class="number">${3 * count / 100:.2f}</td>' in told
    assert "after the advice 03 or 21" in told
    assert "beyond its budget" not in told


def test_tries_beyond_a_budget_stand_beside_their_published_fee(house: House, browser: TestClient) -> None:
    own = tables.attempts.c
    with house.store.write() as connection:
        query = select(tables.attempts).where(own.state == "declined").order_by(own.id).limit(1)
        given = dict(connection.execute(query).mappings().one())
        given |= {"brand": "visa", "fingerprint": "fp_often", "made_by": "merchant", "ordinal": None}
        for number in range(17):
            more = {"id": f"att_more{number}", "charge_id": f"ch_more{number}", "idempotency_key": None}
            connection.execute(insert(tables.attempts).values(**{**given, **more}))
    asked = "subject=attempts&by=brand&from=2027-01-01&to=2027-04-01"
    lines = browser.get(f"/api/v1/reports/cuts?{asked}").json()["totals"]
    assert sum(line["beyond_budget"] for line in lines) == 2
    page = browser.get(f"/reports/cuts?{asked}").text
    told = page.partition('id="network-fees"')[2].partition("</section>")[0]
    assert '<td>beyond its budget</td><td class="number">2</td><td class="number">$0.20</td>' in told
