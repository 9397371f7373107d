"""The customer's page in a real Chromium: without scripts, with a screen reader's eyes, by keyboard."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser.house import MintingStripe, deaf_receiver, furnish, site_of
from browser.seed import NOW
from browser.test_screens import TOO_WIDE, window
from scenarios.stage import Stage
from sqlalchemy import select, update

from dunning.core.links import make_token
from dunning.core.pay_page import TURNS
from dunning.flows import staff, wording
from dunning.flows.house import House
from dunning.store import tables
from dunning.web.server import WebServer, listen
from dunning.web.site import create_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SHOTS = Path(__file__).parent / "shots"
WIDTHS = (320, 1440)
EVERY_RULE = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
}


@contextmanager
def serving(site: Any) -> Iterator[str]:
    """Serve a site on a port of this machine, and say where."""
    listener = listen("127.0.0.1", 0)
    server = WebServer(site, listener)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


@dataclass
class States:
    """A site with a link in each state that the page knows."""

    house: House
    address: str

    def paths(self) -> dict[str, str]:
        """Return the path of a page in each state."""
        column = tables.recoveries.c
        query = select(column.id, column.customer_id).where(column.status.in_(["waiting", "scheduled"]))
        with self.house.store.read() as connection:
            waiting = connection.execute(query.order_by(column.status.desc(), column.id)).all()
        names = ("open", "confirm", "several", "paid", "expired", "too-many", "stopped", "under-way", "hand")
        links = {name: self._link(row.id) for name, row in zip(names, waiting, strict=False)}
        rows = dict(zip(names, waiting, strict=False))
        self._set(rows["confirm"].id, decline_class="needs_authentication")
        self._set(rows["stopped"].id, status="stopped", closed_reason="written_off", closed_at=NOW)
        self._set(rows["hand"].id, decline_code="invoice_overdue")
        self._is_processing(rows["under-way"].id)
        self._set(rows["paid"].id, status="recovered", reason="our_retry", closed_at=NOW)
        self._owes_more(rows["several"].id)
        self._set(rows["several"].id, decline_class="hard")
        with self.house.store.write() as connection:
            link = tables.links.c
            old = update(tables.links).where(link.recovery_id == rows["expired"].id)
            connection.execute(old.values(expires_at=NOW - timedelta(days=1)))
            spent = select(link.id).where(link.recovery_id == rows["too-many"].id)
            turns = {
                "id": connection.execute(spent).scalar_one(),
                "since": NOW,
                "turns": TURNS,
                "used_at": NOW,
            }
            connection.execute(tables.link_turns.insert().values(**turns))
        off = wording.unsubscribe_url(self.house, "ana@x.test")
        return links | {
            "done": f"{links['open']}/done?n=12",
            "unknown": "/pay/nobody",
            "ahead": self._ahead(rows["open"].customer_id),
            "notices": off[off.index("/pay/") :],
        }

    def card_comes(self) -> None:
        """Let the customer of the notice have another card."""
        card = {"id": "pm_new", "account_id": "self", "livemode": False, "type": "card", "added_at": NOW}
        with self.house.store.write() as connection:
            customer_id = connection.execute(select(tables.notices.c.customer_id)).scalar_one()
            connection.execute(tables.cards.insert().values(customer_id=customer_id, **card))

    def _ahead(self, customer_id: str) -> str:
        """Return the page of a notice: nothing has failed yet."""
        notice = {"id": "ntc_1", "account_id": "self", "livemode": False, "kind": "card_expiring"}
        notice |= {"about": "card_1", "customer_id": customer_id, "state": "sent", "sent_at": NOW}
        notice |= {"due_at": NOW, "renews_at": NOW + timedelta(days=9), "fence": 0}
        with self.house.store.write() as connection:
            connection.execute(tables.notices.insert().values(**notice))
        return f"/pay/{make_token('ntc_1', self.house.secret)}"

    def _is_processing(self, recovery_id: str) -> None:
        with self.house.store.write() as connection:
            column = tables.attempts.c
            newest = select(column.id).where(column.recovery_id == recovery_id).limit(1).scalar_subquery()
            connection.execute(update(tables.attempts).where(column.id == newest).values(state="processing"))

    def _link(self, recovery_id: str) -> str:
        url = staff.link(self.house, recovery_id, by="test")
        return url[url.index("/pay/") :]

    def _set(self, recovery_id: str, **values: Any) -> None:
        with self.house.store.write() as connection:
            own = tables.recoveries.c.id == recovery_id
            connection.execute(update(tables.recoveries).where(own).values(**values))

    def _owes_more(self, recovery_id: str) -> None:
        with self.house.store.write() as connection:
            query = select(tables.recoveries).where(tables.recoveries.c.id == recovery_id)
            row = dict(connection.execute(query).mappings().one())
            row |= {"id": "rec_more", "invoice_id": "in_more", "amount": 1_234_567, "currency": "eur"}
            connection.execute(tables.recoveries.insert().values(**row))


@pytest.fixture
def states(sqlite_url: str) -> Iterator[States]:
    house, _ = furnish(sqlite_url)
    assert isinstance(house.stripe, MintingStripe)
    with serving(site_of(house)) as address:
        yield States(house, address)
    house.store.engine.dispose()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_state_of_the_page_and_it_fits_the_smallest_phone(
    browser: "Browser", states: States, scheme: str
) -> None:
    SHOTS.mkdir(exist_ok=True)
    asked: list[str] = []
    with window(browser, viewport={"width": 320, "height": 640}, color_scheme=scheme) as page:
        page.on("request", lambda request: asked.append(request.url))
        for name, path in states.paths().items():
            language = "&lang=de" if "?" in path else "?lang=de"
            for width in WIDTHS if name in {"open", "several"} else WIDTHS[:1]:
                page.set_viewport_size({"width": width, "height": 800})
                page.goto(f"{states.address}{path}{language}")
                page.screenshot(path=SHOTS / f"customer-{name}-{width}-{scheme}.png", full_page=True)
                assert page.evaluate(TOO_WIDE) <= 0, f"{name} scrolls sideways at {width}"
            found = Axe().run(page, options=EVERY_RULE)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
    foreign = [url for url in asked if not url.startswith((states.address, "data:"))]
    assert foreign == [], "a customer's visit is nobody else's business"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_what_the_buttons_lead_to(
    browser: "Browser", states: States, scheme: str
) -> None:
    """A new card that has come, a new link that is on its way, and Stripe's page that does not answer."""
    paths = states.paths()
    states.card_comes()
    assert isinstance(states.house.stripe, MintingStripe)
    states.house.stripe.down = True
    with window(browser, viewport={"width": 320, "height": 640}, color_scheme=scheme) as page:
        for name, path, button, heading in (
            ("card-saved", paths["ahead"], None, "Thank you, your new card is saved"),
            ("new-link", paths["expired"], "Send me a new link", "Thank you"),
            ("later", paths["several"], "Update payment method", "The payment page does not answer"),
        ):
            page.goto(f"{states.address}{path}?lang=en")
            if button:
                page.get_by_role("button", name=button).click()
            page.get_by_role("heading", name=heading).wait_for()
            page.screenshot(path=SHOTS / f"customer-{name}-320-{scheme}.png", full_page=True)
            assert page.evaluate(TOO_WIDE) <= 0, f"{name} scrolls sideways"
            found = Axe().run(page, options=EVERY_RULE)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"


