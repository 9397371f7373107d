"""The campaigns that come with dunning are valid, are all chosen by some invoice, and date themselves."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dunning.core import campaign_checks, campaign_file, ready_made
from dunning.core.campaign import STANDARD, Campaign
from dunning.core.choosing import EXAMPLE, CampaignRules
from dunning.core.conditions import Known, NotUsable
from dunning.core.course import NO_TIME, Course, Retry, plan
from dunning.core.declines import DeclineClass
from dunning.core.sending import Moved, Sending
from dunning.core.vocabulary import Channel, InvoiceClass

FOLDER = Path(__file__).parents[2] / "templates" / "email"
TEMPLATES = {folder.name for folder in FOLDER.iterdir() if folder.is_dir() and folder.name[0] != "_"}
OPENED = datetime(2026, 5, 5, 10, tzinfo=UTC)
COURSE = Course(
    OPENED, OPENED, OPENED + timedelta(days=14), coming=(Retry(OPENED + timedelta(days=2, hours=1), "1"),)
)


@pytest.mark.parametrize("campaign", ready_made.ready_made(TEMPLATES), ids=lambda campaign: campaign.key)
def test_a_ready_made_campaign_is_a_valid_file_and_fits_its_window(campaign: Campaign) -> None:
    source = campaign_file.read(campaign_file.as_toml(campaign), is_json=False)
    assert campaign_checks.problems(source, TEMPLATES) == []
    assert campaign_file.campaign(source) == campaign
    planned = plan(campaign, COURSE, ZoneInfo("Europe/Berlin"), Sending())
    assert len(planned) >= 2
    assert all(one.why_not is None for one in planned)
    assert all(OPENED <= one.due_at < COURSE.deadline for one in planned)


def test_a_text_of_ones_own_is_used_where_there_is_one() -> None:
    def first(templates: set[str]) -> str:
        found = {campaign.key: campaign for campaign in ready_made.ready_made(templates)}
        return found["expired_card"].steps[0].template

    assert first({"card_needed"}) == "card_needed"
    assert first({"card_needed", "card_expired"}) == "card_expired"


@pytest.mark.parametrize(
    ("known", "key"),
    [
        (Known("eur", 5000, decline_class=DeclineClass.SOFT_FUNDS), "soft_decline"),
        (Known("eur", 5000, decline_class=DeclineClass.SOFT_FUNDS, interval="year"), "annual_plan"),
        (Known("eur", 500_000, decline_class=DeclineClass.SOFT_FUNDS), "high_value"),
        (Known("jpy", 500_000, decline_class=DeclineClass.SOFT_FUNDS), "soft_decline"),
        (
            Known("eur", 5000, decline_class=DeclineClass.NEEDS_CARD, decline_code="expired_card"),
            "expired_card",
        ),
        (Known("eur", 5000, decline_class=DeclineClass.HARD, decline_code="lost_card"), "hard_decline"),
        (Known("eur", 5000, decline_class=DeclineClass.NEEDS_AUTHENTICATION), "authentication_needed"),
        (Known("eur", 5000, InvoiceClass.TRIAL_END, decline_class=DeclineClass.HARD), "trial_end"),
        (Known("eur", 500_000, by_hand=True, decline_class=DeclineClass.UNKNOWN), "manual_invoice"),
        (Known("eur", 5000, decline_class=DeclineClass.UNKNOWN), STANDARD),
    ],
)
def test_each_kind_of_failure_has_its_campaign(known: Known, key: str) -> None:
    assert ready_made.rules().choose(known) == key


def test_every_campaign_is_chosen_by_some_rule() -> None:
    assert {rule.campaign for rule in ready_made.rules().all} == set(ready_made.KEYS)


def test_high_value_calls_and_soft_declines_are_quiet_at_first() -> None:
    found = {campaign.key: campaign for campaign in ready_made.ready_made(TEMPLATES)}
    assert Channel.CALL in {step.channel for step in found["high_value"].steps}
    assert min(step.offset for step in found["soft_decline"].steps if step.key == "first") >= timedelta(
        days=3
    )


def test_a_plan_says_what_moved_each_message() -> None:
    found = {campaign.key: campaign for campaign in ready_made.ready_made(TEMPLATES)}
    zone = ZoneInfo("Europe/Berlin")
    planned = {one.step.key: one for one in plan(found["annual_plan"], COURSE, zone, Sending(weekends=False))}
    assert planned["first"].moved == (Moved.QUIET_HOURS,)  # six hours after noon in Berlin is 18:00
    assert planned["before"].due_at < COURSE.coming[0].at
    assert Moved.WEEKEND in planned["reminder"].moved  # five days after a Tuesday


def test_what_announces_a_retry_that_is_too_near_is_not_sent() -> None:
    found = {campaign.key: campaign for campaign in ready_made.ready_made(TEMPLATES)}
    night = OPENED.replace(hour=20)
    course = Course(
        night, night, night + timedelta(days=14), coming=(Retry(night + timedelta(hours=1), "1"),)
    )
    planned = plan(
        found["annual_plan"], course, ZoneInfo("UTC"), Sending(), sent=[night - timedelta(hours=5)]
    )
    assert next(one for one in planned if one.step.key == "before").why_not == NO_TIME


@pytest.mark.parametrize(
    ("text", "complains"),
    [
        ("[[rule]]\ncampaign = 'nobody'", "'nobody'"),
        ("[[rule]]\ncampaign = 'standard'\n[[rule]]\ncampaign = 'standard'", "never reached"),
        ("[[rule]]\ncampaign = 'standard'\nwhen = 3", "`when` is a table"),
        ("[[rule]]\ncampaign = 'standard'\n[rule.when]\namount_from = 3", "exactly one in `currency`"),
        ("[[rule]]\ncampaign = 'standard'\n[rule.when]\nvalue_from = 3", "exactly one in `currency`"),
        ("[[rule]]\ncampaign = 'standard'\n[rule.when]\ntenure_from = 9\ntenure_below = 9", "No tenure"),
        ("[[rule]]\ncampaign = 'standard'\n[rule.when]\ninterval = 'fortnight'", "interval"),
        ("[[rule]]\ncampaign = 'standard'\n[rule.when]\nby_hand = 'yes'", "true or false"),
        ("[[rules]]\ncampaign = 'standard'", "unknown here"),
        ("rule = 3", "unknown here"),
        ("[[rule", "not TOML"),
    ],
)
def test_a_rule_that_cannot_work_is_refused(text: str, complains: str) -> None:
    with pytest.raises(NotUsable, match=complains):
        CampaignRules.read(text, {STANDARD})


def test_rules_survive_being_written_down() -> None:
    found = ready_made.rules()
    assert CampaignRules.read(found.written(), ready_made.KEYS) == found
    assert CampaignRules.loads(found.dumps()) == found
    assert CampaignRules.read(EXAMPLE, ()) == CampaignRules()


def test_what_is_not_known_is_within_no_bounds() -> None:
    (rule,) = CampaignRules.read(
        "[[rule]]\ncampaign = 'standard'\n[rule.when]\ncurrency = 'eur'\nvalue_below = 9\ntenure_from = 30",
        {STANDARD},
    ).all
    assert rule.when.holds(Known("eur", 1, tenure_days=30, paid_before=0))
    assert not rule.when.holds(Known("eur", 1, tenure_days=29, paid_before=0))
    assert not rule.when.holds(Known("eur", 1, paid_before=0))
    assert not rule.when.holds(Known("eur", 1, tenure_days=30))
