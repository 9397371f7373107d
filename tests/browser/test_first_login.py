"""The first login, in a real Chromium: set-up token, a second person by link, signing out; how doors look."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from browser.house import front_of, furnish, site_of
from browser.test_screens import FAINT, PATIENCE_MS, SHOTS, TOO_WIDE, WIDTHS
from signed_in import COOKIE, open_session
from sqlalchemy import select, update

from dunning.core.people import Role
from dunning.core.policy import Policy, PolicyVersion
from dunning.flows import giving_up, people, switches, tokens
from dunning.flows.house import House
from dunning.store import tables
from dunning.web.server import WebServer, listen

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

PASSWORD = "a sentence that is easy to remember"
LONG = "maria.hernandez.delacruz@subsidiary.juniper-coffee.example"


@contextmanager
def on_a_port(site: Any) -> Iterator[str]:
    server = WebServer(site, listen("127.0.0.1", 0))
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    found, _ = furnish(sqlite_url)
    yield found
    found.store.engine.dispose()


def test_the_first_account_is_made_with_the_token_and_adds_the_second(
    house: House, browser_page: "Page"
) -> None:
    page, token = browser_page, people.offer_setup(house) or ""
    with on_a_port(front_of(house)) as address:
        page.goto(f"{address}/recoveries")
        page.wait_for_url(f"{address}/setup")
        fields = {"Token from the console": "guessed", "Name": "Ana Ferreira", "Email": "ana@juniper.example"}
        for label, text in {**fields, "Password": PASSWORD}.items():
            page.get_by_label(label, exact=True).fill(text)
        page.get_by_role("button", name="Make the account").click()
        assert "not the token" in page.get_by_role("alert").inner_text()
        page.get_by_label("Token from the console").fill(token)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Make the account").click()
        page.wait_for_url(f"{address}/")
        assert page.get_by_role("link", name="Ana Ferreira", exact=True).is_visible()
        link = _add_bo(page, address)
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url(f"{address}/login")
        page.goto(f"{address}/join/{link.rpartition('/')[2]}")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Save and sign in").click()
        assert page.get_by_role("link", name="Bo Li", exact=True).is_visible()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.goto(f"{address}/recoveries?tab=closed")
        for label, text in {"Email": "bo@juniper.example", "Password": PASSWORD}.items():
            page.get_by_label(label).fill(text)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{address}/recoveries?tab=closed")


def _add_bo(page: "Page", address: str) -> str:
    page.goto(f"{address}/settings/people")
    page.get_by_label("Name").fill("Bo Li")
    page.get_by_label("Email").fill("bo@juniper.example")
    page.get_by_role("button", name="Add, and make a link").click()
    return page.get_by_label("Link").input_value()


def test_a_second_person_approves_a_large_write_off_and_signs_out(house: House, browser_page: "Page") -> None:
    page = browser_page
    with house.store.write() as connection:
        limit = PolicyVersion(Policy(second_approval_from=1)).dumps()
        connection.execute(update(tables.policies).values(definition=limit))
        open_one = select(tables.recoveries.c.id).where(tables.recoveries.c.status == "waiting").limit(1)
        recovery = connection.execute(open_one).scalar_one()
    giving_up.write_off(house, recovery, why="Bankrupt", by="ana@juniper.example")
    with on_a_port(front_of(house)) as address:
        page.context.add_cookies([{"name": COOKIE, "value": open_session(house), "url": address}])
        page.goto(f"{address}/recoveries/{recovery}")
        assert page.get_by_role("heading", name="ana@juniper.example asks to write this off").is_visible()
        giving_up.decide(house, recovery, approve=False, by="bo@juniper.example")  # somebody is faster
        page.get_by_role("button", name="Approve the write-off").click()
        assert "changed since you looked" in page.get_by_role("alert").inner_text()
        giving_up.write_off(house, recovery, why="Bankrupt", by="bo@juniper.example")
        page.reload()
        page.get_by_role("button", name="Approve the write-off").click()
        page.get_by_role("status").filter(has_text="Written off").wait_for()
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.wait_for_url(f"{address}/login")
        page.goto(f"{address}/recoveries/{recovery}")
        assert page.url.startswith(f"{address}/login?next=")


def fill(house: House) -> None:
    """People in every state, tokens, and changes to read about."""
    for email, name, role in (
        (LONG, "María Hernández", Role.FINANCE),
        ("bo@juniper.example", "Bo Li", Role.STAFF),
    ):
        people.add(house, email=email, name=name, role=role, by="admin@juniper.example")
    people.disable(house, "bo@juniper.example", by="admin@juniper.example")
    tokens.create(house, name="Nightly export", scopes=["read", "finance"], by="admin@juniper.example")
    token_id, _ = tokens.create(house, name="Old", scopes=["admin"], by="root (command line)", days=30)
    tokens.revoke(house, token_id, by="admin@juniper.example")
    switches.pause_all(house, "A wrong price was billed", by="admin@juniper.example")
    switches.resume_all(house, by="admin@juniper.example")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_door_fits_its_screen_and_can_be_read(browser: "Browser", house: House, scheme: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    refused: list[str] = []
    with browser.new_context(color_scheme=scheme) as context, on_a_port(front_of(house)) as before:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda message: refused.append(message.text))
        look(page, "setup", f"{before}/setup", scheme)
        with on_a_port(site_of(house)) as address:
            fill(house)
            link = people.reset_link(house, LONG, by="admin@juniper.example")
            paths = {"login": "login", "join": f"join/{link}", "account": "account"}
            paths |= {name: f"settings/{name}" for name in ("people", "tokens", "audit")}
            for name, path in paths.items():
                look(page, name, f"{address}/{path}", scheme)
    assert refused == [], "the policy of the page refused these"


def look(page: "Page", name: str, url: str, scheme: str) -> None:
    page.goto(url)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=SHOTS / f"door-{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate(TOO_WIDE) <= 0, f"{name} scrolls sideways at {width}"
    assert page.evaluate(FAINT) == [], f"{name} has text that is hard to read"
