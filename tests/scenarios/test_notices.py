"""Diaries: single mails that belong to no campaign, and the page behind their links."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from scenarios.link import browser, link_in, pay_on_page, press, save_card
from scenarios.stage import START, Stage
from sqlalchemy import RowMapping, select, update

from dunning.core.notices import NoticeKind
from dunning.core.vocabulary import Status
from dunning.flows import renewing, switches
from dunning.flows.pacing import Pace
from dunning.mail.provider import NotSent, UnknownOutcome
from dunning.sandbox import billing
from dunning.store import tables

QUICK = Pace(per_second=10_000)


def notices(stage: Stage, kind: str | None = None) -> list[RowMapping]:
    query = select(tables.notices).order_by(tables.notices.c.id)
    with stage.house.store.read() as connection:
        found = list(connection.execute(query).mappings())
    return [row for row in found if kind in {None, row["kind"]}]


def subjects(stage: Stage) -> list[str]:
    return [outgoing.subject for _, outgoing in stage.mails.sent]


def expires(stage: Stage, ids: dict[str, Any], month: int, year: int) -> None:
    """Let a customer's card be good until the end of a month."""
    card = stage.sandbox.world.tables["payment_methods"][ids["payment_method"]]["card"]
    card |= {"exp_month": month, "exp_year": year}


def look_ahead(stage: Stage) -> int:
    planned = renewing.look_ahead(stage.house, pace=QUICK)
    stage.settle()
    return planned


