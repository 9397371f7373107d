"""The recovery queue as staff and API read it: pages of rows, counts of the tabs, figures of the overview."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, literal, select

from dunning.core.vocabulary import OPEN, Retries
from dunning.store.queue_filter import (
    Tab,
    Wanted,
    conditions,
    cursor_of,
    impossible,
    in_tab,
    ordered,
)
from dunning.store.tables import attempts, customers, invoices, plans, queue_items, recoveries

LINE: Final = (
    "place cause needed_since respond_by breached expected slipping paid_so_far attempts_left owner"
    " snoozed_until snooze_reason promised_until country version"
).split()
COUNTED_MOST: Final = 1000  # a tab that holds more says 1,000+


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of the queue, and where the next one begins."""

    rows: Sequence[RowMapping]
    next_cursor: str | None


def page(connection: Connection, wanted: Wanted, *, now: datetime) -> Leaf:
    """Return one page; `now` (aware UTC) tells ages.

    Raises:
        BadCursor: the cursor is none of this order.
    """
    found = ids(connection, replace(wanted, limit=wanted.limit + 1), now=now)
    more = len(found) > wanted.limit
    shown = found[: wanted.limit]
    by_id = {row["id"]: row for row in _rows(connection, [row["recovery_id"] for row in shown])}
    rows = [by_id[row["recovery_id"]] for row in shown if row["recovery_id"] in by_id]
    return Leaf(rows, cursor_of(shown[-1], wanted.sort) if more else None)


def ids(connection: Connection, wanted: Wanted, *, now: datetime) -> Sequence[RowMapping]:
    """Return the bare lines of a page, in its order: the database looks nowhere but into one table for them.

    Raises:
        BadCursor: the cursor is none of this order.
    """
    if impossible(wanted):
        return []
    columns = (queue_items.c.recovery_id, queue_items.c.rank, queue_items.c.worth, queue_items.c.face)
    query = select(*columns, queue_items.c.deadline, queue_items.c.value).where(conditions(wanted, now))
    return connection.execute(ordered(query, wanted).limit(wanted.limit)).mappings().all()


def every_page(connection: Connection, wanted: Wanted, *, now: datetime) -> Iterator[Sequence[RowMapping]]:
    """Yield the rows of all pages, one page after the other."""
    cursor = wanted.cursor
    while True:
        leaf = page(connection, replace(wanted, cursor=cursor), now=now)
        yield leaf.rows
        cursor = leaf.next_cursor
        if cursor is None:
            return


def item(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return one recovery in the shape of the queue, or None."""
    return next(iter(_rows(connection, [recovery_id])), None)


def tab_counts(connection: Connection, *, livemode: bool, me: str = "") -> Mapping[Tab, int]:
    """Return how many recoveries each tab holds; counting stops at one more than `COUNTED_MOST`."""
    return dict(zip(Tab, connection.execute(_counting(livemode, me)).one(), strict=True))


def _counting(livemode: bool, me: str) -> Select[Any]:  # noqa: FBT001 - a column's value
    def count(tab: Tab) -> Any:
        some = (
            select(literal(1))
            .where(queue_items.c.livemode == livemode, in_tab(tab, me))
            .limit(COUNTED_MOST + 1)
        )
        return select(func.count()).select_from(some.subquery()).scalar_subquery()

    return select(*(count(tab).label(tab.value) for tab in Tab))


def _rows(connection: Connection, recovery_ids: Sequence[str]) -> Sequence[RowMapping]:
    found = _listing().where(recoveries.c.id.in_(recovery_ids))
    return connection.execute(found).mappings().all()


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
            *(queue_items.c[name] for name in LINE),
            recoveries.c.id.in_(_abandoned()).label("abandoned"),
        )
        .join(customers, _mirror(customers, recoveries.c.customer_id), isouter=True)
        .join(invoices, _mirror(invoices, recoveries.c.invoice_id), isouter=True)
        .join(queue_items, queue_items.c.recovery_id == recoveries.c.id, isouter=True)
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