def test_the_page_is_used_by_keyboard_alone(browser: "Browser", states: States) -> None:
    with window(browser, viewport={"width": 320, "height": 640}) as page:
        page.goto(f"{states.address}{states.paths()['open']}")
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "document.activeElement.tagName + getComputedStyle(document.activeElement).outlineStyle"
        )
        assert focused == "BUTTONsolid"
        page.keyboard.press("Tab")
        for _ in range(5):
            if page.evaluate("document.activeElement.lang") == "fr":
                break
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Votre paiement").wait_for()


@pytest.fixture
def shop(quick_stage: Stage) -> Iterator[str]:
    """The site of the stage, where its links lead."""
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = quick_stage.house.settings.model_copy(update={"public_url": address})
    quick_stage.house = replace(quick_stage.house, settings=settings)
    server = WebServer(create_site(quick_stage.house, deaf_receiver), listener)
    server.start()
    yield address
    server.stop()


def test_without_scripts_a_card_is_updated_at_stripe_and_all_that_is_owed_is_paid(
    browser: "Browser", quick_stage: Stage, shop: str
) -> None:
    """From the mail's link over Stripe's form and back; the page says paid once the webhook has come."""
    stage = quick_stage
    robin = stage.fails("lost_card", locale="fr")
    stage.pass_time(hours=10)
    text = stage.mails.sent[-1][1].text
    link = text[text.index(f"{shop}/pay/") :].split()[0].rstrip(".,)")
    with window(browser, java_script_enabled=False, viewport={"width": 320, "height": 640}) as page:
        page.goto(link)
        page.get_by_role("button", name="Modifier le moyen de paiement").click()
        page.wait_for_url(f"{stage.url}/portal/*")
        page.get_by_role("button", name="Save card").click()
        page.wait_for_url(f"{link}/done")
        assert page.get_by_text("Nous attendons la réponse de la banque.").is_visible()
        stage.settle()
        page.reload()
        assert page.get_by_role("heading", name="C’est payé. Merci").is_visible()
    assert stage.invoice(robin)["status"] == "paid"
    assert stage.recovery(robin).reason == "customer_card_update"
