"""A whole day of billing staff in a real Chromium, on the database that a run of the demo left behind."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser.house import MintingStripe, front_of
from browser.test_desk import open_ones, places, triage
from browser.test_screens import Served
from sqlalchemy import select, update

from dunning.core.clock import VirtualClock
from dunning.core.policy import Policy, PolicyVersion
from dunning.core.triage import Place
from dunning.demo.headless import play
from dunning.demo.stage import START
from dunning.flows import bulk, desk, giving_up, people
from dunning.flows.guard import Guard
from dunning.flows.house import House
from dunning.resources import templates
from dunning.settings import Settings
from dunning.store import tables
from dunning.store.engine import open_store
from dunning.web.server import WebServer, listen

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.heavy]

DAYS, CUSTOMERS, SEED = 14, 340, 11
ME, OTHER = "admin@juniper.example", "bo@juniper.example"
PASSWORD = "a sentence that is easy to remember"


@pytest.fixture
def played(tmp_path: Path) -> Iterator[Served]:
    database = tmp_path / "demo.sqlite3"
    play(seed=SEED, days=DAYS, customers=CUSTOMERS, database=database)
    store, clock = open_store(f"sqlite:///{database}"), VirtualClock(START + timedelta(days=DAYS))
    named = (templates(), "Juniper Coffee", True)
    guard = Guard(store, clock)
    house = House(store, MintingStripe(), None, clock, Settings(), b"s" * 32, *named, guard=guard)  # type: ignore[arg-type]
    server = WebServer(front_of(house), listen("127.0.0.1", 0))
    server.start()
    yield Served(house, f"http://127.0.0.1:{server.port}")
    server.stop()
    store.engine.dispose()


def test_a_day_of_staff_on_the_data_of_the_demo(played: Served, browser_page: "Page") -> None:
    page = browser_page
    _first_login(played, page)
    ten = open_ones(played)[:10]
    assert len(ten) == 10
    triage(played, page, ten)
    _come_back(played, ten[::2])
    _retry_in_bulk(played, page)
    _use_a_link(played, page)
    _approve(played, page, ten[1])
    page.goto(f"{played.address}/settings")
    page.get_by_label("Reason").first.fill("Wrong price was billed")
    page.get_by_role("button", name="Pause everything").click()
    page.goto(f"{played.address}/recoveries")
    assert page.get_by_text("Everything is paused: Wrong price was billed").is_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(f"{played.address}/login")
    page.goto(f"{played.address}/recoveries")
    assert page.url.startswith(f"{played.address}/login")


def _first_login(served: Served, page: "Page") -> None:
    token = people.offer_setup(served.house) or ""
    page.goto(f"{served.address}/recoveries")
    page.wait_for_url(f"{served.address}/setup")
    fields = {"Token from the console": token, "Name": "Ana", "Email": ME, "Password": PASSWORD}
    for label, text in fields.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_role("button", name="Make the account").click()
    page.wait_for_url(f"{served.address}/")


def _come_back(served: Served, snoozed: list[str]) -> None:
    assert [places(served)[one] for one in snoozed] == [Place.SNOOZED] * len(snoozed)
    clock = served.house.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(clock.now() + timedelta(days=8))
    for one in snoozed:
        desk.place_again(served.house, one)
    assert Place.SNOOZED not in [places(served)[one] for one in snoozed]


def _retry_in_bulk(served: Served, page: "Page") -> None:
    page.goto(f"{served.address}/recoveries?tab=open&sort=newest")
    page.keyboard.press("Shift+X")
    page.keyboard.press("r")
    page.wait_for_url("**/recoveries/bulk/*")
    assert "skipped" in page.locator("h1").inner_text()
    page.keyboard.press("Enter")  # the button that goes is the one in focus
    page.get_by_role("status").filter(has_text="It has begun").wait_for()
    bulk.go_on(served.house, page.url.rpartition("/")[2])
    page.reload()
    assert "done" in page.locator("h1").inner_text()


def _use_a_link(served: Served, page: "Page") -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{served.address}/recoveries/{served.with_status('waiting')}")
    page.keyboard.press("l")
    page.get_by_role("button", name="Copy", exact=True).click()
    copied = page.evaluate("navigator.clipboard.readText()")
    page.goto(f"{served.address}{copied[copied.index('/pay/') :]}")
    assert page.get_by_role("button").first.is_visible()


def _approve(served: Served, page: "Page", recovery: str) -> None:
    limit = PolicyVersion(Policy(second_approval_from=1)).dumps()
    with served.house.store.write() as connection:
        connection.execute(update(tables.policies).values(definition=limit))
    giving_up.write_off(served.house, recovery, why="Bankrupt", by=OTHER)
    page.goto(f"{served.address}/recoveries/{recovery}")
    page.get_by_role("button", name="Approve the write-off").click()
    page.get_by_role("status").filter(has_text="Written off").wait_for()
    decided = select(tables.approvals.c.decided_by).where(tables.approvals.c.recovery_id == recovery)
    with served.house.store.read() as connection:
        assert connection.execute(decided).scalar_one() == ME
