"""Dunning campaigns: ordered steps, each with an anchor, a condition, a channel and a template.

Which message is due, when, and whether it should still go out are decided here, purely.
"""

from dataclasses import asdict, dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final, Self

from dunning.core.conditions import Condition, Known
from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import OPEN, OVERDUE, Channel, Recipient, Status

STANDARD: Final = "standard"  # the campaign of whatever no rule takes


class When(StrEnum):
    """The condition of a step that is about how the recovery goes."""

    ALWAYS = "always"
    CUSTOMER_MUST_ACT = "customer_must_act"  # no retry can help: another card or a confirmation is needed
    RETRY_CAN_HELP = "retry_can_help"  # the opposite
    RETRY_FAILED = "retry_failed"  # at least one retry failed, or no retry can help
    LINK_NOT_USED = "link_not_used"  # the customer has not yet used a card-update link


class Anchor(StrEnum):
    """What the offset of a step counts from."""

    OPENED = "opened"  # the opening of the recovery
    INVOICE_DUE = (
        "invoice_due"  # the day on which the invoice was to be paid: its first failure, its due date
    )
    AFTER_RETRY = "after_retry"  # every retry that failed
    BEFORE_RETRY = "before_retry"  # every retry of ours that has a date; counts back
    LAST_CHANCE = "last_chance"  # the end of the window; counts back


BACKWARDS: Final = frozenset({Anchor.BEFORE_RETRY, Anchor.LAST_CHANCE})
# What only makes sense of a card becomes the reminder of an invoice, where one was sent to be paid.
OF_A_CARD: Final = frozenset(
    {"payment_failed", "card_needed", "authentication_needed", "payment_reminder", "final_notice"}
)


@dataclass(frozen=True, slots=True)
class Step:
    """One message of a campaign; `offset` counts from the anchor, or back from it.

    `only` narrows it to some invoices, `arms` to some arms of the campaign (none: to all). `task` is what
    staff are asked to do by a call. With `approval` it waits for a person.
    """

    key: str
    offset: timedelta
    template: str
    condition: When = When.ALWAYS
    channel: Channel = Channel.EMAIL
    anchor: Anchor = Anchor.OPENED
    recipient: Recipient = Recipient.CUSTOMER
    approval: bool = False
    only: Condition = field(default_factory=Condition)
    arms: tuple[str, ...] = ()
    task: str = ""

    def dumps(self) -> dict[str, Any]:
        """Return the step as JSON-ready values; the offset in seconds."""
        offset = int(self.offset.total_seconds())
        return asdict(self) | {"offset": offset, "only": self.only.dumps(), "arms": list(self.arms)}

    @classmethod
    def loads(cls, values: dict[str, Any]) -> Self:
        """Return the step that `dumps` wrote; what an older version did not know has its default."""
        read: dict[str, Any] = {"offset": timedelta(seconds=values["offset"])}
        words: dict[str, type[StrEnum]] = {
            "condition": When,
            "channel": Channel,
            "anchor": Anchor,
            "recipient": Recipient,
        }
        read |= {name: kind(values[name]) for name, kind in words.items() if name in values}
        read["only"] = Condition.loads(values.get("only", {}))
        read["arms"] = tuple(values.get("arms", ()))
        return cls(**{**values, **read})


@dataclass(frozen=True, slots=True)
class CampaignArm:
    """One of the ways that a campaign tries out on a random share of its customers."""

    key: str
    share: Fraction


@dataclass(frozen=True, slots=True)
class Campaign:
    """One immutable version of a campaign; a recovery keeps the version it opened with."""

    key: str
    version: int
    name: str
    steps: tuple[Step, ...]
    arms: tuple[CampaignArm, ...] = ()

    def step(self, key: str) -> Step | None:
        """Return the step named `key`, if this version has it."""
        return next((step for step in self.steps if step.key == key), None)

    def steps_of(self, arm: str | None) -> tuple[Step, ...]:
        """Return the steps of one arm, in their order."""
        return tuple(step for step in self.steps if not step.arms or arm in step.arms)

    def dumps(self) -> dict[str, Any]:
        """Return the campaign as JSON-ready values; offsets in seconds."""
        arms = [{"key": arm.key, "share": str(arm.share)} for arm in self.arms]
        values: dict[str, Any] = {"key": self.key, "version": self.version, "name": self.name}
        return values | {"steps": [step.dumps() for step in self.steps], "arms": arms}

    @classmethod
    def loads(cls, values: dict[str, Any]) -> Self:
        """Return the campaign that `dumps` wrote."""
        return cls(
            key=values["key"],
            version=values["version"],
            name=values["name"],
            steps=tuple(Step.loads(step) for step in values["steps"]),
            arms=tuple(CampaignArm(arm["key"], Fraction(arm["share"])) for arm in values.get("arms", ())),
        )


