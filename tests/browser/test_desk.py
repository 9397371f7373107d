"""The desk in a real Chromium: a morning by keyboard alone, and what axe says of its pages."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.house import MintingStripe
from browser.test_screens import SHOTS, TOO_WIDE, Served, served, simulated_stripe, window
from sqlalchemy import select

from dunning.core.clock import VirtualClock
from dunning.core.triage import Place
from dunning.core.vocabulary import BulkAction
from dunning.flows import bulk, desk
from dunning.store import queue, tables
from dunning.store.queue_filter import Sort, Tab, Wanted

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["served", "simulated_stripe"]
pytestmark = pytest.mark.browser

WIDTHS = (320, 768, 1440)
WHY = "asks for a copy of the bill"


def open_ones(served: Served) -> list[str]:
    wanted = Wanted(livemode=False, tab=Tab.OPEN, sort=Sort.NEWEST)
    with served.house.store.read() as connection:
        return [row["id"] for row in queue.page(connection, wanted, now=served.house.clock.now()).rows]


def places(served: Served) -> dict[str, str]:
    query = select(tables.queue_items.c.recovery_id, tables.queue_items.c.place)
    with served.house.store.read() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def test_a_morning_at_the_desk_by_keyboard_alone(served: Served, browser_page: "Page") -> None:
    page, keys = browser_page, browser_page.keyboard
    ten = open_ones(served)[:10]
    triage(served, page, ten)
    assert [places(served)[one] for one in ten[::2]] == [Place.SNOOZED] * 5

    clock = served.house.clock
    assert isinstance(clock, VirtualClock)
    clock.advance_to(clock.now() + timedelta(days=8))
    for one in ten[::2]:
        desk.place_again(served.house, one)
    assert Place.SNOOZED not in [places(served)[one] for one in ten[::2]]  # a snooze comes back

    page.goto(f"{served.address}/recoveries?tab=open&sort=newest")
    keys.press("Shift+X")
    keys.press("r")
    page.wait_for_url("**/recoveries/bulk/*")
    told = page.locator("h1").inner_text()
    assert "skipped" in told
    assert page.locator("td", has_text="Skipped.").count() > 0
    keys.press("Enter")  # the button that goes is the one in focus
    page.get_by_role("status").filter(has_text="It has begun").wait_for()
    bulk.go_on(served.house, page.url.rpartition("/")[2])
    page.reload()
    assert "done" in page.locator("h1").inner_text()

    page.goto(f"{served.address}/settings")
    page.get_by_label("Reason").first.fill("Wrong price was billed")
    page.get_by_role("button", name="Pause everything").click()
    page.goto(f"{served.address}/recoveries")
    assert page.get_by_text("Everything is paused: Wrong price was billed").is_visible()


def triage(served: Served, page: "Page", ten: list[str]) -> None:
    """Look at ten recoveries one after the other: every second one is snoozed, the rest are taken."""
    keys = page.keyboard
    page.goto(f"{served.address}/recoveries?tab=open&sort=newest")
    for number, one in enumerate(ten):
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url(f"**/recoveries/{one}")
        if number == 0:
            keys.press("?")
            assert page.get_by_role("dialog").is_visible()
            keys.press("Escape")
        keys.press("a" if number % 2 else "s")
        if number % 2 == 0:
            keys.press("Enter")  # the day is fine; the form asks for what is missing
            keys.type(WHY)
        keys.press("Enter")
        said = "Given to admin@" if number % 2 else f"Snoozed until .*{WHY}"
        page.locator(".notice.said", has_text=said.split(" .*", maxsplit=1)[0]).wait_for()
        keys.press("q")
        page.wait_for_url("**/recoveries?tab=open&sort=newest")


def test_a_link_is_copied_for_a_customer(served: Served, browser_page: "Page") -> None:
    assert isinstance(served.house.stripe, MintingStripe)
    browser_page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    browser_page.goto(f"{served.address}/recoveries/{served.with_status('waiting', 'lost_card')}")
    browser_page.keyboard.press("l")
    browser_page.get_by_role("button", name="Copy", exact=True).click()
    copied = browser_page.evaluate("navigator.clipboard.readText()")
    browser_page.goto(f"{served.address}{copied[copied.index('/pay/') :]}")
    assert browser_page.get_by_role("button").first.is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_desk_and_it_fits_every_screen(
    browser: "Browser", served: Served, scheme: str
) -> None:
    ids = open_ones(served)
    desk.assign(served.house, ids[0], to="ada@example.com", by="ada")
    run_id = bulk.show(served.house, BulkAction.RETRY, {}, ids[:12], by="ada")
    paths = {
        "desk-queue": "/recoveries?tab=open&currency=usd",
        "desk-recovery": f"/recoveries/{ids[0]}",
        "desk-bulk": f"/recoveries/bulk/{run_id}",
        "desk-overview": "/",
    }
    SHOTS.mkdir(exist_ok=True)
    with window(browser, viewport={"width": 1440, "height": 900}, color_scheme=scheme) as page:
        for name, path in paths.items():
            page.goto(f"{served.address}{path}")
            for summary in page.locator(".chips summary, .actions summary").all():
                summary.click()
            found = Axe().run(page)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
                assert page.evaluate(TOO_WIDE) <= 0, f"{name} scrolls sideways at {width}"
            page.set_viewport_size({"width": 1440, "height": 900})


def test_a_bulk_action_that_lacks_a_word_keeps_what_was_chosen(served: Served, browser_page: "Page") -> None:
    page = browser_page
    page.goto(f"{served.address}/recoveries?tab=open&sort=newest")
    chosen = page.locator("td.pick input")
    chosen.first.check()
    page.locator("#action").select_option("snooze")
    go = page.get_by_role("button", name="Show what it will do")
    go.click()
    assert page.locator("[name=until]:invalid").count() == 1
    assert chosen.first.is_checked()
    page.locator("#action").select_option("assign")
    page.locator("#bulkbar [name=to]").fill("")  # to nobody gives back
    go.click()
    page.wait_for_url("**/recoveries/bulk/*")
