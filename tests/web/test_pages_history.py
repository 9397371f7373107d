"""What the pages say of imported history, and of events that no webhook brought."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from sqlalchemy import update
from starlette.testclient import TestClient

from dunning.core.billing import Whose
from dunning.core.vocabulary import CLOSED
from dunning.flows.house import House
from dunning.store import gaps, inbox, tables
from dunning.store.gaps import Kind

ROOT = "/reports/recovered-revenue"
PERIOD = "from=2027-01-01&to=2027-04-01"


@dataclass
class Desk:
    """A house, and a browser in it."""

    house: House
    browser: TestClient

    def report(self, more: str = "") -> dict[str, Any]:
        told: dict[str, Any] = self.browser.get(f"/api/v1{ROOT}?{PERIOD}{more}").json()
        return told

    def make_history(self) -> None:
        """Let everything that is closed be imported."""
        closed = tables.recoveries.c.status.in_(CLOSED)
        with self.house.store.write() as connection:
            connection.execute(update(tables.recoveries).where(closed).values(import_id="imp_1"))


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    house, _ = furnish(database_url)
    yield Desk(house, TestClient(site_of(house), client=LOCAL, base_url=BASE))
    house.store.engine.dispose()


@pytest.mark.parametrize("basis", ["cohort", "cash"])
def test_imported_history_is_in_no_figure_but_its_own(desk: Desk, basis: str) -> None:
    more = f"&basis={basis}"
    whole = desk.report(more)
    assert whole["imported"]["currencies"] == {}
    desk.make_history()
    seen, alone = desk.report(more), desk.report(f"{more}&imported=true")
    assert all(figures["recovered"] == 0 for figures in seen["currencies"].values())
    assert alone["only_imported"] is True
    assert alone["imported"]["currencies"] == {}
    for code, figures in whole["currencies"].items():
        parts = (seen["currencies"].get(code, {}), seen["imported"]["currencies"].get(code, {}))
        for name, amount in figures.items():
            assert sum(part.get(name, 0) for part in parts) == amount
    assert {code: f for code, f in alone["currencies"].items() if any(f.values())} == {
        code: f for code, f in seen["imported"]["currencies"].items() if any(f.values())
    }


def test_the_report_page_shows_history_beside_the_figures_and_by_itself(desk: Desk) -> None:
    assert "Imported history" not in desk.browser.get(f"{ROOT}?{PERIOD}").text
    desk.make_history()
    page = desk.browser.get(f"{ROOT}?{PERIOD}").text
    assert "dunning recovered none of it" in page
    assert "imported=true" in page
    alone = desk.browser.get(f"{ROOT}?{PERIOD}&imported=true").text
    assert "Back to what dunning saw" in alone
    rows = desk.browser.get(f"{ROOT}/payments.csv?{PERIOD}&figure=recovered").text.splitlines()
    history = desk.browser.get(f"{ROOT}/payments.csv?{PERIOD}&figure=recovered&imported=true").text
    assert len(rows) == 1
    assert len(history.splitlines()) > 1


def test_the_front_page_claims_nothing_of_history(desk: Desk) -> None:
    desk.make_history()
    assert desk.browser.get("/").status_code == 200
    assert desk.report("&basis=cash")["currencies"] == {} or all(
        figures["recovered"] == 0 for figures in desk.report("&basis=cash")["currencies"].values()
    )


def test_settings_and_metrics_tell_what_no_webhook_brought(desk: Desk) -> None:
    assert "every event came by webhook" in desk.browser.get("/settings").text
    assert 'dunning_missed{kind="events"} 0.0' in desk.browser.get("/metrics").text
    now = desk.house.clock.now()
    with desk.house.store.write() as connection:
        span = {"since": now - timedelta(days=3), "until": now, "now": now}
        gaps.add(connection, Whose(), Kind.EVENTS, ["evt_1", "evt_2"], **span)
        gaps.add(connection, Whose(), Kind.OPENINGS, ["in_1"], **span)
        inbox.keep_reconciled(connection, now)
    page = desk.browser.get("/settings").text
    assert "2 events" in page
    assert "1 failed invoice<" in page
    assert "evt_1 evt_2" in page
    metrics = desk.browser.get("/metrics").text
    assert 'dunning_missed{kind="events"} 2.0' in metrics
    assert 'dunning_missed{kind="openings"} 1.0' in metrics