BUILT_IN: Final = Campaign(
    key=STANDARD,
    version=1,
    name="Three friendly reminders",
    steps=(
        Step("first", timedelta(hours=6), "payment_failed"),
        Step("reminder", timedelta(days=4), "payment_reminder"),
        Step("final", timedelta(days=10), "final_notice"),
    ),
)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a message is due; `reachable` says whether its recipient has an address."""

    status: Status
    decline_class: DeclineClass
    retries_failed: int
    invoice_open: bool
    address: str | None
    suppressed: bool
    messages_on: bool
    held_out: bool = False  # by an experiment
    link_used: bool = False
    known: Known | None = None  # None: nothing was kept of what was known at the opening
    sent_so_far: int = 0  # for the recovery
    most: int = 100  # that may go out for it
    retry_gone: bool = False  # it announces a retry that does not come any more


ADDRESSLESS: Final = frozenset({Channel.CALL, Channel.IN_APP, Channel.WEBHOOK})
NO_ADDRESS: Final = {
    (Channel.EMAIL, Recipient.CUSTOMER): "The customer has no email address.",
    (Channel.EMAIL, Recipient.SECOND_CONTACT): "The customer has no second contact with an email address.",
    (Channel.EMAIL, Recipient.STAFF): "No address of the staff is set.",
    (Channel.SMS, Recipient.CUSTOMER): "The customer has no phone number that may be written to.",
}


def refusal(step: Step, situation: Situation) -> str | None:
    """Return why the message must not go out now, as a sentence, or None when it should."""
    return _wrong_time(situation) or _unreachable(step, situation) or _not_meant(step, situation)


def _wrong_time(situation: Situation) -> str | None:
    if not situation.messages_on:
        return "Messages are switched off."
    if situation.status not in OPEN or not situation.invoice_open:
        return "The invoice needs no payment any more."
    if situation.status is Status.PAUSED:
        return "The recovery is paused."
    if situation.held_out:
        return "An experiment: this customer is in the share that gets no messages."
    if situation.retry_gone:
        return "The retry that it announces does not come any more."
    return None


def _unreachable(step: Step, situation: Situation) -> str | None:
    if step.channel not in ADDRESSLESS and situation.address is None:
        fallback = f"There is no {step.recipient.replace('_', ' ')} to reach by {step.channel}."
        return NO_ADDRESS.get((step.channel, step.recipient), fallback)
    if situation.suppressed:
        return "The address is on the suppression list."
    if situation.sent_so_far >= situation.most:
        return (
            f"{situation.sent_so_far} messages went out for this recovery: no more than {situation.most} may."
        )
    return None


def _not_meant(step: Step, situation: Situation) -> str | None:
    must_act = customer_must_act(situation.decline_class)
    if step.condition is When.CUSTOMER_MUST_ACT and not must_act:
        return "Retries can still succeed without the customer."
    if step.condition is When.RETRY_CAN_HELP and must_act:
        return "No retry can help without the customer."
    if step.condition is When.RETRY_FAILED and not (must_act or situation.retries_failed):
        return "No retry has failed yet."
    if step.condition is When.LINK_NOT_USED and situation.link_used:
        return "The customer has used a card-update link."
    known = situation.known
    if not step.only.empty and (known is None or not step.only.holds(known)):
        return f"The step is only for invoices with {step.only.words()}."
    return None


def customer_must_act(decline_class: DeclineClass) -> bool:
    """Return whether no retry on the same card can succeed."""
    return decline_class in {
        DeclineClass.NEEDS_CARD,
        DeclineClass.NEEDS_AUTHENTICATION,
        DeclineClass.HARD,
        DeclineClass.FRAUD,
    }


def template_for(step: Step, decline_class: DeclineClass, *, by_hand: bool = False) -> str:
    """Return the template of a step; the first notice says what the customer must do when only they can.

    `by_hand` is an invoice that was sent to be paid: nothing is said of a card.
    """
    if by_hand and step.template in OF_A_CARD:
        return OVERDUE
    if step.template != "payment_failed":
        return step.template
    if decline_class is DeclineClass.NEEDS_AUTHENTICATION:
        return "authentication_needed"
    return "card_needed" if customer_must_act(decline_class) else step.template
