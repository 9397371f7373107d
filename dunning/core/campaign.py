"""Dunning campaigns: ordered steps, each with an offset, a condition, a channel and a template.

Which message is due, when, and whether it should still go out are decided here, purely.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Any, Final, Self

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import OPEN, Status

DAYTIME: Final = (time(9), time(18))  # the customer's local time in which messages go out


class When(StrEnum):
    """The condition of a step."""

    ALWAYS = "always"
    CUSTOMER_MUST_ACT = "customer_must_act"  # no retry can help: another card or a confirmation is needed
    RETRY_FAILED = "retry_failed"  # at least one retry failed, or no retry can help


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a campaign; `offset` counts from the opening of the recovery."""

    key: str
    offset: timedelta
    template: str
    condition: When = When.ALWAYS
    channel: str = "email"
    approval: bool = False  # a person must approve the words first


@dataclass(frozen=True, slots=True)
class Campaign:
    """One immutable version of a campaign; a recovery keeps the version it opened with."""

    key: str
    version: int
    name: str
    steps: tuple[Step, ...]

    def step(self, key: str) -> Step | None:
        """Return the step named `key`, if this version has it."""
        return next((step for step in self.steps if step.key == key), None)

    def dumps(self) -> dict[str, Any]:
        """Return the campaign as JSON-ready values; offsets in seconds."""
        values = asdict(self)
        values["steps"] = [{**asdict(s), "offset": int(s.offset.total_seconds())} for s in self.steps]
        return values

    @classmethod
    def loads(cls, values: dict[str, Any]) -> Self:
        """Return the campaign that `dumps` wrote."""
        steps = tuple(
            Step(**{**s, "offset": timedelta(seconds=s["offset"]), "condition": When(s["condition"])})
            for s in values["steps"]
        )
        return cls(key=values["key"], version=values["version"], name=values["name"], steps=steps)


BUILT_IN: Final = Campaign(
    key="standard",
    version=1,
    name="Three friendly reminders",
    steps=(
        Step("first", timedelta(hours=6), "payment_failed"),
        Step("reminder", timedelta(days=4), "payment_reminder"),
        Step("final", timedelta(days=10), "final_notice"),
    ),
)


@dataclass(frozen=True, slots=True)
class Coming:
    """A message with its date."""

    step: Step
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a message is due."""

    status: Status
    decline_class: DeclineClass
    retries_failed: int
    invoice_open: bool
    address: str | None
    suppressed: bool
    messages_on: bool
    held_out: bool = False  # by an experiment


def coming_messages(campaign: Campaign, opened_at: datetime, zone: tzinfo) -> Iterator[Coming]:
    """Yield every message of the campaign with its date, moved into the customer's local daytime."""
    for step in campaign.steps:
        yield Coming(step, into_daytime(opened_at + step.offset, zone))


def into_daytime(instant: datetime, zone: tzinfo) -> datetime:
    """Return `instant`, or the next opening of the local daytime (09:00–18:00) when it falls outside.

    A local time that a clock change skips is moved past the gap by the round trip through UTC.
    """
    local = instant.astimezone(zone)
    opening, closing = DAYTIME
    if opening <= local.time() < closing:
        return instant
    day = local.date() + timedelta(days=1 if local.time() >= closing else 0)
    return datetime.combine(day, opening, zone).astimezone(instant.tzinfo)


def refusal(step: Step, situation: Situation) -> str | None:
    """Return why the message must not go out now, as a sentence, or None when it should."""
    if not situation.messages_on:
        return "Messages are switched off."
    if situation.status not in OPEN or not situation.invoice_open:
        return "The invoice needs no payment any more."
    if situation.status is Status.PAUSED:
        return "The recovery is paused."
    if situation.held_out:
        return "An experiment: this customer is in the share that gets no messages."
    if situation.address is None:
        return "The customer has no email address."
    if situation.suppressed:
        return "The address is on the suppression list."
    must_act = customer_must_act(situation.decline_class)
    if step.condition is When.CUSTOMER_MUST_ACT and not must_act:
        return "Retries can still succeed without the customer."
    if step.condition is When.RETRY_FAILED and not (must_act or situation.retries_failed):
        return "No retry has failed yet."
    return None


def customer_must_act(decline_class: DeclineClass) -> bool:
    """Return whether no retry on the same card can succeed."""
    return decline_class in {
        DeclineClass.NEEDS_CARD,
        DeclineClass.NEEDS_AUTHENTICATION,
        DeclineClass.HARD,
        DeclineClass.FRAUD,
    }


def template_for(step: Step, decline_class: DeclineClass) -> str:
    """Return the template of a step; the first notice says what the customer must do when only they can."""
    if step.template != "payment_failed":
        return step.template
    if decline_class is DeclineClass.NEEDS_AUTHENTICATION:
        return "authentication_needed"
    return "card_needed" if customer_must_act(decline_class) else step.template
