"""The report's pages and files."""

import csv
import io
import re
from collections.abc import Iterator

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from sqlalchemy import update
from starlette.testclient import TestClient

from dunning.flows.export_csv import harmless
from dunning.store import tables

ROOT = "/reports/recovered-revenue"
PERIOD = "from=2027-01-01&to=2027-04-01"


@pytest.fixture
def browser(database_url: str) -> Iterator[TestClient]:
    house, _ = furnish(database_url)
    with house.store.write() as connection:
        connection.execute(update(tables.customers).values(name="=HYPERLINK(1)"))
    yield TestClient(site_of(house), client=LOCAL, base_url=BASE)
    house.store.engine.dispose()


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_the_csv_reads_back_to_what_the_api_says(browser: TestClient) -> None:
    answer = browser.get(f"{ROOT}.csv?{PERIOD}")
    assert answer.headers["content-disposition"].startswith("attachment; filename=")
    told = browser.get(f"/api/v1{ROOT}?{PERIOD}").json()["currencies"]
    assert {row["currency"]: int(row["recovered_minor"]) for row in table(answer.text)} == {
        code: figures["recovered"] for code, figures in told.items()
    }


def test_the_csv_of_the_payments_sums_to_the_figure(browser: TestClient) -> None:
    for basis in ("cohort", "cash"):
        told = browser.get(f"/api/v1{ROOT}?{PERIOD}&basis={basis}").json()["currencies"]["usd"]
        for figure in ("failed", "recovered", "lost", "stopped", "open", "refunded"):
            query = f"{PERIOD}&basis={basis}&figure={figure}&currency=usd"
            rows = table(browser.get(f"{ROOT}/payments.csv?{query}").text)
            assert sum(int(row["amount_minor"]) for row in rows) == told[figure]


def test_no_text_of_a_customer_becomes_a_formula(browser: TestClient) -> None:
    rows = table(browser.get(f"{ROOT}/payments.csv?{PERIOD}&figure=failed").text)
    assert {row["customer_name"] for row in rows} == {"'=HYPERLINK(1)"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(start: str) -> None:
    assert harmless(f"{start}1+1") == f"'{start}1+1"
    assert harmless(-5) == -5
    assert harmless("Zoë-Marie") == "Zoë-Marie"


def test_each_figure_opens_the_rows_that_sum_to_it(browser: TestClient) -> None:
    page = browser.get(f"{ROOT}?{PERIOD}").text
    links = re.findall(rf'href="({ROOT}/payments[^"]+)">([^<]+)<', page)
    assert len(links) > 10
    for address, figure in links:
        behind = browser.get(address.replace("&amp;", "&")).text
        assert "Total of" in behind
        assert f'<td class="number amount">{figure}</td>' in behind


def test_figures_have_their_definitions_and_their_time(browser: TestClient) -> None:
    page = browser.get(f"{ROOT}?{PERIOD}").text
    assert "at the amount that remained unpaid then" in page
    assert "Data as of Thu 18 Mar 09:20" in page
    cash = browser.get(f"{ROOT}?{PERIOD}&basis=cash").text
    assert "whenever they failed" in cash


def test_the_chart_has_a_title_a_description_and_a_table(browser: TestClient) -> None:
    page = browser.get(f"{ROOT}?{PERIOD}").text
    assert 'role="img" aria-labelledby="t-usd d-usd"' in page
    assert "The chart as a table" in page
    assert 'style="' not in page  # the policy of the page allows no inline style


def test_currencies_are_shown_apart(browser: TestClient) -> None:
    page = browser.get(f"{ROOT}?{PERIOD}").text
    assert page.index('id="c-usd"') < page.index('id="c-eur"')


@pytest.mark.parametrize(
    "query",
    [
        "from=2027-04-01&to=2027-01-01",
        "from=yesterday",
        "basis=both",
        "group_by=moon",
        "from=1990-01-01&to=2027-01-01&group_by=day",
    ],
)
def test_a_question_that_has_no_answer_is_refused(browser: TestClient, query: str) -> None:
    assert browser.get(f"{ROOT}?{query}").status_code == 422


@pytest.mark.parametrize("query", ["figure=net", "figure=x", "cursor=nonsense"])
def test_there_are_no_rows_behind_an_unknown_figure(browser: TestClient, query: str) -> None:
    assert browser.get(f"{ROOT}/payments?{query}").status_code == 422
