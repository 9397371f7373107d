"""The recovery queue as staff and API read it: pages of rows, counts of the tabs, figures of the overview."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select

from dunning.core.vocabulary import CLOSED, OPEN, Retries, Status
from dunning.store.tables import attempts, customers, invoices, plans, recoveries

PAGE = 50


class Tab(StrEnum):
    """The groups of statuses that staff look at; a recovery is in several."""

    NEEDS_ACTION = "needs_action"  # only a person can help
    SCHEDULED = "scheduled"
    WATCHING = "watching"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a reader asks the queue for; `q` is part of a name, an address or an id."""

    livemode: bool
    tab: Tab | None = None
    statuses: frozenset[Status] = frozenset()
    q: str = ""
    cursor: str | None = None  # the id of the last row of the page before
    limit: int = PAGE


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of the queue, newest recovery first, and where the next one begins."""

    rows: Sequence[RowMapping]
    next_cursor: str | None


def page(connection: Connection, wanted: Wanted, *, now: datetime) -> Leaf:
    """Return one page; `now` (aware UTC) decides which pauses are over."""
    query = _listing().where(_matches(wanted, now)).order_by(recoveries.c.id.desc()).limit(wanted.limit + 1)
    if wanted.cursor:
        query = query.where(recoveries.c.id < wanted.cursor)
    rows = connection.execute(query).mappings().all()
    more = len(rows) > wanted.limit
    return Leaf(rows[: wanted.limit], rows[wanted.limit - 1]["id"] if more else None)


def item(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return one recovery in the shape of the queue, or None."""
    return connection.execute(_listing().where(recoveries.c.id == recovery_id)).mappings().one_or_none()


def tab_counts(connection: Connection, *, livemode: bool, now: datetime) -> Mapping[Tab, int]:
    """Return how many recoveries each tab holds."""
    columns = [func.count().filter(_in_tab(tab, now)).label(tab.value) for tab in Tab]
    row = connection.execute(select(*columns).where(recoveries.c.livemode == livemode)).mappings().one()
    return {tab: row[tab.value] for tab in Tab}


def abandoned(connection: Connection) -> Sequence[str]:
    """Return the idempotency keys of the charges that a person must conclude."""
    waits = (attempts.c.abandoned_at.is_not(None), attempts.c.finished_at.is_(None))
    found = select(attempts.c.idempotency_key).where(*waits).order_by(attempts.c.abandoned_at)
    return connection.execute(found).scalars().all()


def contradicted(connection: Connection) -> Sequence[str]:
    """Return the invoices that are ours alone to collect, and that Stripe collects all the same."""
    found = (
        select(recoveries.c.invoice_id)
        .where(recoveries.c.contradicted_at.is_not(None), recoveries.c.status.in_(OPEN))
        .order_by(recoveries.c.contradicted_at)
    )
    return connection.execute(found).scalars().all()


@dataclass(frozen=True, slots=True)
class LeftToStripe:
    """How many open invoices Stripe collects (also), and for how many it has a next try."""

    open: int
    scheduled: int


def left_to_stripe(connection: Connection, now: datetime) -> LeftToStripe:
    """Return what Stripe has on its calendar for the open recoveries that are not ours alone."""
    coming = func.count().filter(invoices.c.next_payment_attempt_at > now)
    query = (
        select(func.count().label("open"), coming.label("scheduled"))
        .select_from(recoveries.join(invoices, _mirror(invoices, recoveries.c.invoice_id)))
        .where(recoveries.c.status.in_(OPEN), recoveries.c.retries != Retries.OWN)
    )
    return LeftToStripe(**connection.execute(query).mappings().one())


def open_by_status(connection: Connection, *, livemode: bool) -> Sequence[RowMapping]:
    """Return (status, currency, count, amount in minor units) of the open recoveries."""
    query = (
        select(
            recoveries.c.status,
            recoveries.c.currency,
            func.count().label("count"),
            func.sum(recoveries.c.amount).label("amount"),
        )
        .where(recoveries.c.status.in_(OPEN), recoveries.c.livemode == livemode)
        .group_by(recoveries.c.status, recoveries.c.currency)
    )
    return connection.execute(query).mappings().all()


def _listing() -> Select[Any]:
    """The columns of one line: the recovery, its customer and invoice, and the newest plan's reason."""
    newest_plan = (
        select(plans.c.reason)
        .where(plans.c.recovery_id == recoveries.c.id)
        .order_by(plans.c.made_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            *recoveries.c,
            customers.c.name.label("customer_name"),
            customers.c.email.label("customer_email"),
            invoices.c.number.label("invoice_number"),
            invoices.c.plan.label("plan"),
            invoices.c.next_payment_attempt_at.label("stripe_next_attempt_at"),
            newest_plan.label("plan_reason"),
            recoveries.c.id.in_(_abandoned()).label("abandoned"),
        )
        .join(customers, _mirror(customers, recoveries.c.customer_id), isouter=True)
        .join(invoices, _mirror(invoices, recoveries.c.invoice_id), isouter=True)
    )


def _abandoned() -> Select[Any]:
    """The recoveries with a charge that a person must conclude."""
    waits = (attempts.c.abandoned_at.is_not(None), attempts.c.finished_at.is_(None))
    return select(attempts.c.recovery_id).where(*waits)


def _mirror(table: Any, own_id: ColumnElement[Any]) -> ColumnElement[bool]:
    """The join from a recovery to the mirrored Stripe object with `own_id`."""
    return and_(
        table.c.account_id == recoveries.c.account_id,
        table.c.livemode == recoveries.c.livemode,
        table.c.id == own_id,
    )


def _matches(wanted: Wanted, now: datetime) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [recoveries.c.livemode == wanted.livemode]
    if wanted.tab is not None:
        parts.append(_in_tab(wanted.tab, now))
    if wanted.statuses:
        parts.append(recoveries.c.status.in_(wanted.statuses))
    if wanted.q.strip():
        parts.append(_mentions(wanted.q.strip()))
    return and_(*parts)


def _in_tab(tab: Tab, now: datetime) -> ColumnElement[bool]:
    status = recoveries.c.status
    match tab:
        case Tab.NEEDS_ACTION:
            over = and_(status == Status.PAUSED, recoveries.c.pause_until <= now)
            return or_(status == Status.WAITING, over, recoveries.c.id.in_(_abandoned()))
        case Tab.SCHEDULED:
            return status.in_((Status.SCHEDULED, Status.ATTEMPTING))
        case Tab.WATCHING:
            return status == Status.WATCHING
        case Tab.OPEN:
            return status.in_(OPEN)
        case Tab.CLOSED:
            return status.in_(CLOSED)
    assert_never(tab)


def _mentions(q: str) -> ColumnElement[bool]:
    """Names and addresses match anywhere, whatever the case; ids as they are written."""
    pattern = f"%{_escaped(q.lower())}%"
    words = (customers.c.name, customers.c.email, invoices.c.number, invoices.c.plan)
    found = [func.lower(column).like(pattern, escape="\\") for column in words]
    ids = ("id", "invoice_id", "customer_id", "subscription_id")
    charged = select(attempts.c.recovery_id).where(
        or_(attempts.c.charge_id == q, attempts.c.payment_intent_id == q),
    )
    return or_(*found, *(recoveries.c[name] == q for name in ids), recoveries.c.id.in_(charged))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
