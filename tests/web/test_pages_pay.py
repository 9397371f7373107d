"""The page a customer sees behind the link of a message."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from browser.house import MintingStripe, furnish, site_of
from browser.seed import NOW
from sqlalchemy import select, update
from starlette.testclient import TestClient

from dunning.core.vocabulary import Status
from dunning.flows import staff
from dunning.flows.house import House
from dunning.store import tables
from dunning.web.static_files import ASSETS


@dataclass
class Phone:
    """A customer's phone, somewhere else in the world, with the link of a message."""

    house: House
    browser: TestClient
    recovery_id: str
    path: str

    def set(self, **values: object) -> None:
        own = tables.recoveries.c.id == self.recovery_id
        with self.house.store.write() as connection:
            connection.execute(update(tables.recoveries).where(own).values(**values))

    @property
    def stripe(self) -> MintingStripe:
        assert isinstance(self.house.stripe, MintingStripe)
        return self.house.stripe


@pytest.fixture
def phone(sqlite_url: str) -> Iterator[Phone]:
    house, _ = furnish(sqlite_url)
    column = tables.recoveries.c
    waiting = column.status == "waiting"
    with house.store.write() as connection:
        query = select(column.id).where(waiting, column.decline_code == "lost_card").limit(1)
        recovery_id = connection.execute(query).scalar_one()
    link = staff.link(house, recovery_id, by="test")
    browser = TestClient(site_of(house), client=("203.0.113.9", 1), base_url="https://pay.juniper.example")
    yield Phone(house, browser, recovery_id, link[link.index("/pay/") :])
    house.store.engine.dispose()


def test_an_open_page_says_what_is_owed_for_what_and_has_one_button(phone: Phone) -> None:
    page = phone.browser.get(phone.path).text
    assert "Your payment did not go through" in page
    assert re.search(r"[$€]\d+\.00", page)
    assert page.count("<button>") == 1
    assert "Update payment method" in page
    assert "Simulation" in page


def test_the_customer_is_never_told_that_a_card_is_lost_or_stolen(phone: Phone) -> None:
    page = phone.browser.get(phone.path).text.lower()
    assert not [word for word in ("lost", "stolen", "fraud") if word in page]


def test_the_page_fits_a_slow_phone_and_runs_no_script(phone: Phone) -> None:
    page = phone.browser.get(phone.path)
    assert len(page.content) + len(ASSETS["pay.css"].content) < 30_000
    assert "<script" not in page.text
    assert "/static/" in page.text


def test_looking_changes_nothing(phone: Phone) -> None:
    for _ in range(3):
        phone.browser.get(phone.path)
    with phone.house.store.read() as connection:
        assert set(connection.execute(select(tables.links.c.used_at)).scalars()) == {None}
    assert phone.stripe.minted == []


def test_the_button_leads_to_stripe_any_number_of_times(phone: Phone) -> None:
    for _ in range(2):
        answer = phone.browser.post(phone.path, follow_redirects=False)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("https://billing.stripe.com/session/cus_")
    assert len(phone.stripe.minted) == 2


def test_a_link_opens_nothing_of_another_customer(phone: Phone) -> None:
    column = tables.recoveries.c
    own = select(column.customer_id).where(column.id == phone.recovery_id)
    others = select(column.id, column.customer_id).where(column.customer_id.not_in(own))
    with phone.house.store.read() as connection:
        mine = connection.execute(own).scalar_one()
        theirs = connection.execute(others.order_by(column.id).limit(1)).one()
    for asked in (theirs.id, "rec_nobody"):
        answer = phone.browser.post(phone.path, data={"recovery": asked}, follow_redirects=False)
        assert answer.headers["location"].endswith(f"/session/{mine}")


def test_when_stripe_is_down_the_customer_may_try_again(phone: Phone) -> None:
    phone.stripe.down = True
    answer = phone.browser.post(phone.path)
    assert answer.status_code == 503
    assert "Nothing was charged" in answer.text


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"status": Status.RECOVERED, "reason": "our_retry", "closed_at": NOW}, "This is paid. Thank you!"),
        ({"status": Status.STOPPED, "closed_reason": "voided", "closed_at": NOW}, "Nothing to pay here"),
    ],
)
def test_a_closed_page_says_so_and_mints_nothing(phone: Phone, values: dict[str, object], says: str) -> None:
    phone.set(**values)
    for answer in (phone.browser.get(phone.path), phone.browser.post(phone.path)):
        assert answer.status_code == 200
        assert says in answer.text
        assert "<button" not in answer.text
    assert phone.stripe.minted == []


def test_an_expired_link_says_so(phone: Phone) -> None:
    with phone.house.store.write() as connection:
        connection.execute(update(tables.links).values(expires_at=NOW - timedelta(days=1)))
    assert "This link has expired" in phone.browser.get(phone.path).text
    assert phone.browser.post(phone.path, follow_redirects=False).status_code == 200


@pytest.mark.parametrize("token", ["nobody", "lnk_1.forged", "é", "a" * 3000])
def test_a_link_that_was_never_made_is_unknown(phone: Phone, token: str) -> None:
    for answer in (phone.browser.get(f"/pay/{token}"), phone.browser.post(f"/pay/{token}")):
        assert answer.status_code == 404
        assert "We do not know this link" in answer.text


def test_a_needed_confirmation_is_asked_for_by_name(phone: Phone) -> None:
    phone.set(decline_class="needs_authentication")
    assert "Confirm the payment" in phone.browser.get(phone.path).text


def test_the_return_page_waits_for_the_bank_and_then_says_paid(phone: Phone) -> None:
    waiting = phone.browser.get(f"{phone.path}/done")
    assert "waiting for the bank" in waiting.text
    assert waiting.headers["refresh"]
    phone.set(status=Status.RECOVERED, reason="our_retry", closed_at=NOW)
    paid = phone.browser.get(f"{phone.path}/done")
    assert "This is paid" in paid.text
    assert "refresh" not in paid.headers
