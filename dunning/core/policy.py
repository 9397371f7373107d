"""How retries are made, and what else is done to collect: the rules a recovery keeps from the day it opened.

A policy is published as a whole, in versions that never change: a default section, and for each class of
invoice what differs from it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Self

from dunning.core.access import Level, Terms
from dunning.core.vocabulary import InvoiceClass


class BackupCards(StrEnum):
    """Whether another card of the customer is tried, and which of several comes first."""

    OFF = "off"
    NEWEST_FIRST = "newest_first"
    OLDEST_FIRST = "oldest_first"


class LastResort(StrEnum):
    """What is done at Stripe when a recovery is lost."""

    LEAVE = "leave"
    MARK_UNCOLLECTIBLE = "mark_uncollectible"
    CANCEL_SUBSCRIPTION = "cancel_subscription"
    PAUSE_SUBSCRIPTION = "pause_subscription"


class Drafts(StrEnum):
    """What becomes of the invoices that piled up as drafts while the subscription was unpaid."""

    LEAVE = "leave"
    COLLECT = "collect"


NEED_SUBSCRIPTION: Final = frozenset({LastResort.CANCEL_SUBSCRIPTION, LastResort.PAUSE_SUBSCRIPTION})
DURATIONS: Final = ("window", "gap", "technical_gap", "grace")
_WORDS: Final = {
    "backup_cards": BackupCards,
    "last_resort": LastResort,
    "drafts": Drafts,
    "after_grace": Level,
    "when_lost": Level,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules for one class of invoice.

    The limits stand beside the card networks' own budgets, which are looser. All durations are lengths of
    elapsed time, not calendar days.
    """

    version: int = 1
    attempts_per_invoice: int = 8
    attempts_per_card_a_day: int = 2
    window: timedelta = timedelta(days=14)
    gap: timedelta = timedelta(hours=12)
    technical_gap: timedelta = timedelta(hours=1)
    backup_cards: BackupCards = BackupCards.OFF
    backup_after: int = 3  # refusals of the invoice; sooner where its own card can be tried no more
    last_resort: LastResort = LastResort.LEAVE
    drafts: Drafts = Drafts.LEAVE
    grace: timedelta = timedelta(days=14)  # from the failure: access as before, with a banner
    after_grace: Level = Level.RESTRICTED
    when_lost: Level = Level.NONE
    second_approval_from: int = 0  # whole units of the invoice's own currency; 0: nobody is asked

    @property
    def terms(self) -> Terms:
        """Return what the policy says of access."""
        return Terms(self.grace, self.after_grace, self.when_lost)

    def dumps(self) -> dict[str, Any]:
        """Return the policy as JSON-ready values; durations in seconds."""
        return {name: _plain(value) for name, value in asdict(self).items()}

    @classmethod
    def loads(cls, values: Mapping[str, Any]) -> Self:
        """Return the policy that `dumps` wrote; what an older version did not know has its default."""
        return cls(**{name: _typed(name, value) for name, value in values.items()})


RULES: Final = tuple(found.name for found in fields(Policy) if found.name != "version")


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One published version: `default`, and per class of invoice the rules that differ."""

    default: Policy = Policy()
    sections: Mapping[InvoiceClass, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """Return the number of the version."""
        return self.default.version

    def rules_for(self, invoice_class: InvoiceClass) -> Policy:
        """Return the rules for a class; what needs a subscription is left undone where there is none."""
        found = replace(self.default, **self.sections.get(invoice_class, {}))
        if invoice_class is InvoiceClass.ONE_OFF and found.last_resort in NEED_SUBSCRIPTION:
            return replace(found, last_resort=LastResort.LEAVE)
        return found

    def numbered(self, version: int) -> Self:
        """Return the same rules as another version."""
        return replace(self, default=replace(self.default, version=version))

    def dumps(self) -> dict[str, Any]:
        """Return the version as JSON-ready values."""
        sections = {
            str(name): {rule: _plain(value) for rule, value in section.items()}
            for name, section in self.sections.items()
        }
        return {"default": self.default.dumps(), "sections": sections}

    @classmethod
    def loads(cls, values: Mapping[str, Any]) -> Self:
        """Return the version that `dumps` wrote; the first installations kept one section alone."""
        if "default" not in values:
            return cls(Policy.loads(values))
        sections = {
            InvoiceClass(name): {rule: _typed(rule, value) for rule, value in section.items()}
            for name, section in values["sections"].items()
        }
        return cls(Policy.loads(values["default"]), sections)


def _plain(value: Any) -> Any:
    return int(value.total_seconds()) if isinstance(value, timedelta) else value


def _typed(name: str, value: Any) -> Any:
    if name in DURATIONS:
        return timedelta(seconds=value)
    return _WORDS[name](value) if name in _WORDS else value
