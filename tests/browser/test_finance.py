"""Finance at work in a real Chromium: a report, its payments, a closed month, and what changed since."""

from typing import TYPE_CHECKING

import pytest
from browser.test_screens import Served, served, simulated_stripe
from web.test_pages_finance import refund

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
__all__ = ["served", "simulated_stripe"]


def test_a_month_is_read_opened_closed_and_adjusted(served: Served, browser_page: "Page") -> None:
    page = browser_page
    page.goto(f"{served.address}/reports/recovered-revenue?from=2027-02-01&to=2027-03-01")
    page.get_by_text("Cash", exact=True).click()
    page.get_by_role("button", name="Show").click()
    assert page.get_by_text("whenever the invoice failed.").first.is_visible()
    page.locator(".sums .recovered a").first.click()
    assert page.locator(".payments .ids").first.inner_text().startswith("in_")
    page.goto(f"{served.address}/reports/cuts?subject=attempts&by=hour")
    page.locator(".cut tbody td a").first.click()
    assert page.locator(".payments .ids").first.inner_text().startswith("in_")
    page.goto(f"{served.address}/reports/months")
    page.get_by_role("button", name="Close 2027-02").click()
    assert page.get_by_text("2027-02 is closed").is_visible()
    assert page.get_by_text("Nothing of a closed month has changed.").is_visible()
    refund(served.house)
    page.reload()
    assert page.locator("#adjustments td", has_text="Refunded").first.is_visible()
