"""Links, sessions and API tokens through the site itself: what was made up or is over opens nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

import pytest
from browser.house import MintingStripe, front_of, furnish
from browser.seed import NOW
from hostile.draws import many, seeds
from hostile.test_at_the_doors import forged
from signed_in import COOKIE, open_session
from sqlalchemy import Table, select, update
from starlette.testclient import TestClient

from dunning.flows import staff, tokens
from dunning.flows.house import House
from dunning.store import tables

PAGES = ("/", "/reports", "/settings", "/recoveries", "/account")
API = ("/api/v1/recoveries", "/api/v1/audit", "/metrics")
OVER = NOW - timedelta(days=400)  # a session and a token are judged by the machine's own clock
REPEATED = 1000  # of the examples that are only read, so many as are asked here


@dataclass(frozen=True)
class Stranger:
    """A browser of somebody who was never let in, and the keys that others hold."""

    house: House
    browser: TestClient
    link: str
    session: str
    token: str

    @property
    def minted(self) -> int:
        assert isinstance(self.house.stripe, MintingStripe)
        return len(self.house.stripe.minted)

    def press(self, link: str) -> int:
        """Press the button behind a link; return the status."""
        return self.browser.post(f"/pay/{quote(link, safe='')}").status_code

    def look(self, path: str, session: str) -> int:
        """Look at a page with a session's cookie."""
        return self.browser.get(path, headers={"Cookie": f"__Host-{COOKIE}={quote(session)}"}).status_code

    def ask(self, path: str, token: str) -> int:
        """Ask the API with a token."""
        return self.browser.get(
            path, headers={"Authorization": b"Bearer " + token.encode("utf-8", "replace")}
        ).status_code

    def end(self, table: Table, column: str = "expires_at") -> None:
        """Let everything in a table be over for long."""
        with self.house.store.write() as connection:
            connection.execute(update(table).values({column: OVER}))


@pytest.fixture
def stranger(sqlite_url: str) -> Iterator[Stranger]:
    house, _ = furnish(sqlite_url, recoveries=30)
    own = tables.recoveries.c
    with house.store.read() as connection:
        query = select(own.id).where(own.status == "waiting", own.decline_code == "lost_card").limit(1)
        recovery_id = connection.execute(query).scalar_one()
    link = staff.link(house, recovery_id, by="test").rpartition("/")[2]
    session = open_session(house, secret="dun.pdOuiV4v8Hg_AnWQ7oeAbH8RuRPXjQHTXwaBSnjrzis")
    _, token = tokens.create(house, name="test", scopes=["admin"], by="test")
    browser = TestClient(front_of(house), base_url="https://pay.juniper.example", follow_redirects=False)
    yield Stranger(house, browser, link, session, token)
    house.store.engine.dispose()


def test_no_link_that_was_made_up_leads_to_a_card_form(stranger: Stranger) -> None:
    assert stranger.press(stranger.link) == 303
    assert stranger.minted == 1
    for chance in seeds(many(150, REPEATED), "pressed"):
        link = forged(chance, stranger.link)
        if link != stranger.link:
            assert 400 <= stranger.press(link) < 500, link
    assert stranger.minted == 1


def test_a_link_that_has_expired_leads_nowhere(stranger: Stranger) -> None:
    stranger.end(tables.links)
    stranger.press(stranger.link)
    assert stranger.minted == 0


def test_no_session_that_was_made_up_or_is_over_shows_a_page(stranger: Stranger) -> None:
    assert stranger.look("/recoveries", stranger.session) == 200
    for chance in seeds(many(150, REPEATED), "looked"):
        session = forged(chance, stranger.session)
        if session != stranger.session:
            assert stranger.look(chance.choice(PAGES), session) == 303, session
    stranger.end(tables.sessions, "created_at")
    assert {stranger.look(page, stranger.session) for page in PAGES} == {303}


def test_no_token_that_was_made_up_or_is_over_opens_the_api(stranger: Stranger) -> None:
    assert stranger.ask("/api/v1/recoveries", stranger.token) == 200
    for chance in seeds(many(150, REPEATED), "asked"):
        token = forged(chance, stranger.token)
        if token.strip() != stranger.token:
            assert stranger.ask(chance.choice(API), token) == 401, token
    stranger.end(tables.api_tokens)
    assert {stranger.ask(path, stranger.token) for path in API} == {401}
