"""The pages in a real Chromium: on a desk and on a phone, light and dark; and with the script at work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.house import MintingStripe, StillDemo, furnish, site_of
from browser.seed import NOW
from flows.logged import keep_log
from sqlalchemy import select, update

from dunning.core.vocabulary import FitVerdict
from dunning.flows import card_rules, listening, staff
from dunning.flows.house import House
from dunning.flows.learn import learn
from dunning.store import fits, tables
from dunning.web.server import WebServer, listen

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
WIDTHS = (320, 768, 1440)
PHONE = {"width": 360, "height": 740}
PATIENCE_MS = 10_000
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
# Text against its nearest painted background, after WCAG 2: the ratio of every line of text on the page.
FAINT = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const channels = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (c) => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const part = c[i] / 255;
    return sum + weight * (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  }, 0);
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = channels(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const found = [];
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!own || !node.checkVisibility() || node.matches(":disabled, .far, .far *, svg *")) continue;
    const [a, b] = [light(channels(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(`${node.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return found;
}"""


@dataclass
class Served:
    """A site on a port of this machine."""

    house: House
    address: str

    def with_status(self, status: str, code: str | None = None) -> str:
        column = tables.recoveries.c
        query = select(column.id).where(column.status == status).order_by(column.id).limit(1)
        with self.house.store.read() as connection:
            wanted = query.where(column.decline_code == code) if code else query
            return str(connection.execute(wanted).scalar_one())

    def paths(self) -> dict[str, str]:
        report = "/reports/recovered-revenue"
        link = staff.link(self.house, self.with_status("waiting", "lost_card"), by="test")
        return {
            "overview": "/",
            "queue": "/recoveries?tab=open",
            "filters": "/recoveries?tab=open&decline_class=soft_funds&currency=usd",
            "recovery": f"/recoveries/{self.with_status('scheduled')}",
            "recovery-waiting": f"/recoveries/{self.with_status('waiting')}",
            "recovery-lost": f"/recoveries/{self.with_status('lost')}",
            "report": report,
            "cut": "/reports/cuts?by=hour",
            "cut-behind": "/reports/cuts/behind?figure=failed&by=all",
            "months": "/reports/months",
            "proof": "/reports/proof",
            "outlook": "/reports/outlook",
            "experiments": "/reports/experiments",
            "learned": "/reports/learned",
            "at-risk": "/reports/at-risk",
            "payments": f"{report}/payments?figure=recovered&currency=usd",
            "settings": "/settings",
            "card-rules": "/settings/card-rules?code=do_not_honor",
            "webhooks": "/settings/webhooks",
            "installation": "/settings/installation",
            "origins": "/settings/origins",
            "people": "/settings/people",
            "tokens": "/settings/tokens",
            "audit": "/settings/audit",
            "account": "/account",
            "health": "/settings/health",
            "personal-data": "/settings/data",
            "jobs": "/settings/jobs",
            "contacts": f"/recoveries/{self.with_status('waiting')}/contacts",
            "campaigns": "/campaigns",
            "messages": "/messages?tab=sent",
            "texts": "/messages/texts",
            "text": "/messages/texts/payment_failed?language=de&sample=long+name&scheme=dark",
            "look": "/messages/look",
            "left-alone": "/messages/suppressed",
            "campaign": "/campaigns/standard",
            "draft": "/campaigns/standard/draft",
            "tasks": "/tasks",
            "pay": link[link.index("/pay/") :],
        }


def give_history(house: House) -> None:
    """Keep an experiment, a listener, and a fit that was accepted and one that was not."""
    listening.add(house, "mailto:ops@juniper.example", by="test")
    keep_log(house, 600)
    learn(house)
    with house.store.write() as connection:
        bins = [{"tries": 60, "predicted": share / 10, "paid": share * 6 - 2} for share in range(1, 8)]
        figures = {"calibration": {"soft_funds": bins}, "sentence": "It foretold less well."}
        fits.add(connection, b"", cases=660, verdict=FitVerdict.REFUSED, figures=figures, now=NOW)


