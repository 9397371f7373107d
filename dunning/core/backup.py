"""Which other card of the customer an attempt uses, when the policy lets it use one."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from dunning.core.declines import DeclineClass
from dunning.core.policy import BackupCards, Policy

_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)

# The customer must be asked first: too risky, or to be confirmed by the customer in person.
NEVER_WITHOUT_ASKING: Final = frozenset({DeclineClass.FRAUD, DeclineClass.NEEDS_AUTHENTICATION})
# The customer said no to the payment itself, not to this card (declines.csv has the words).
SAID_NO: Final = frozenset(
    {
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "stop_payment_order",
        "payment_disputed",
        "debit_not_authorized",
        "invalid_authorization",
        "compliance_violation",
        "invalid_amount",
    },
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One card of the customer as the next attempt on an invoice sees it. Instants are aware UTC."""

    id: str
    fingerprint: str | None
    free_at: datetime  # the earliest instant inside its budgets
    added_at: datetime | None = None
    declines: int = 0  # on this invoice
    useless: bool = False  # stopped by its bank, or refused here in a way that no retry helps


@dataclass(frozen=True, slots=True)
class Refused:
    """How the invoice was refused so far: the last decline of its own card, and how many there were."""

    decline_class: DeclineClass
    code: str | None
    declines: int


def backup_for(
    policy: Policy,
    own: Candidate | None,
    others: Iterable[Candidate],
    refused: Refused,
    *,
    deadline: datetime,
    stuck: bool = False,
) -> str | None:
    """Return the id of the other card that the next attempt uses, or None: the invoice's own card goes on.

    `own` is the card that Stripe would charge by itself; `stuck` says that nothing more can be planned on it.
    Another card is used when the own one can be tried no more before the deadline (stopped, to be replaced,
    its budget out), and from the policy's n-th refusal on; among the cards, the least refused comes first.
    """
    if policy.backup_cards is BackupCards.OFF or _must_ask(refused):
        return None
    spent = stuck or own is None or own.useless or own.free_at >= deadline
    if not spent and refused.declines < policy.backup_after:
        return None
    usable = [card for card in others if _is_another(card, own) and not card.useless]
    usable = [card for card in usable if card.free_at < deadline]
    if not usable:
        return None
    best = min(usable, key=lambda card: (card.declines, _age(policy, card), card.id))
    return best.id if spent or own is None or best.declines < own.declines else None


def _must_ask(refused: Refused) -> bool:
    return refused.decline_class in NEVER_WITHOUT_ASKING or refused.code in SAID_NO


def _is_another(card: Candidate, own: Candidate | None) -> bool:
    """Return whether it is not the same plastic, saved once more."""
    if own is None:
        return True
    same = card.fingerprint is not None and card.fingerprint == own.fingerprint
    return card.id != own.id and not same


def _age(policy: Policy, card: Candidate) -> float:
    added = (card.added_at or _LONG_AGO).timestamp()
    return -added if policy.backup_cards is BackupCards.NEWEST_FIRST else added
