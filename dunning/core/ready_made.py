"""The campaigns that come with dunning, and the rules that choose among them, as files."""

from collections.abc import Collection
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Final

from dunning.core import campaign_file
from dunning.core.campaign import Campaign
from dunning.core.choosing import CampaignRules

KEYS: Final = (
    "soft_decline", "hard_decline", "expired_card", "authentication_needed", "trial_end", "annual_plan",
    "high_value", "manual_invoice",
)  # fmt: skip
# What stands in where a merchant's own folder of templates has no such text.
_INSTEAD: Final = {
    "card_expired": "card_needed",
    "trial_ended": "payment_failed",
    "renewal_annual": "payment_failed",
    "retry_coming": "payment_reminder",
}


def ready_made(templates: Collection[str]) -> list[Campaign]:
    """Return the campaigns, for an installation that has these templates."""
    return [_with(_campaign(key), templates) for key in KEYS]


@cache
def rules() -> CampaignRules:
    """Return the rules that choose among the ready-made campaigns."""
    return CampaignRules.read(_text("rules"), KEYS)


@cache
def _campaign(key: str) -> Campaign:
    return campaign_file.campaign(campaign_file.read(_text(key), is_json=False))


def _with(campaign: Campaign, templates: Collection[str]) -> Campaign:
    steps = tuple(
        step
        if step.template in templates
        else replace(step, template=_INSTEAD.get(step.template, step.template))
        for step in campaign.steps
    )
    return replace(campaign, steps=steps)


def _text(name: str) -> str:
    return files("dunning.core").joinpath("campaigns", f"{name}.toml").read_text(encoding="utf-8")
