"""The report on what may fail next month, and its switch."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from browser.house import LOCAL, furnish, site_of
from browser.seed import NOW
from sqlalchemy import select
from starlette.testclient import TestClient

from dunning.core.billing import Card, Whose
from dunning.core.renewals import Renewal, Risk
from dunning.flows import renewing
from dunning.flows.house import House
from dunning.store import renewals, switches, tables

OURS = Whose()


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    made, _ = furnish(sqlite_url, recoveries=30)
    yield made
    made.store.engine.dispose()


@pytest.fixture
def browser(house: House) -> TestClient:
    return TestClient(site_of(house), client=LOCAL, base_url="http://127.0.0.1")


def keep(house: House, *found: tuple[Renewal, Risk | None]) -> None:
    with house.store.write() as connection:
        renewals.keep_page(connection, OURS, found, NOW)


def renewal(number: int, days: int, amount: int | None = 4900, currency: str = "eur") -> Renewal:
    with_card = Card(f"pm_{number}", customer=f"cus_{number}")
    return Renewal(
        f"sub_{number}", f"cus_{number}", NOW + timedelta(days=days), currency, amount, "Pro", with_card
    )


def test_before_anything_was_read_the_page_says_how_to(browser: TestClient) -> None:
    page = browser.get("/reports/at-risk").text
    assert "No renewal has been read yet" in page
    assert "Nobody is written to before a failure" in page


def test_the_page_sums_per_currency_and_gives_each_reason(house: House, browser: TestClient) -> None:
    keep(
        house,
        (renewal(1, 3), Risk.CARD_EXPIRES),
        (renewal(2, 9), Risk.CARD_FAILED),
        (renewal(3, 9), None),
        (renewal(4, 30, None), Risk.NO_CARD),
        (renewal(5, 12, 900, "usd"), Risk.FAILED_BEFORE),
        (renewal(6, 40), Risk.CARD_EXPIRES),
    )
    found = renewing.forecast(house)
    assert found.at_risk == {"eur": 9800, "usd": 900}
    assert found.coming == {"eur": (4, 14700), "usd": (1, 900)}
    assert [one.subscription for one in found.renewals] == ["sub_1", "sub_2", "sub_5", "sub_4"]
    page = browser.get("/reports/at-risk").text
    assert "€98.00" in page
    for reason in renewing.WORDS.values():
        assert reason.capitalize() in page


def test_what_a_later_reading_does_not_show_is_forgotten(house: House) -> None:
    keep(house, (renewal(1, 3), Risk.CARD_EXPIRES))
    with house.store.write() as connection:
        renewals.forget_unread(connection, OURS, NOW + timedelta(days=1))
    assert renewing.forecast(house).renewals == ()


def test_the_switch_for_notices_is_on_the_settings_page(house: House, browser: TestClient) -> None:
    assert "Switch notices on" in browser.get("/settings").text
    said = browser.post("/settings/notices", data={"notices": "on"}).text
    assert "Notices before a failure are on." in said
    with house.store.read() as connection:
        assert switches.read(connection).notices
        assert not connection.execute(select(tables.notices.c.id)).all()
