"""The customer's page in its rarer states, in five languages, and under a mail scanner."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.house import furnish, site_of
from browser.seed import NOW
from sqlalchemy import select, update
from starlette.testclient import TestClient
from web.test_pages_pay import Phone

from dunning.core.pay_page import TURNS
from dunning.core.vocabulary import Status
from dunning.flows import staff
from dunning.store import tables
from dunning.web.static_files import ASSETS

HEADINGS = {
    "en": "Your payment did not go through",
    "fr": "Votre paiement n’a pas abouti",
    "it": "Il Suo pagamento non è andato a buon fine",
    "de": "Ihre Zahlung ist nicht gelungen",
    "es": "Su pago no se ha realizado",
}


@pytest.fixture
def phone(sqlite_url: str) -> Iterator[Phone]:
    """The link of a waiting recovery whose customer owes nothing else."""
    house, _ = furnish(sqlite_url, recoveries=30)
    column = tables.recoveries.c
    with house.store.read() as connection:
        query = (
            select(column.id).where(column.status == "waiting", column.decline_code == "lost_card").limit(1)
        )
        recovery_id = connection.execute(query).scalar_one()
    link = staff.link(house, recovery_id, by="test")
    browser = TestClient(site_of(house), client=("203.0.113.9", 1), base_url="https://pay.juniper.example")
    yield Phone(house, browser, recovery_id, link[link.index("/pay/") :])
    house.store.engine.dispose()


def of_customer(phone: Phone, **values: Any) -> None:
    """Change what is known of the customer behind the link."""
    row, column = one(phone), tables.customers.c
    with phone.house.store.write() as connection:
        connection.execute(update(tables.customers).where(column.id == row["customer_id"]).values(**values))


def one(phone: Phone) -> Any:
    query = select(tables.recoveries).where(tables.recoveries.c.id == phone.recovery_id)
    with phone.house.store.read() as connection:
        return connection.execute(query).mappings().one()


def owes_another(phone: Phone, **values: Any) -> str:
    """Let the customer owe one more invoice; returns its recovery."""
    row = dict(one(phone)) | {"id": "rec_another", "invoice_id": "in_another"} | values
    with phone.house.store.write() as connection:
        connection.execute(tables.recoveries.insert().values(**row))
    return "rec_another"


def dump(phone: Phone) -> dict[str, list[Any]]:
    """Return every row that money or mail could follow from."""
    watched = (
        "recoveries",
        "attempts",
        "messages",
        "ledger_entries",
        "errands",
        "notices",
        "notes",
        "events",
    )
    with phone.house.store.read() as connection:
        return {name: list(connection.execute(select(getattr(tables, name)))) for name in watched}


@pytest.mark.parametrize("language", list(HEADINGS))
def test_the_page_speaks_the_language_that_is_chosen_and_stays_small(phone: Phone, language: str) -> None:
    page = phone.browser.get(f"{phone.path}?lang={language}")
    assert HEADINGS[language] in page.text
    assert f'<html lang="{language}">' in page.text
    assert page.headers["content-language"] == language
    assert f'action="{phone.path}?lang={language}"' in page.text
    assert len(page.content) + len(ASSETS["pay.css"].content) < 30_000


def test_the_customers_own_language_comes_before_the_browsers(phone: Phone) -> None:
    asks = {"accept-language": "it-IT,it;q=0.9"}
    of_customer(phone, locale="fr-CA")
    assert HEADINGS["fr"] in phone.browser.get(phone.path, headers=asks).text
    of_customer(phone, locale=None)
    assert HEADINGS["it"] in phone.browser.get(phone.path, headers=asks).text
    assert HEADINGS["en"] in phone.browser.get(phone.path, headers={"accept-language": "fi"}).text
    assert HEADINGS["fr"] not in phone.browser.get("/pay/nobody", headers=asks).text
    assert "Non conosciamo questo link" in phone.browser.get("/pay/nobody", headers=asks).text


def test_the_page_shows_nothing_that_a_stranger_may_not_read(phone: Phone) -> None:
    row = one(phone)
    with phone.house.store.read() as connection:
        customer = (
            connection.execute(select(tables.customers).where(tables.customers.c.id == row["customer_id"]))
            .mappings()
            .one()
        )
        card = (
            connection.execute(select(tables.cards).where(tables.cards.c.id == row["card_id"]))
            .mappings()
            .one()
        )
    page = phone.browser.get(phone.path)
    secrets = [customer["email"], customer["name"], card["last4"], card["brand"], card["fingerprint"]]
    secrets += [row[name] for name in ("customer_id", "invoice_id", "subscription_id", "card_id")]
    shown = page.text.replace(phone.path, "") + str(dict(page.headers))
    assert [secret for secret in secrets if secret.lower() in shown.lower()] == []
    assert re.findall(r"https?://[^\s\"'<;]+", page.text) == []


def test_the_page_may_load_its_style_and_nothing_else_and_is_not_kept_or_found(phone: Phone) -> None:
    for answer in (phone.browser.get(phone.path), phone.browser.get("/pay/nobody")):
        headers = answer.headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src data:; form-action 'self'")
        assert "script" not in policy
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["x-frame-options"] == "DENY"


def test_a_link_that_is_pressed_too_often_asks_to_wait_and_works_again_after_an_hour(phone: Phone) -> None:
    for _ in range(TURNS):
        assert phone.browser.post(phone.path, follow_redirects=False).status_code == 303
    pressed, looked = phone.browser.post(phone.path), phone.browser.get(phone.path)
    assert (pressed.status_code, looked.status_code) == (429, 200)
    assert 0 < int(pressed.headers["retry-after"]) <= 3601
    for answer in (pressed, looked):
        assert "Please wait a little" in answer.text
        assert "<button" not in answer.text
    assert len(phone.stripe.minted) == TURNS
    phone.house.clock.advance_to(NOW + timedelta(hours=1))
    assert phone.browser.post(phone.path, follow_redirects=False).status_code == 303


def test_a_failure_at_stripe_does_not_lock_the_customer_out_of_the_page(phone: Phone) -> None:
    phone.stripe.down = True
    assert phone.browser.post(phone.path).status_code == 503
    phone.stripe.down = False
    assert phone.browser.post(phone.path, follow_redirects=False).status_code == 303


@pytest.mark.parametrize("rounds", [20, pytest.param(1000, marks=pytest.mark.heavy)])
def test_a_mail_scanner_changes_nothing_and_charges_nothing(phone: Phone, rounds: int) -> None:
    """It opens, heads and posts each link over and over, and each address that the page names."""
    before = dump(phone)
    paths = [
        phone.path,
        f"{phone.path}/done",
        f"{phone.path}/new-link",
        "/pay/lnk_1.forged",
        "/pay/nobody/new-link",
    ]
    for _ in range(rounds):
        for path in paths:
            for method in ("GET", "HEAD", "POST"):
                assert phone.browser.request(method, path, follow_redirects=False).status_code < 500
    assert dump(phone) == before
    assert len(phone.stripe.minted) <= TURNS


def test_a_head_is_answered_like_a_get_without_the_page(phone: Phone) -> None:
    answer = phone.browser.head(phone.path)
    assert (answer.status_code, answer.text) == (200, "")


def test_a_bank_debit_on_its_way_is_waited_for(phone: Phone) -> None:
    with phone.house.store.write() as connection:
        column = tables.attempts.c
        newest = select(column.id).where(column.recovery_id == phone.recovery_id).limit(1)
        attempt = connection.execute(newest).scalar_one()
        connection.execute(update(tables.attempts).where(column.id == attempt).values(state="processing"))
    page = phone.browser.get(phone.path)
    assert "Your payment is under way" in page.text
    assert phone.browser.post(phone.path, follow_redirects=False).status_code == 200
    assert phone.stripe.minted == []


def test_one_page_lists_all_that_is_owed_and_each_can_be_paid_alone(phone: Phone) -> None:
    another = owes_another(phone, amount=1234, currency="usd")
    page = phone.browser.get(phone.path).text
    assert "Open invoices" in page
    assert "$12.34" in page
    assert "With the new card we collect all of them" in page
    assert page.count(f'value="{another}"') == 1
    assert phone.browser.post(phone.path, follow_redirects=False).headers["location"].count("/session/") == 1
    hosted: list[str] = []

    def invoice(_whose: Any, invoice_id: str) -> Any:
        hosted.append(invoice_id)
        return type("Shown", (), {"hosted_url": "https://invoice.stripe.com/i/x"})()

    phone.stripe.invoice = invoice
    answer = phone.browser.post(phone.path, data={"recovery": another}, follow_redirects=False)
    assert answer.headers["location"] == "https://invoice.stripe.com/i/x"
    assert hosted == ["in_another"]


def test_a_page_opens_no_invoice_of_another_customer(phone: Phone) -> None:
    owes_another(phone, customer_id="cus_other")
    phone.browser.post(phone.path, data={"recovery": "rec_another"}, follow_redirects=False)
    assert len(phone.stripe.minted) == 1, "a foreign invoice is not one to choose: the page's own form helps"


def test_where_its_own_invoice_is_paid_the_page_goes_on_to_what_is_still_open(phone: Phone) -> None:
    owes_another(phone)
    phone.set(status=Status.RECOVERED, reason="our_retry", closed_at=NOW, next_attempt_at=None)
    page = phone.browser.get(phone.path).text
    assert "This is paid. Thank you!" in page
    assert "Still open" in page
    assert phone.browser.post(phone.path, follow_redirects=False).status_code == 303


def test_the_page_after_the_return_looks_again_a_dozen_times_and_then_leaves_it_to_the_customer(
    phone: Phone,
) -> None:
    first = phone.browser.get(f"{phone.path}/done?lang=fr")
    assert first.headers["refresh"] == f"5; url={phone.path}/done?n=2&lang=fr"
    last = phone.browser.get(f"{phone.path}/done?n=12")
    assert "refresh" not in last.headers
    assert "Look again" in last.text


def test_after_the_return_a_refusal_of_the_bank_is_said_with_another_try(phone: Phone) -> None:
    phone.browser.post(phone.path, follow_redirects=False)
    later = NOW + timedelta(minutes=1)
    with phone.house.store.write() as connection:
        column = tables.attempts.c
        first = dict(
            connection.execute(select(tables.attempts).where(column.recovery_id == phone.recovery_id))
            .mappings()
            .first()
            or {}
        )
        first |= {"id": "att_new", "state": "declined", "at": later, "finished_at": later, "charge_id": None}
        first |= {"ordinal": None, "idempotency_key": None}
        connection.execute(tables.attempts.insert().values(**first))
    page = phone.browser.get(f"{phone.path}/done")
    assert "The bank declined the payment" in page.text
    assert "refresh" not in page.headers
    assert page.text.count("<button>") == 1
