"""Diaries: the card is the trouble, and another card, or the same one renewed, is the way out."""

from zoneinfo import ZoneInfo

import httpx
import pytest
from scenarios.link import link_in, no_receiver
from scenarios.stage import Stage
from starlette.testclient import TestClient

from dunning.core.vocabulary import AttemptState, MessageState, Status
from dunning.sandbox.wallet import update_card
from dunning.web.site import create_site


def test_a_lost_card_is_never_charged_again_and_the_customer_brings_another(stage: Stage) -> None:
    zone = "Asia/Tokyo"
    robin = stage.fails("lost_card", country="JP", zone=zone)

    # It is 15:00 in Tokyo. No retry is planned: this card is gone.
    assert stage.recovery(robin).status is Status.WAITING
    assert "needs another card" in stage.recovery(robin).why

    # The first notice waits for the morning over there.
    stage.pass_time(days=1)
    [(sent_at, mail)] = stage.mails.sent
    assert 9 <= sent_at.astimezone(ZoneInfo(zone)).hour < 18
    assert mail.recipient == robin["email"]
    assert "lost" not in (mail.subject + mail.text).lower()

    # Two days later the customer follows the link. Looking at the page does nothing.
    stage.pass_time(days=2)
    site = TestClient(create_site(stage.house, no_receiver), follow_redirects=False)
    page = site.get(link_in(stage))
    assert page.status_code == 200
    assert stage.charges(robin) == ["declined"]

    # The button leads to Stripe's own card form, where the customer saves a card.
    answer = site.post(link_in(stage))
    assert answer.status_code == 303
    portal = answer.headers["location"]
    assert portal.startswith(stage.url)
    assert httpx.post(portal, data={"card": "works"}, trust_env=False).status_code == 303

    # It is charged at once.
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason) == (Status.RECOVERED, "customer_card_update")
    assert stage.charges(robin) == ["declined", "paid"]
    assert stage.ledger(robin) == [("recovered", 2900, "customer_card_update")]
    assert "paid" in site.get(link_in(stage)).text.lower()

    # The customer is thanked, and the later reminders are never sent.
    stage.pass_time(days=20)
    assert [mail.subject.partition(":")[0] for _, mail in stage.mails.sent[1:]] == ["Thank you"]
    states = stage.messages(robin)
    assert states == {"first": "sent", "reminder": "skipped", "final": "skipped"}
    assert stage.charges(robin) == ["declined", "paid"]


def test_a_new_card_that_is_declined_too_is_not_tried_in_a_circle(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    stage.pass_time(days=1)
    site = TestClient(create_site(stage.house, no_receiver), follow_redirects=False)
    portal = site.post(link_in(stage)).headers["location"]
    httpx.post(portal, data={"card": "later_declines"}, trust_env=False)
    stage.settle()
    assert stage.ours(robin) == [AttemptState.DECLINED]
    stage.pass_time(days=20)
    assert 1 <= len(stage.ours(robin)) <= 8
    assert stage.recovery(robin).status is Status.LOST


def test_a_link_that_scanners_open_and_press_a_hundred_times_charges_nothing(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    stage.pass_time(days=1)
    site = TestClient(create_site(stage.house, no_receiver), follow_redirects=False)
    for _ in range(20):
        assert site.get(link_in(stage)).status_code == 200
        assert site.post(link_in(stage)).status_code in {303, 429}
    stage.pass_time(days=2)
    assert stage.charges(robin) == ["declined"]
    assert stage.recovery(robin).status is Status.WAITING


def test_a_card_that_the_network_renews_is_tried_at_once_and_the_updater_is_credited(stage: Stage) -> None:
    robin = stage.fails("expired_card")
    assert stage.charges(robin) == ["declined"]
    stage.pass_time(hours=3)
    with stage.sandbox.world.lock:
        update_card(stage.sandbox.world, robin["payment_method"])
    stage.settle()
    assert stage.recovery(robin).reason == "account_updater"
    assert stage.charges(robin) == ["declined", "paid"]
    assert stage.ledger(robin) == [("recovered", 2900, "account_updater")]


def test_one_new_card_pays_every_open_invoice_of_its_customer(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    with stage.sandbox.world.lock:
        from dunning.sandbox import billing

        owner = stage.sandbox.world.tables["customers"][robin["customer"]]
        second = billing.open_invoice(stage.sandbox.world, owner, None, amount=700)
        billing.first_charge(stage.sandbox.world, second)
    stage.settle()
    both = [robin, robin | {"invoice": second["id"]}]
    assert [stage.recovery(ids).status for ids in both] == [Status.WAITING] * 2
    stage.merchant("POST", "/v1/payment_methods/pm_card_visa/attach", customer=robin["customer"])
    stage.settle()
    assert [stage.recovery(ids).status for ids in both] == [Status.RECOVERED] * 2
    assert [stage.charges(ids, by="dunning") for ids in both] == [["paid"]] * 2


@pytest.mark.parametrize("code", ["stolen_card", "pickup_card", "invalid_account"])
def test_a_hard_decline_is_never_retried_in_the_whole_window(quick_stage: Stage, code: str) -> None:
    stage = quick_stage
    robin = stage.fails(code)
    stage.pass_time(days=15)
    assert stage.charges(robin) == ["declined"]
    assert stage.recovery(robin).status is Status.LOST
    assert MessageState.SENT in stage.messages(robin).values()


def test_a_customer_who_must_confirm_is_not_retried_but_led_to_the_hosted_page(stage: Stage) -> None:
    robin = stage.fails("authentication_required")
    assert stage.recovery(robin).status is Status.WAITING
    stage.pass_time(days=2)
    assert stage.charges(robin) == ["requires_action"]
    [(_, mail)] = stage.mails.sent
    assert "confirm" in (mail.subject + mail.text).lower()

    site = TestClient(create_site(stage.house, no_receiver), follow_redirects=False)
    hosted = site.post(link_in(stage)).headers["location"]
    assert hosted == stage.invoice(robin)["hosted_invoice_url"]
    assert httpx.post(hosted, data={"card": "on_file"}, trust_env=False).is_success
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.status, recovery.reason) == (Status.RECOVERED, "customer_payment")
    assert stage.charges(robin, by="dunning") == []
    assert stage.ledger(robin) == [("recovered", 2900, "customer_payment")]
