"""Rows as typed values: what the flows pass around between a read and a write."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any, ClassVar, Self

from sqlalchemy import Row, Table

from dunning.core.billing import Whose, network_of
from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import (
    OVERDUE,
    Arm,
    AttemptState,
    ClosedReason,
    ErrandKind,
    ErrandState,
    EventState,
    InvoiceClass,
    MadeBy,
    MessageState,
    Reason,
    Retries,
    Status,
)
from dunning.store import tables


@dataclass(frozen=True, slots=True)
class _Row:
    table: ClassVar[Table]

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Return the typed value of one whole row of the table, as `select(table)` finds it."""
        return cls(*_pick(cls)(row))  # type: ignore[arg-type]  # a class is hashable, whatever mypy thinks


@cache
def _pick(kind: Any) -> Callable[[Row[Any]], tuple[Any, ...]]:
    """Return what takes the fields out of a row, by their places: every row of a query passes here."""
    places = {name: place for place, name in enumerate(kind.table.c.keys())}
    return itemgetter(*(places[field.name] for field in fields(kind)))


class _Owned:
    """What every row of a merchant's own has in common."""

    __slots__ = ()
    account_id: str
    livemode: bool

    @property
    def whose(self) -> Whose:
        """Return whose row it is."""
        return Whose(self.account_id, self.livemode)


@dataclass(frozen=True, slots=True)
class RecoveryRow(_Row, _Owned):
    """One recovery."""

    table: ClassVar[Table] = tables.recoveries

    id: str
    account_id: str
    livemode: bool
    invoice_id: str
    customer_id: str | None
    subscription_id: str | None
    invoice_class: InvoiceClass
    status: Status
    retries: Retries
    segment: str | None
    currency: str
    amount: int
    credited_before: int
    failed_at: datetime
    opened_at: datetime
    deadline: datetime
    decline_class: DeclineClass
    decline_code: str | None
    card_id: str | None
    fresh_card_id: str | None
    backup_card_id: str | None
    next_attempt_at: datetime | None
    staff_request: str | None
    pause_until: datetime | None
    pause_reason: str | None
    why: str
    reason: Reason | None
    closed_reason: ClosedReason | None
    closed_at: datetime | None
    late: bool
    policy_version: int
    campaign_key: str
    campaign_version: int
    campaign_arm: str | None
    moved_from: list[Any] | None
    known: dict[str, Any] | None
    silenced_at: datetime | None
    taken_over: bool
    contradicted_at: datetime | None
    import_id: str | None
    retries_arm: Arm | None
    messages_arm: Arm | None
    ring_at: datetime | None

    @property
    def next_card_id(self) -> str | None:
        """Return the card of the next attempt: a fresh one, a backup, else that of the last failure."""
        return self.fresh_card_id or self.backup_card_id or self.card_id

    @property
    def by_hand(self) -> bool:
        """Return whether the customer pays by an invoice that was sent: written to, never charged."""
        return self.decline_code == OVERDUE


@dataclass(frozen=True, slots=True)
class AttemptRow(_Row, _Owned):
    """One try to collect."""

    table: ClassVar[Table] = tables.attempts

    id: str
    account_id: str
    livemode: bool
    recovery_id: str
    invoice_id: str
    made_by: MadeBy
    state: AttemptState
    ordinal: int | None
    idempotency_key: str | None
    parameters: dict[str, Any] | None
    at: datetime
    asked_at: datetime | None
    last_asked_at: datetime | None
    finished_at: datetime | None
    replays: int
    looks: int
    abandoned_at: datetime | None
    currency: str
    amount: int
    card_id: str | None
    fingerprint: str | None
    brand: str | None
    funding: str | None
    country: str | None
    other_card_passed: bool
    decline_class: DeclineClass | None
    decline_code: str | None
    advice_code: str | None
    network_advice_code: str | None
    network_decline_code: str | None
    network_status: str | None
    outcome_type: str | None
    outcome_reason: str | None
    rules_version: int | None
    charge_id: str | None
    lease_until: datetime | None
    fence: int


@dataclass(frozen=True, slots=True)
class EventRow(_Row, _Owned):
    """One event from Stripe."""

    table: ClassVar[Table] = tables.events

    seq: int
    account_id: str
    livemode: bool
    id: str
    type: str
    object_id: str | None
    created_at: datetime | None
    received_at: datetime
    request_id: str | None
    idempotency_key: str | None
    payload: bytes
    state: EventState
    tries: int
    fence: int


@dataclass(frozen=True, slots=True)
class MessageRow(_Row, _Owned):
    """One message of a campaign."""

    table: ClassVar[Table] = tables.messages

    id: str
    account_id: str
    livemode: bool
    recovery_id: str
    step: str
    occurrence: str
    channel: str
    recipient: str
    template: str
    state: MessageState
    due_at: datetime
    before_at: datetime | None
    moved: list[str] | None
    address: str | None
    sent_at: datetime | None
    awaits_since: datetime | None
    approved_by: str | None
    approved_words: str | None
    lease_until: datetime | None
    fence: int


@dataclass(frozen=True, slots=True)
class CardRow(_Row):
    """One way to pay that a customer has on file."""

    table: ClassVar[Table] = tables.cards

    id: str
    customer_id: str | None
    type: str
    fingerprint: str | None
    brand: str | None
    funding: str | None
    country: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    added_at: datetime | None
    network_updated_at: datetime | None
    detached_at: datetime | None

    @property
    def network(self) -> str | None:
        """Return whose rules hold: a card's brand, a bank debit's type."""
        return network_of(self.type, self.brand)


@dataclass(frozen=True, slots=True)
class CustomerRow(_Row):
    """Who owes."""

    table: ClassVar[Table] = tables.customers

    id: str
    email: str | None
    name: str | None
    country: str | None
    locale: str | None
    timezone: str | None
    deleted: bool
    default_card_id: str | None
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkRow(_Row):
    """One card-update link."""

    table: ClassVar[Table] = tables.links

    id: str
    account_id: str
    livemode: bool
    recovery_id: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    last_used_at: datetime | None
    used_for: str | None


@dataclass(frozen=True, slots=True)
class ErrandRow(_Row, _Owned):
    """One thing to do at Stripe for a recovery, besides charging."""

    table: ClassVar[Table] = tables.errands

    id: str
    account_id: str
    livemode: bool
    recovery_id: str
    customer_id: str | None
    kind: ErrandKind
    object_id: str
    occurrence: str
    by: str
    state: ErrandState
    note: str | None
    planned_at: datetime
    finished_at: datetime | None
    lease_until: datetime | None
    fence: int
