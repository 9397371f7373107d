"""The JSON shapes of the API."""

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from dunning.core.declines import DeclineClass
from dunning.core.triage import Cause, Place
from dunning.core.vocabulary import (
    AttemptState,
    ClosedReason,
    ErrandKind,
    ErrandState,
    InvoiceClass,
    MadeBy,
    Reason,
    Retries,
    Status,
)
from dunning.flows.card_budget import Standing
from dunning.flows.report import Basis, GroupBy
from dunning.store.timeline import Story
from dunning.web.instants import Instant


class Body(BaseModel):
    """A request's JSON: nothing unknown, nothing guessed (`"5"` is not 5, `0` is not false)."""

    model_config = ConfigDict(extra="forbid", strict=True)


Seen = Annotated[int | None, Query(ge=0, le=2**31 - 1, description="The `version` that you decided on.")]


class Shape(BaseModel):
    """An answer's JSON."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Recovery(Shape):
    """One failed invoice being collected; amounts in minor units, instants in UTC.

    From `place` on it is the queue's: where it lies and why, until when somebody should look, what a person
    may be expected to bring in, and whose it is.
    """

    id: str
    account: str
    livemode: bool
    invoice: str
    invoice_number: str | None
    invoice_class: InvoiceClass
    customer: str | None
    customer_name: str | None
    customer_email: str | None
    subscription: str | None
    status: Status
    retries: Retries
    amount: int
    currency: str
    failed_at: datetime
    opened_at: datetime
    deadline: datetime
    next_attempt_at: datetime | None
    stripe_next_attempt_at: datetime | None
    pause_until: datetime | None
    pause_reason: str | None
    decline_class: DeclineClass
    decline_code: str | None
    why: str
    reason: Reason | None
    closed_reason: ClosedReason | None
    closed_at: datetime | None
    late: bool
    place: Place | None
    cause: Cause | None
    respond_by: datetime | None
    breached: bool | None
    expected: int | None
    slipping: int | None
    owner: str | None
    snoozed_until: datetime | None
    promised_until: datetime | None
    version: int | None  # what a write may bring back as `seen`

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of a row of the queue."""
        renamed = {"account": "account_id", "invoice": "invoice_id", "customer": "customer_id"}
        renamed["subscription"] = "subscription_id"
        return cls(**{name: row[renamed.get(name, name)] for name in cls.model_fields})


class RecoveryPage(Shape):
    """One page of recoveries, newest first; `next_cursor` asks for the page after it."""

    data: list[Recovery]
    next_cursor: str | None


class Attempt(Shape):
    """One try to collect."""

    id: str
    made_by: MadeBy
    state: AttemptState
    ordinal: int | None
    at: datetime
    finished_at: datetime | None
    amount: int
    currency: str
    decline_class: DeclineClass | None
    decline_code: str | None
    advice_code: str | None
    network_advice_code: str | None
    network_status: str | None
    outcome_type: str | None
    outcome_reason: str | None
    rules_version: int | None
    brand: str | None
    funding: str | None
    country: str | None
    charge_id: str | None
    request_id: str | None
    note: str | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of an attempt's row."""
        return cls(**{name: row[name] for name in cls.model_fields})


class Errand(Shape):
    """One thing that is done at Stripe for a recovery, besides charging: the last resort, a card, drafts."""

    id: str
    kind: ErrandKind
    object_id: str
    by: str
    state: ErrandState
    note: str | None
    planned_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, row: RowMapping) -> Self:
        """Return the shape of an errand's row."""
        return cls(**{name: row[name] for name in cls.model_fields})


class BudgetUse(Shape):
    """One of the network's budgets for the card that would be used next: tries in a rolling window.

    `free_at` is when one more try fits; null when it fits now.
    """

    network: str | None
    limit: int
    window_hours: int
    used: int
    free_at: datetime | None

    @classmethod
    def of(cls, standing: Standing) -> list[Self]:
        """Return the shapes of a card's budgets."""
        return [
            cls(
                network=standing.network,
                limit=use.budget.limit,
                window_hours=int(use.budget.window.total_seconds()) // 3600,
                used=use.used,
                free_at=use.free_at,
            )
            for use in standing.uses
        ]


class RecoveryDetail(Recovery):
    """A recovery with its attempts and errands, oldest first, and why staff may not retry it now.

    `withheld` counts the attempts that a network's budget or a refusal for good forbade.
    """

    attempts: list[Attempt]
    errands: list[Errand]
    plan_reason: str | None
    retry_refusal: str | None
    card_budget: list[BudgetUse]
    withheld: int

    @classmethod
    def told(cls, item: RowMapping, story: Story, refusal: str | None, standing: Standing) -> Self:
        """Return the shape of a recovery with its story and its card's standing."""
        return cls(
            **Recovery.of(item).model_dump(),
            attempts=[Attempt.of(row) for row in story.attempts],
            errands=[Errand.of(row) for row in story.errands],
            plan_reason=story.plan["reason"] if story.plan else None,
            retry_refusal=refusal,
            card_budget=BudgetUse.of(standing),
            withheld=sum((standing.withheld or {}).values()),
        )


class Done(Shape):
    """An action that was carried out, and the recovery after it."""

    sentence: str
    recovery: Recovery


class Link(Shape):
    """A fresh card-update link."""

    url: str


class PauseBody(Body):
    """Until when, and why."""

    until: Instant
    why: Annotated[str, Field(min_length=1, max_length=300)]


class Figures(Shape):
    """The sums of one currency in minor units; recovered + lost + stopped + open = failed in a cohort."""

    failed: int
    recovered: int
    lost: int
    stopped: int
    open: int
    refunded: int
    disputed: int
    credited: int
    net: int


class Counts(Shape):
    """How many recoveries failed, how many of them are paid, and how many are still open."""

    failed: int
    recovered: int
    open: int


class Group(Shape):
    """The part of a report with one reason, class or month."""

    key: str
    currencies: dict[str, Figures]
    counts: dict[str, Counts]


class Imported(Shape):
    """Imported history of the same period: in none of the other figures, and nothing that dunning did."""

    currencies: dict[str, Figures]
    counts: dict[str, Counts]


class RecoveredRevenue(Shape):
    """The recovered-revenue report; `from` inclusive and `to` exclusive days in `timezone`."""

    model_config = ConfigDict(populate_by_name=True)

    basis: Basis
    start: Annotated[date, Field(alias="from")]
    end: Annotated[date, Field(alias="to")]
    timezone: str
    net: bool
    group_by: GroupBy | None
    as_of: datetime
    currencies: dict[str, Figures]
    counts: dict[str, Counts]
    groups: list[Group]
    only_imported: bool
    imported: Imported


class Problem(Shape):
    """What went wrong (RFC 9457): `detail` is a sentence for people."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
