"""Queries on coming renewals: what was read of them, how their cards did, and the revenue at risk."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, case, delete, func, select

from dunning.core.billing import Whose
from dunning.core.renewals import CardRecord, Renewal, Risk
from dunning.core.vocabulary import AttemptState
from dunning.store.tables import attempts, customers, notices, renewals
from dunning.store.upsert import upsert_all

REFUSED: Final = (AttemptState.DECLINED, AttemptState.NEEDS_ACTION)
_KEY: Final = ("account_id", "livemode", "id")


@dataclass(frozen=True, slots=True)
class AtRisk:
    """A renewal that may fail; `amount` in minor units, None where its price has no fixed one."""

    subscription: str
    customer: str
    customer_name: str | None
    renews_at: datetime
    currency: str
    amount: int | None
    plan: str | None
    risk: Risk
    noticed_at: datetime | None  # when its customer was told


def records(connection: Connection, whose: Whose, fingerprints: Collection[str]) -> dict[str, CardRecord]:
    """Return how cards did, by fingerprint: when each was last refused, and when it last paid."""
    column = attempts.c.fingerprint
    refused = func.max(case((attempts.c.state.in_(REFUSED), attempts.c.at)))
    paid = func.max(case((attempts.c.state == AttemptState.PAID, attempts.c.at)))
    query = (
        select(column, refused.label("refused_at"), paid.label("paid_at"))
        .where(attempts.c.account_id == whose.account_id, attempts.c.livemode == whose.livemode)
        .where(column.in_(sorted(set(fingerprints))))
        .group_by(column)
    )
    return {row.fingerprint: CardRecord(row.refused_at, row.paid_at) for row in connection.execute(query)}


def keep_page(
    connection: Connection, whose: Whose, found: Collection[tuple[Renewal, Risk | None]], now: datetime
) -> None:
    """Keep what was read of renewals; of one that will not come, nothing is kept."""
    rows = [_row(whose, renewal, risk, now) for renewal, risk in found if not renewal.ends_before]
    upsert_all(connection, renewals, _KEY, rows)


def forget_unread(connection: Connection, whose: Whose, since: datetime) -> None:
    """Forget the renewals that a whole reading of the account, begun at `since`, did not show."""
    connection.execute(delete(renewals).where(*_of(whose), renewals.c.read_at < since))


def bills_again(connection: Connection, whose: Whose, customer_id: str) -> frozenset[str]:
    """Return the subscriptions of a customer that renew."""
    query = select(renewals.c.id).where(*_of(whose), renewals.c.customer_id == customer_id)
    return frozenset(connection.execute(query).scalars())


def at_risk(connection: Connection, whose: Whose, now: datetime, until: datetime) -> list[AtRisk]:
    """Return the renewals at risk in [now, until), the next first."""
    told = (
        select(func.max(notices.c.sent_at))
        .where(
            notices.c.account_id == renewals.c.account_id,
            notices.c.livemode == renewals.c.livemode,
            notices.c.customer_id == renewals.c.customer_id,
            notices.c.subscription_id == renewals.c.id,
            notices.c.renews_at == renewals.c.renews_at,
        )
        .scalar_subquery()
    )
    whom = and_(
        customers.c.account_id == renewals.c.account_id,
        customers.c.livemode == renewals.c.livemode,
        customers.c.id == renewals.c.customer_id,
    )
    query = (
        select(renewals, customers.c.name, told.label("told"))
        .outerjoin(customers, whom)
        .where(*_of(whose), renewals.c.risk.is_not(None))
        .where(renewals.c.renews_at >= now, renewals.c.renews_at < until)
        .order_by(renewals.c.renews_at, renewals.c.id)
    )
    return [
        AtRisk(
            row.id, row.customer_id, row.name, row.renews_at, row.currency, row.amount,
            row.plan, row.risk, row.told,
        )
        for row in connection.execute(query)
    ]  # fmt: skip


def coming(
    connection: Connection, whose: Whose, now: datetime, until: datetime
) -> dict[str, tuple[int, int]]:
    """Return how many renewals come in [now, until), and their minor units, by currency."""
    query = (
        select(renewals.c.currency, func.count(), func.coalesce(func.sum(renewals.c.amount), 0))
        .where(*_of(whose), renewals.c.renews_at >= now, renewals.c.renews_at < until)
        .group_by(renewals.c.currency)
        .order_by(renewals.c.currency)
    )
    return {currency: (count, int(amount)) for currency, count, amount in connection.execute(query)}


def read_at(connection: Connection, whose: Whose) -> datetime | None:
    """Return when the account's renewals were last read, if any was."""
    read: datetime | None = connection.execute(
        select(func.max(renewals.c.read_at)).where(*_of(whose))
    ).scalar_one()
    return read


def _row(whose: Whose, renewal: Renewal, risk: Risk | None, now: datetime) -> dict[str, Any]:
    return {
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "id": renewal.subscription,
        "customer_id": renewal.customer,
        "renews_at": renewal.renews_at,
        "currency": renewal.currency,
        "amount": renewal.amount,
        "plan": renewal.plan,
        "card_id": renewal.card.id if renewal.card else None,
        "risk": risk,
        "read_at": now,
    }


def _of(whose: Whose) -> tuple[Any, Any]:
    return renewals.c.account_id == whose.account_id, renewals.c.livemode == whose.livemode
