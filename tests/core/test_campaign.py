from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.campaign import (
    BUILT_IN,
    DAYTIME,
    Campaign,
    Situation,
    Step,
    When,
    coming_messages,
    customer_must_act,
    into_daytime,
    refusal,
    template_for,
)
from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import CLOSED, Status

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, SANTIAGO = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Santiago")
ALWAYS = Step("first", timedelta(0), "payment_failed")
FINE = Situation(
    status=Status.WAITING,
    decline_class=DeclineClass.SOFT_FUNDS,
    retries_failed=0,
    invoice_open=True,
    address="robin@example.com",
    suppressed=False,
    messages_on=True,
)


def local(zone: ZoneInfo, *moment: int) -> datetime:
    return datetime(*moment, tzinfo=zone).astimezone(UTC)  # type: ignore[arg-type,misc]  # year, month, …


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((2026, 5, 4, 8, 59), (2026, 5, 4, 9, 0)),
        ((2026, 5, 4, 9, 0), (2026, 5, 4, 9, 0)),
        ((2026, 5, 4, 17, 59), (2026, 5, 4, 17, 59)),
        ((2026, 5, 4, 18, 0), (2026, 5, 5, 9, 0)),
        ((2026, 5, 4, 0, 0), (2026, 5, 4, 9, 0)),
        ((2026, 12, 31, 23, 0), (2027, 1, 1, 9, 0)),
        ((2026, 3, 28, 20, 0), (2026, 3, 29, 9, 0)),  # the night in which clocks go forward
        ((2026, 3, 29, 1, 59), (2026, 3, 29, 9, 0)),
        ((2026, 10, 24, 20, 0), (2026, 10, 25, 9, 0)),  # the night in which they go back
        ((2026, 10, 25, 2, 30), (2026, 10, 25, 9, 0)),
    ],
)
def test_a_message_waits_for_the_customers_own_daytime(
    before: tuple[int, ...], after: tuple[int, ...]
) -> None:
    assert into_daytime(local(BERLIN, *before), BERLIN) == local(BERLIN, *after)


def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer() -> None:
    spring = into_daytime(local(NEW_YORK, 2026, 3, 7, 18, 0), NEW_YORK) - local(NEW_YORK, 2026, 3, 7, 18, 0)
    autumn = into_daytime(local(NEW_YORK, 2026, 10, 31, 18, 0), NEW_YORK) - local(
        NEW_YORK, 2026, 10, 31, 18, 0
    )
    assert (spring, autumn) == (timedelta(hours=14), timedelta(hours=16))


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.sampled_from(
        [BERLIN, NEW_YORK, LORD_HOWE, SANTIAGO, *map(ZoneInfo, sorted(available_timezones())[::40])]
    ),
)
def test_everywhere_and_always_it_is_daytime_soon_and_never_earlier(at: datetime, zone: ZoneInfo) -> None:
    moved = into_daytime(at, zone)
    assert DAYTIME[0] <= moved.astimezone(zone).time() < DAYTIME[1]
    assert at <= moved <= at + timedelta(hours=17)
    assert into_daytime(moved, zone) == moved
    assert moved.tzinfo is UTC


def test_every_step_of_the_campaign_comes_once_in_order_and_by_day() -> None:
    opened = local(BERLIN, 2026, 3, 27, 23, 0)
    coming = list(coming_messages(BUILT_IN, opened, BERLIN))
    assert [one.step for one in coming] == list(BUILT_IN.steps)
    assert [one.due_at for one in coming] == sorted(one.due_at for one in coming)
    assert all(time(9) <= one.due_at.astimezone(BERLIN).time() < time(18) for one in coming)
    assert all(one.due_at >= opened + one.step.offset for one in coming)


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        (replace(FINE, messages_on=False), "switched off"),
        *((replace(FINE, status=status), "no payment any more") for status in sorted(CLOSED)),
        (replace(FINE, invoice_open=False), "no payment any more"),
        (replace(FINE, status=Status.PAUSED), "paused"),
        (replace(FINE, address=None), "no email address"),
        (replace(FINE, suppressed=True), "suppression list"),
    ],
)
def test_a_message_that_must_not_go_out_says_why(situation: Situation, says: str) -> None:
    sentence = refusal(ALWAYS, situation)
    assert sentence is not None
    assert says in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize("decline_class", DeclineClass)
def test_a_step_for_customers_who_must_act_waits_while_a_retry_can_help(decline_class: DeclineClass) -> None:
    step = replace(ALWAYS, condition=When.CUSTOMER_MUST_ACT)
    sent = refusal(step, replace(FINE, decline_class=decline_class)) is None
    assert sent is customer_must_act(decline_class)


@pytest.mark.parametrize("decline_class", DeclineClass)
def test_a_step_for_failed_retries_needs_one_unless_no_retry_can_help(decline_class: DeclineClass) -> None:
    step = replace(ALWAYS, condition=When.RETRY_FAILED)
    situation = replace(FINE, decline_class=decline_class)
    assert (refusal(step, situation) is None) is customer_must_act(decline_class)
    assert refusal(step, replace(situation, retries_failed=1)) is None


def test_a_step_without_a_condition_goes_out() -> None:
    assert refusal(ALWAYS, FINE) is None


@pytest.mark.parametrize("decline_class", DeclineClass)
def test_the_first_notice_says_what_the_customer_must_do(decline_class: DeclineClass) -> None:
    wanted = "payment_failed"
    if decline_class is DeclineClass.NEEDS_AUTHENTICATION:
        wanted = "authentication_needed"
    elif decline_class in {DeclineClass.NEEDS_CARD, DeclineClass.HARD, DeclineClass.FRAUD}:
        wanted = "card_needed"
    assert template_for(ALWAYS, decline_class) == wanted
    assert template_for(replace(ALWAYS, template="final_notice"), decline_class) == "final_notice"


def test_a_campaign_survives_being_written_down() -> None:
    import json

    assert Campaign.loads(json.loads(json.dumps(BUILT_IN.dumps()))) == BUILT_IN
    other = Campaign(
        "mine", 3, "One", (Step("a", timedelta(days=2), "final_notice", When.RETRY_FAILED, "sms"),)
    )
    assert Campaign.loads(json.loads(json.dumps(other.dumps()))) == other


def test_a_step_is_found_by_its_key() -> None:
    assert BUILT_IN.step("final") is BUILT_IN.steps[-1]
    assert BUILT_IN.step("fourth") is None
