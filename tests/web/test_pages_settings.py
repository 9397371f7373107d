"""The sections of the settings: who set what and when, and how the work stands."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from browser.house import BASE, LOCAL, StillDemo, furnish, site_of
from starlette.testclient import TestClient

from dunning.core.people import Right, Role
from dunning.flows import switches, tokens
from dunning.flows.house import House
from dunning.store import chores
from dunning.store.switches import put


@dataclass
class Desk:
    house: House

    def see(self, path: str, role: Role = Role.ADMIN) -> str:
        http = TestClient(site_of(self.house, StillDemo(), role), client=LOCAL, base_url=BASE)
        answer = http.get(path)
        assert answer.status_code == 200
        return answer.text

    def row(self, name: str) -> str:
        page = self.see("/settings/origins")
        found = page.partition(f'<th scope="row">{name}</th>')[2]
        assert found, name
        return found.partition("</tr>")[0]


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    house, _ = furnish(database_url, recoveries=5)
    yield Desk(house)
    house.store.engine.dispose()


def test_each_value_says_who_set_it_and_what_nobody_set_is_as_built_in(desk: Desk) -> None:
    assert "as built in" in desk.row("Kill switch")
    assert "as built in" in desk.row("Tokens")
    switches.pause_all(desk.house, "A wrong price", by="kim@juniper.example")
    tokens.create(desk.house, name="books", scopes=[Right.READ], by="ana@juniper.example")
    assert "set by kim@juniper.example" in desk.row("Kill switch")
    assert "Thu 18 Mar" in desk.row("Kill switch")
    assert "set by ana@juniper.example" in desk.row("Tokens")
    with desk.house.store.write() as connection:
        put(connection, "retries", "own", at=desk.house.clock.now(), by="first start")
    assert "the environment, at the first start" in desk.row("Who retries")


def test_health_tells_the_last_success_of_every_check(desk: Desk) -> None:
    page = desk.see("/settings/health")
    assert page.count('<tr><th scope="row">') >= 6
    assert "It answers, at this version" in page
    assert "No chore was taken up yet" in page
    with desk.house.store.write() as connection:
        put(
            connection,
            f"{chores.PREFIX}sweep",
            "2027-03-18T08:00:00+00:00",
            at=desk.house.clock.now(),
            by="clock",
        )
    page = desk.see("/settings/health")
    assert "<code>sweep</code>" in page
    assert "No chore was taken up yet" not in page


def test_a_section_that_a_person_may_not_open_is_not_offered(desk: Desk) -> None:
    def offered(role: Role) -> str:
        page = desk.see("/settings/health", role)
        return page.partition('class="tabs every sections"')[2].partition("</nav>")[0]

    assert 'href="/settings/people"' in offered(Role.ADMIN)
    assert 'href="/settings/people"' not in offered(Role.VIEWER)
    assert 'href="/settings/health" aria-current="page"' in offered(Role.VIEWER)
