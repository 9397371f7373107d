"""The access verdict over the API."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from browser.house import LOCAL, furnish, site_of
from browser.seed import NOW
from sqlalchemy import select, update
from starlette.testclient import TestClient

from dunning.flows.house import House
from dunning.store import tables

EMPTY = {"level": "full", "until": None, "why": "nothing_owed", "owed": {}, "banner": None, "items": []}


@dataclass
class Desk:
    """A customer who owes, and the merchant's application that asks about them."""

    house: House
    app: TestClient
    row: dict[str, Any]

    def ask(self, **query: str) -> dict[str, Any]:
        answer = self.app.get(f"/api/v1/customers/{self.row['customer_id']}/access", params=query)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def set(self, **values: Any) -> None:
        with self.house.store.write() as connection:
            own = tables.recoveries.c.id == self.row["id"]
            connection.execute(update(tables.recoveries).where(own).values(**values))


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    house, _ = furnish(database_url, recoveries=30)
    column = tables.recoveries.c
    query = select(tables.recoveries).where(column.status == "waiting").order_by(column.id).limit(1)
    with house.store.read() as connection:
        row = dict(connection.execute(query).mappings().one())
    app = TestClient(site_of(house), client=LOCAL, base_url="http://127.0.0.1")
    made = Desk(house, app, row)
    made.set(failed_at=NOW - timedelta(days=3), deadline=NOW + timedelta(days=11), currency="eur")
    yield made
    house.store.engine.dispose()


def test_somebody_whose_payment_failed_has_grace_with_a_banner_in_their_language(desk: Desk) -> None:
    found = desk.ask()
    assert (found["level"], found["why"]) == ("grace", "payment_failed")
    assert found["until"] == (NOW + timedelta(days=11)).isoformat().replace("+00:00", "Z")
    assert list(found["owed"]) == ["eur"]
    assert found["banner"]["text"].startswith("Your last payment of €")
    assert "by March 29, 2027 to keep your access" in found["banner"]["text"]
    assert desk.ask(locale="de")["banner"]["text"].endswith("um Ihren Zugang zu behalten.")
    (item,) = found["items"]
    assert (item["recovery"], item["invoice"]) == (desk.row["id"], desk.row["invoice_id"])


def test_after_the_grace_access_is_what_the_policy_says(desk: Desk) -> None:
    desk.set(failed_at=NOW - timedelta(days=20))
    found = desk.ask(locale="fr-CA")
    assert (found["level"], found["why"], found["until"]) == ("restricted", "grace_over", None)
    assert found["banner"]["text"].startswith("Votre accès est limité")


def test_paid_means_full_access_at_once(desk: Desk) -> None:
    desk.set(status="recovered", reason="our_retry", closed_at=NOW)
    found = desk.ask()
    assert {name: found[name] for name in EMPTY} == EMPTY


def test_somebody_unknown_owes_nothing_and_an_id_is_an_id(desk: Desk) -> None:
    found = desk.app.get("/api/v1/customers/cus_never_seen/access").json()
    assert {name: found[name] for name in EMPTY} == EMPTY
    assert desk.app.get("/api/v1/customers/..%2Fsettings/access").status_code in {404, 422}
    assert desk.app.get("/api/v1/customers/a-b/access").status_code == 422


def test_one_subscription_can_be_asked_about_alone(desk: Desk) -> None:
    assert desk.ask(subscription=desk.row["subscription_id"])["level"] == "grace"
    assert desk.ask(subscription="sub_other")["level"] == "full"


def test_a_connected_accounts_customer_is_not_the_merchants_own(desk: Desk) -> None:
    assert desk.ask(account="acct_1")["level"] == "full"


def test_the_newest_in_app_message_of_the_campaign_is_the_banner(desk: Desk) -> None:
    message = {
        "id": "msg_in_app",
        "account_id": "self",
        "livemode": False,
        "recovery_id": desk.row["id"],
        "step": "shown",
        "occurrence": "0",
        "channel": "in_app",
        "recipient": "customer",
        "template": "payment_failed",
        "state": "sent",
        "due_at": NOW,
        "sent_at": NOW,
        "subject": "A word about your card",
        "body_text": "Please look at your card.\n\n-- \nJuniper Coffee\nYou receive this because…",
    }
    with desk.house.store.write() as connection:
        connection.execute(tables.messages.insert().values(**message))
    banner = desk.ask()["banner"]
    assert banner == {
        "title": "A word about your card",
        "text": "Please look at your card.",
        "locale": "en",
        "message": "msg_in_app",
    }
    desk.set(status="recovered", reason="our_retry", closed_at=NOW)
    assert desk.ask()["banner"] is None


def test_the_answer_holds_no_name_no_address_and_no_card(desk: Desk) -> None:
    with desk.house.store.read() as connection:
        column = tables.customers.c
        customer = (
            connection.execute(select(tables.customers).where(column.id == desk.row["customer_id"]))
            .mappings()
            .one()
        )
    told = str(desk.ask())
    assert [word for word in (customer["name"], customer["email"], desk.row["card_id"]) if word in told] == []
