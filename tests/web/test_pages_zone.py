"""A person's own time zone: their pages tell times in it, and the change is entered."""

from collections.abc import Iterator

import pytest
from browser.house import BASE, StillDemo, front_of, furnish
from signed_in import signed_in
from sqlalchemy import select
from starlette.testclient import TestClient

from dunning.flows.house import House
from dunning.store import audit, tables


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made, _ = furnish(database_url, recoveries=30)
    yield made
    made.store.engine.dispose()


def test_a_person_reads_times_in_the_zone_that_they_chose(house: House) -> None:
    browser = TestClient(signed_in(front_of(house), house), base_url=BASE, follow_redirects=False)
    assert "Times are in UTC. Data as of Thu 18 Mar 09:20" in browser.get("/").text
    kept = browser.post(
        "/account/zone", data={"zone": "Asia/Tokyo"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert kept.status_code == 303
    page = browser.get("/account").text
    assert "Times are in Asia/Tokyo. Data as of Thu 18 Mar 18:20" in page
    assert 'value="Asia/Tokyo" maxlength' in page
    with house.store.read() as connection:
        newest = audit.page(connection, limit=1)[0]
        scheduled = select(tables.recoveries.c.id).where(tables.recoveries.c.status == "scheduled").limit(1)
        recovery_id = connection.execute(scheduled).scalar_one()
    assert (newest["action"], newest["after"]) == ("user.zone", '{"zone":"Asia/Tokyo"}')
    assert "in Berlin" in browser.get(f"/recoveries/{recovery_id}").text  # and the customer's own beside it
    browser.post("/account/zone", data={"zone": ""})
    assert "Times are in UTC." in browser.get("/").text


def test_a_zone_that_does_not_exist_is_refused(house: House) -> None:
    browser = TestClient(signed_in(front_of(house), house), base_url=BASE)
    assert (
        "There is no time zone Mars/Olympus"
        in browser.post("/account/zone", data={"zone": "Mars/Olympus"}).text
    )
    assert "Times are in UTC." in browser.get("/").text


def test_the_demos_own_admin_has_no_zone(house: House) -> None:
    browser = TestClient(front_of(house, StillDemo()), base_url=BASE, client=("127.0.0.1", 5000))
    answer = browser.post("/account/zone", data={"zone": "Asia/Tokyo"})
    assert "Only somebody with an account" in answer.text
