"""What forecasts and churn are made of: recoveries by their ends, and the lives of subscriptions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, RowMapping, and_, func, select

from dunning.core.billing import Whose
from dunning.core.churn import Life
from dunning.core.forecast import Case
from dunning.core.vocabulary import OPEN, LedgerKind, Status
from dunning.store.tables import ledger_entries, lives, recoveries
from dunning.store.upsert import upsert_all

KEY: Final = ("account_id", "livemode", "id")


def cases(connection: Connection, since: datetime, *, livemode: bool) -> list[Case]:
    """Return the recoveries that failed since, oldest first: what is still owed of open ones."""
    own = recoveries.c
    paid = (
        select(ledger_entries.c.recovery_id, func.sum(ledger_entries.c.amount).label("paid"))
        .where(ledger_entries.c.kind.in_([LedgerKind.RECOVERED, LedgerKind.REVERSAL]))
        .group_by(ledger_entries.c.recovery_id)
        .subquery()
    )
    query = (
        select(
            own.decline_class,
            own.currency,
            own.amount,
            own.failed_at,
            own.closed_at,
            own.status,
            func.coalesce(paid.c.paid, 0).label("paid"),
        )
        .join(paid, paid.c.recovery_id == own.id, isouter=True)
        .where(own.failed_at >= since, own.livemode == livemode, own.import_id.is_(None))
        .order_by(own.failed_at, own.id)
    )
    return [
        Case(
            row.decline_class.value,
            row.currency,
            row.amount - int(row.paid) if row.status in OPEN else row.amount,
            row.failed_at,
            row.closed_at,
            row.status is Status.RECOVERED,
        )
        for row in connection.execute(query)
    ]


def keep_lives(connection: Connection, whose: Whose, found: Sequence[Life]) -> None:
    """Keep subscriptions as they stand now."""
    rows = [
        {
            "account_id": whose.account_id,
            "livemode": whose.livemode,
            "id": life.id,
            "customer_id": life.customer,
            "currency": life.currency,
            "monthly": life.monthly,
            "started_at": life.started_at,
            "ended_at": life.ended_at,
            "ended_for": life.ended_for,
        }
        for life in found
    ]
    upsert_all(connection, lives, KEY, rows)


def all_lives(connection: Connection, *, livemode: bool) -> list[Life]:
    """Return every subscription that is known, oldest first."""
    own = lives.c
    names = (own.id, own.customer_id, own.currency, own.monthly, own.started_at, own.ended_at, own.ended_for)
    query = select(*names).where(own.livemode == livemode).order_by(own.started_at, own.id)
    return [Life(*row) for row in connection.execute(query)]


def saved(connection: Connection, *, livemode: bool) -> Sequence[RowMapping]:
    """Return the subscriptions of recovered invoices: when recovered first, and how long they stayed."""
    own = recoveries.c
    same = and_(
        lives.c.account_id == own.account_id,
        lives.c.livemode == own.livemode,
        lives.c.id == own.subscription_id,
    )
    query = (
        select(
            lives.c.currency, lives.c.monthly, lives.c.ended_at, func.min(own.closed_at).label("recovered_at")
        )
        .join(lives, same)
        .where(own.status == Status.RECOVERED, own.livemode == livemode, own.import_id.is_(None))
        .group_by(lives.c.account_id, lives.c.id, lives.c.currency, lives.c.monthly, lives.c.ended_at)
    )
    return connection.execute(query).mappings().all()
