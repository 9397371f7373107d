"""The lines of the recovery queue, as the flows keep them: what a line is told from, and writing it down."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from dunning.core.billing import Whose
from dunning.core.search_words import LONGEST, normalised
from dunning.core.vocabulary import (
    COSTS_BUDGET,
    OPEN,
    AttemptState,
    MessageState,
    SuppressionReason,
    TaskState,
)
from dunning.store.prepared import ITS_ID, belongs, owner
from dunning.store.tables import (
    approvals,
    attempts,
    cards,
    customer_usage,
    customers,
    invoices,
    links,
    messages,
    notes,
    queue_items,
    recoveries,
    search_words,
    staff_changes,
    staff_tasks,
    suppressions,
)
from dunning.store.upsert import insert_all_once, upsert

REFUSED: Final = (AttemptState.DECLINED, AttemptState.NEEDS_ACTION)
STAFFS: Final = ("owner", "snoozed_until", "snooze_reason", "promised_until", "touched_at")
KEPT: Final = (*STAFFS, "place", "status", "needed_since", "cause", "version", "named")


def _mirror(table: Any, own_id: ColumnElement[Any]) -> ColumnElement[bool]:
    same = (table.c.account_id == recoveries.c.account_id, table.c.livemode == recoveries.c.livemode)
    return and_(*same, table.c.id == own_id)


def _of(table: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(table.c.recovery_id == recoveries.c.id, *where)


def _used() -> ColumnElement[bool]:
    usage = customer_usage.c
    mine = and_(usage.account_id == recoveries.c.account_id, usage.livemode == recoveries.c.livemode)
    return and_(mine, usage.customer_id == recoveries.c.customer_id)


def _counted(*where: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(attempts).where(_of(attempts, *where)).scalar_subquery()


def _facts() -> Select[Any]:
    unsent = messages.c.state == MessageState.PLANNED
    barred = exists().where(
        suppressions.c.account_id == recoveries.c.account_id,
        suppressions.c.address == func.lower(customers.c.email),
        suppressions.c.released_at.is_(None),
        suppressions.c.reason != SuppressionReason.UNSUBSCRIBED,  # what is owed is still told
    )
    waits = (attempts.c.abandoned_at.is_not(None), attempts.c.finished_at.is_(None))
    ours = (attempts.c.ordinal.is_not(None), attempts.c.state.in_(sorted(COSTS_BUDGET)))
    coming = select(func.min(messages.c.due_at)).where(_of(messages, unsent))
    sent = select(func.max(messages.c.sent_at)).where(_of(messages))
    mails = _of(messages, messages.c.state == MessageState.SENT, messages.c.channel == "email")
    called = select(func.max(staff_tasks.c.closed_at)).where(
        _of(staff_tasks, staff_tasks.c.state == TaskState.DONE)
    )
    kept = [queue_items.c[name].label(f"item_{name}") for name in KEPT]
    return (
        select(
            *recoveries.c,
            customers.c.name.label("customer_name"),
            customers.c.email.label("customer_email"),
            customers.c.country.label("customer_country"),
            invoices.c.number.label("invoice_number"),
            invoices.c.plan,
            cards.c.exp_month,
            cards.c.exp_year,
            barred.label("barred"),
            _counted(attempts.c.state.in_(REFUSED)).label("refusals"),
            _counted(*ours).label("asked"),
            exists().where(_of(attempts, *waits)).label("abandoned"),
            exists().where(_of(approvals, approvals.c.decided_at.is_(None))).label("approval_asked"),
            coming.scalar_subquery().label("next_message_at"),
            sent.scalar_subquery().label("last_message_at"),
            called.scalar_subquery().label("last_call_at"),
            exists().where(_of(staff_tasks, staff_tasks.c.state == TaskState.OPEN)).label("call_asked"),
            select(func.count()).select_from(messages).where(mails).scalar_subquery().label("mails_sent"),
            exists().where(_of(links, links.c.used_at.is_not(None))).label("link_used"),
            customer_usage.c.usage,
            customer_usage.c.usage_before,
            *kept,
        )
        .join(customers, _mirror(customers, recoveries.c.customer_id), isouter=True)
        .join(invoices, _mirror(invoices, recoveries.c.invoice_id), isouter=True)
        .join(cards, _mirror(cards, recoveries.c.card_id), isouter=True)
        .join(queue_items, queue_items.c.recovery_id == recoveries.c.id, isouter=True)
        .join(customer_usage, _used(), isouter=True)
        .where(recoveries.c.id == ITS_ID)
    )


_FACTS: Final = _facts()
_ITEM: Final = select(queue_items).where(queue_items.c.recovery_id == ITS_ID)


def facts(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return what a recovery's line is told from, or None; the line as it was has names with `item_`."""
    return connection.execute(_FACTS, {"its_id": recovery_id}).mappings().one_or_none()