class CardForm(BaseHTTPRequestHandler):
    """The page of a simulated Stripe that a customer is sent to."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"The card form")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def simulated_stripe() -> Iterator[str]:
    """The origin that the settings of the house name as the simulated Stripe's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), CardForm) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def served(sqlite_url: str, simulated_stripe: str) -> Iterator[Served]:
    """The site as `dunning web` serves it: it stops within seconds, whatever connections a browser keeps."""
    house, _ = furnish(sqlite_url, stripe_at=simulated_stripe)
    server = WebServer(site_of(house, StillDemo()), listen("127.0.0.1", 0))
    server.start()
    assert server.alive
    yield Served(house, f"http://127.0.0.1:{server.port}")
    server.stop()
    house.store.engine.dispose()
    assert not server.alive, "the site did not stop"


@contextmanager
def window(browser: "Browser", **options: Any) -> "Iterator[Page]":
    """A page of its own, closed before the site stops, however the test ends."""
    with browser.new_context(**options) as context:
        context.set_default_timeout(PATIENCE_MS)
        yield context.new_page()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_its_screen_and_can_be_read(browser: "Browser", served: Served, scheme: str) -> None:
    give_history(served.house)
    refused: list[str] = []
    SHOTS.mkdir(exist_ok=True)
    card_rules.set_row(served.house, "do_not_honor", {"class": "soft_funds", "retries": 3}, by="test")
    with window(browser, color_scheme=scheme) as page:
        page.on("console", lambda message: refused.append(message.text))
        for name, path in served.paths().items():
            page.goto(f"{served.address}{path}")
            for width in WIDTHS:
                page.set_viewport_size({"width": width, "height": 900})
                page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
                assert page.evaluate(TOO_WIDE) <= 0, f"{name} scrolls sideways at {width}"
            assert page.evaluate(FAINT) == [], f"{name} has text that is hard to read"
            found = Axe().run(page)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    assert refused == [], "the policy of the page refused these"


def test_the_queue_leads_to_a_recovery_and_its_reasons(served: Served, browser_page: "Page") -> None:
    browser_page.goto(f"{served.address}/recoveries?tab=open&status=scheduled")
    browser_page.locator(".queue tbody tr").first.click()
    browser_page.locator("summary", has_text="Why this time?").click()
    assert browser_page.get_by_text("Chance that it pays").is_visible()


def test_the_button_of_a_message_as_sent_opens_the_customers_page(
    served: Served, browser_page: "Page"
) -> None:
    browser_page.goto(f"{served.address}/recoveries?tab=closed")
    browser_page.locator(".queue tbody tr").first.click()
    browser_page.get_by_role("link", name="View as sent").first.click()
    button = browser_page.frame_locator("iframe.mail").get_by_role("link", name="Use another card")
    with browser_page.context.expect_page() as opened:
        button.click()
    opened.value.wait_for_url(f"{served.address}/pay/somewhere")


def test_staff_pause_a_recovery_with_the_form(served: Served, browser_page: "Page") -> None:
    browser_page.goto(f"{served.address}/recoveries/{served.with_status('waiting')}")
    browser_page.locator("summary", has_text="Pause").click()
    browser_page.get_by_label("Why").fill("Promised to pay on Friday")
    browser_page.locator(".menu button", has_text="Pause").click()
    assert browser_page.get_by_role("status").filter(has_text="Paused until").is_visible()


def test_a_page_refreshes_itself_without_being_touched(served: Served, browser_page: "Page") -> None:
    browser_page.goto(f"{served.address}/recoveries")
    with served.house.store.write() as connection:
        connection.execute(update(tables.customers).values(name="Grace Hopper"))
    browser_page.locator(".queue a", has_text="Grace Hopper").first.wait_for(timeout=8000)


def test_a_customer_without_scripts_is_led_across_to_stripe(
    browser: "Browser", served: Served, simulated_stripe: str
) -> None:
    """Chromium holds the policy's form-action against the redirect that follows the button."""
    assert isinstance(served.house.stripe, MintingStripe)
    served.house.stripe.pages = simulated_stripe
    with window(browser, java_script_enabled=False, viewport=PHONE) as page:
        page.goto(f"{served.address}{served.paths()['pay']}")
        page.get_by_role("button").click()
        page.wait_for_url(f"{simulated_stripe}/session/cus_*")
        assert page.get_by_text("The card form").is_visible()


def test_a_bar_of_the_chart_tells_its_figures(served: Served, browser_page: "Page") -> None:
    browser_page.goto(f"{served.address}/reports/recovered-revenue")
    chart = browser_page.locator("[data-chart]").first
    chart.locator(".slot").nth(3).hover(force=True)
    assert "failed $" in chart.locator("[data-readout]").inner_text()