def test_a_customer_who_gave_another_card_is_thanked_once(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    stage.pass_time(hours=5)
    save_card(press(stage, robin))
    stage.settle()
    assert stage.recovery(robin).reason == "customer_card_update"
    stage.pass_time(days=2)
    assert [row["state"] for row in notices(stage)] == ["sent"]
    assert subjects(stage)[-1].startswith("Thank you")
    assert "The customer was thanked." in stage.sentences(robin)


def test_one_card_that_pays_several_invoices_is_thanked_for_once(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    with stage.sandbox.world.lock:
        billing.bill(stage.sandbox.world, robin["subscription"], 5, again=False)
    stage.settle()
    stage.pass_time(days=2, hours=5)
    save_card(press(stage, robin))
    stage.pass_time(days=1)
    assert sorted(row["state"] for row in notices(stage)) == ["sent", "skipped"]
    assert sum(subject.startswith("Thank you") for subject in subjects(stage)) == 1


def test_a_quiet_retry_that_paid_is_followed_by_silence(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("insufficient_funds", clears_after_hours=20)
    stage.pass_time(days=8)
    assert stage.recovery(robin).reason == "our_retry"
    assert notices(stage) == []
    assert not [subject for subject in subjects(stage) if subject.startswith("Thank you")]


def test_a_thank_you_waits_for_the_morning_and_asks_the_switch(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    stage.pass_time(hours=14)  # 20:00 at the customer's
    save_card(press(stage, robin))
    stage.settle()
    (planned,) = notices(stage)
    assert (planned["state"], planned["due_at"]) == ("planned", START + timedelta(days=1, hours=3))
    switches.set_mode(stage.house, by="ada", messages=False)
    stage.pass_time(hours=20)
    (skipped,) = notices(stage)
    assert (skipped["state"], skipped["note"]) == ("skipped", "Messages are switched off.")


def test_an_expired_page_mails_one_new_link_a_day_and_says_the_same_to_everybody(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    stage.pass_time(hours=10)
    old, site = link_in(stage), browser(stage)
    before = len(stage.mails.sent)
    with stage.house.store.write() as connection:
        connection.execute(update(tables.links).values(expires_at=stage.clock.now()))
    assert "This link has expired" in site.get(old).text
    answers = {site.post(f"{old}/new-link").text.replace(old, "") for _ in range(5)}
    answers |= {site.post("/pay/nobody/new-link").text.replace("/pay/nobody", "")}
    assert len(answers) == 1, "the answer tells one link from another"
    stage.settle()
    assert len(stage.mails.sent) == before + 1
    assert stage.mails.sent[-1][1].recipient == robin["email"]
    fresh = link_in(stage)
    assert fresh != old
    assert "Your payment did not go through" in site.get(fresh).text
    stage.pass_time(hours=24)
    site.post(f"{old}/new-link")
    stage.settle()
    assert len(notices(stage, "new_link")) == 2


def test_a_link_that_is_still_good_mails_nothing(quick_stage: Stage) -> None:
    stage = quick_stage
    stage.fails("lost_card")
    stage.pass_time(hours=10)
    browser(stage).post(f"{link_in(stage)}/new-link")
    assert notices(stage) == []


def test_a_card_that_expires_before_the_renewal_is_told_of_once_and_replaced_from_the_page(
    stage: Stage,
) -> None:
    robin = stage.sandbox.customer(bill=False, subscription_default=True, country="GB")
    expires(stage, robin, 1, 2026)
    switches.set_mode(stage.house, by="ada", notices=True)
    stage.skip_time(hours=6)
    # It renews on 5 February; the notice is due a fortnight before, and not earlier.
    assert look_ahead(stage) == 0
    assert [one.risk for one in renewing.forecast(stage.house).renewals] == ["card_expires"]
    stage.skip_time(hours=17 * 24)
    assert look_ahead(stage) == 1
    stage.pass_time(hours=5)
    assert [row["kind"] for row in notices(stage)] == ["card_expiring"]
    assert len(subjects(stage)) == 1
    assert look_ahead(stage) == 0

    site, page = browser(stage), link_in(stage)
    shown = site.get(page).text
    assert "Your card expires before your next payment" in shown
    assert "Nothing has failed, and nothing is owed." in shown
    portal = site.post(page)
    assert portal.status_code == 303
    save_card(portal.headers["location"])
    stage.pass_time(minutes=30)
    assert "Thank you, your new card is saved" in site.get(page).text
    fresh = stage.sandbox.world.tables["customers"][robin["customer"]]["invoice_settings"]
    assert stage.subscription(robin)["default_payment_method"] == fresh["default_payment_method"]
    assert look_ahead(stage) == 0
    assert renewing.forecast(stage.house).renewals == ()


@pytest.mark.parametrize("trouble", ["switch", "card", "cancelled", "suppressed"])
def test_a_notice_asks_once_more_before_it_goes_out(quick_stage: Stage, trouble: str) -> None:
    stage = quick_stage
    robin = stage.sandbox.customer(bill=False, country="GB")
    expires(stage, robin, 1, 2026)
    switches.set_mode(stage.house, by="ada", notices=True)
    stage.skip_time(hours=17 * 24)
    renewing.look_ahead(stage.house, pace=QUICK)
    assert [row["state"] for row in notices(stage)] == ["planned"]
    if trouble == "switch":
        switches.set_mode(stage.house, by="ada", notices=False)
    elif trouble == "card":
        expires(stage, robin, 1, 2029)
    elif trouble == "cancelled":
        stage.merchant("POST", f"/v1/subscriptions/{robin['subscription']}", cancel_at_period_end="true")
    else:
        row = {"account_id": "self", "address": robin["email"], "reason": "bounce", "added_at": START}
        with stage.house.store.write() as connection:
            connection.execute(tables.suppressions.insert().values(row))
    stage.pass_time(hours=5)
    assert [row["state"] for row in notices(stage)] == ["skipped"]
    assert stage.mails.sent == []


def test_a_card_that_was_refused_and_has_not_paid_since_is_told_of_before_the_renewal(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    robin = stage.fails("do_not_honor")
    pay_on_page(stage.invoice(robin)["hosted_invoice_url"], "new")
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    switches.set_mode(stage.house, by="ada", notices=True)
    stage.skip_time(hours=25 * 24)
    assert look_ahead(stage) == 1
    stage.pass_time(hours=5)
    assert [row["kind"] for row in notices(stage)] == ["thank_you", "renewal_at_risk"]
    (one,) = renewing.forecast(stage.house).renewals
    assert (one.risk, one.amount, one.noticed_at is not None) == ("card_failed", 2900, True)


def test_without_its_switch_nobody_is_written_to_and_the_list_is_there_all_the_same(
    watching_stage: Stage,
) -> None:
    stage = watching_stage
    robin = stage.sandbox.customer(bill=False, country="GB")
    expires(stage, robin, 1, 2026)
    stage.skip_time(hours=17 * 24)
    assert look_ahead(stage) == 0
    forecast = renewing.forecast(stage.house)
    assert forecast.at_risk == {"usd": 2900}
    assert forecast.coming == {"usd": (1, 2900)}
    assert notices(stage) == []


@pytest.mark.parametrize(
    "mishap", [UnknownOutcome("timeout"), KeyboardInterrupt()], ids=["no answer", "death"]
)
def test_a_notice_that_may_have_gone_out_is_never_sent_again(
    quick_stage: Stage, mishap: BaseException
) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    stage.pass_time(hours=14)
    save_card(press(stage, robin))
    stage.settle()
    before, stage.mails.mishap = len(stage.mails.sent), mishap
    with contextlib.suppress(KeyboardInterrupt):
        stage.pass_time(days=1)
    stage.pass_time(days=1)
    assert len(stage.mails.sent) == before + 1
    assert [row["state"] for row in notices(stage)] == ["unknown"]
    assert sum("may have gone out, or not" in sentence for sentence in stage.sentences(robin)) == 1


def test_a_provider_that_is_busy_is_asked_again(quick_stage: Stage) -> None:
    stage = quick_stage
    robin = stage.fails("lost_card")
    stage.pass_time(hours=14)
    save_card(press(stage, robin))
    stage.settle()
    stage.mails.mishap = NotSent("busy", retryable=True)
    stage.pass_time(days=1)
    assert [(row["kind"], row["state"]) for row in notices(stage)] == [(NoticeKind.THANK_YOU, "sent")]
