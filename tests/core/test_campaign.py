import json
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest

from dunning.core.campaign import (
    BUILT_IN,
    Anchor,
    Campaign,
    CampaignArm,
    Situation,
    Step,
    When,
    customer_must_act,
    refusal,
    template_for,
)
from dunning.core.conditions import Condition, Known
from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import CLOSED, Channel, Recipient, Status

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


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        (replace(FINE, messages_on=False), "switched off"),
        *((replace(FINE, status=status), "no payment any more") for status in sorted(CLOSED)),
        (replace(FINE, invoice_open=False), "no payment any more"),
        (replace(FINE, status=Status.PAUSED), "paused"),
        (replace(FINE, address=None), "no email address"),
        (replace(FINE, suppressed=True), "suppression list"),
        (replace(FINE, held_out=True), "experiment"),
        (replace(FINE, retry_gone=True), "does not come any more"),
        (replace(FINE, sent_so_far=12, most=12), "no more than 12"),
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


def test_a_step_that_the_customer_has_answered_is_not_sent() -> None:
    step = replace(ALWAYS, condition=When.LINK_NOT_USED)
    assert refusal(step, FINE) is None
    assert refusal(step, replace(FINE, link_used=True)) == "The customer has used a card-update link."


def test_a_step_for_some_invoices_asks_what_was_known_of_this_one() -> None:
    step = replace(ALWAYS, only=Condition(currency=("eur",), amount_from=50_000))
    large, small = Known("eur", 50_000), Known("eur", 49_999)
    assert refusal(step, replace(FINE, known=large)) is None
    sentence = refusal(step, replace(FINE, known=small))
    assert sentence == "The step is only for invoices with currency eur, amount from 50000."
    assert refusal(step, FINE) == sentence


@pytest.mark.parametrize("channel", [Channel.CALL, Channel.IN_APP, Channel.WEBHOOK])
def test_what_needs_no_address_goes_out_without_one(channel: Channel) -> None:
    assert refusal(replace(ALWAYS, channel=channel), replace(FINE, address=None)) is None


def test_whoever_cannot_be_reached_is_named() -> None:
    second = replace(ALWAYS, recipient=Recipient.SECOND_CONTACT)
    text = replace(second, channel=Channel.SMS)
    nobody = replace(FINE, address=None)
    assert "second contact" in (refusal(second, nobody) or "")
    assert refusal(text, nobody) == "There is no second contact to reach by sms."


def test_an_invoice_that_was_sent_is_never_spoken_of_as_a_card() -> None:
    assert template_for(ALWAYS, DeclineClass.UNKNOWN, by_hand=True) == "invoice_overdue"
    own = replace(ALWAYS, template="recovered")
    assert template_for(own, DeclineClass.UNKNOWN, by_hand=True) == "recovered"


def test_a_campaign_survives_being_written_down() -> None:
    assert Campaign.loads(json.loads(json.dumps(BUILT_IN.dumps()))) == BUILT_IN
    step = Step(
        "call",
        timedelta(days=2),
        "",
        When.RETRY_FAILED,
        Channel.CALL,
        Anchor.AFTER_RETRY,
        Recipient.STAFF,
        approval=True,
        only=Condition(country=("DE",)),
        arms=("calls",),
        task="Call them.",
    )
    arms = (CampaignArm("calls", Fraction(1, 3)), CampaignArm("mails", Fraction(2, 3)))
    other = Campaign("mine", 3, "One", (step,), arms)
    assert Campaign.loads(json.loads(json.dumps(other.dumps()))) == other


def test_a_campaign_of_the_first_version_is_still_read() -> None:
    step = {"key": "a", "offset": 60, "template": "final_notice", "condition": "always", "channel": "email"}
    old = {"key": "standard", "version": 1, "name": "Old", "steps": [step]}
    assert Campaign.loads(old).steps == (Step("a", timedelta(minutes=1), "final_notice"),)


def test_an_arm_has_its_own_steps_and_those_of_all() -> None:
    mine = replace(
        BUILT_IN, steps=(ALWAYS, replace(ALWAYS, key="b", arms=("x",)), replace(ALWAYS, key="c", arms=("y",)))
    )
    assert [step.key for step in mine.steps_of("x")] == ["first", "b"]
    assert [step.key for step in mine.steps_of(None)] == ["first"]


def test_a_step_is_found_by_its_key() -> None:
    assert BUILT_IN.step("final") is BUILT_IN.steps[-1]
    assert BUILT_IN.step("fourth") is None