def item(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return the line of a recovery, or None."""
    return connection.execute(_ITEM, {"its_id": recovery_id}).mappings().one_or_none()


def put(connection: Connection, values: Mapping[str, Any]) -> None:
    """Write a line, in the place of the one before."""
    upsert(connection, queue_items, ("recovery_id",), values)


def name(connection: Connection, recovery_id: str, words: Sequence[str]) -> None:
    """Let a recovery be found by these words and no others."""
    connection.execute(delete(search_words).where(search_words.c.recovery_id == recovery_id))
    rows = [{"word": word, "recovery_id": recovery_id} for word in words]
    insert_all_once(connection, search_words, rows)


def ring(connection: Connection, recovery_ids: Sequence[str], now: datetime) -> None:
    """Let lines be told anew within seconds: something changed that no decision hangs on."""
    found = queue_items.c.recovery_id.in_(recovery_ids)
    connection.execute(update(queue_items).where(found).values(ring_at=now))


def ring_customer(connection: Connection, whose: Whose, customer_id: str, now: datetime) -> None:
    """Let the lines of a customer's open recoveries be told anew within seconds."""
    theirs = select(recoveries.c.id).where(
        *belongs(recoveries), recoveries.c.customer_id == customer_id, recoveries.c.status.in_(sorted(OPEN))
    )
    mine = select(queue_items.c.recovery_id).where(queue_items.c.recovery_id.in_(theirs))
    held = mine.order_by(queue_items.c.recovery_id).with_for_update()  # in the order that everybody takes
    found = connection.execute(held, owner(whose)).scalars().all()
    if found:
        ring(connection, found, now)


def ring_address(connection: Connection, address: str, now: datetime) -> None:
    """Let the lines that are found by a mail address, of every account, be told anew within seconds."""
    named = select(search_words.c.recovery_id).where(search_words.c.word == normalised(address)[:LONGEST])
    mine = select(queue_items.c.recovery_id).where(queue_items.c.recovery_id.in_(named), queue_items.c.open)
    held = mine.order_by(queue_items.c.recovery_id).with_for_update()  # in the order that everybody takes
    found = connection.execute(held).scalars().all()
    if found:
        ring(connection, found, now)


def keep_change(connection: Connection, values: Mapping[str, Any]) -> None:
    """Keep what a person changed, so that it can be undone."""
    connection.execute(insert(staff_changes), dict(values))


def newest_change(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return what a person changed last and did not undo, or None."""
    query = (
        select(staff_changes)
        .where(staff_changes.c.recovery_id == recovery_id, staff_changes.c.undone_at.is_(None))
        .order_by(staff_changes.c.version.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none()


def mark_undone(connection: Connection, change_id: str, now: datetime) -> None:
    """Write down that a change was undone."""
    connection.execute(update(staff_changes).where(staff_changes.c.id == change_id).values(undone_at=now))


def newest_note(connection: Connection, recovery_id: str) -> RowMapping | None:
    """Return the newest line of a recovery's timeline, or None."""
    newest = (notes.c.at.desc(), notes.c.id.desc())
    query = select(notes).where(notes.c.recovery_id == recovery_id).order_by(*newest).limit(1)
    return connection.execute(query).mappings().one_or_none()
