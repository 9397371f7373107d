"""Queries on messages, their links and the addresses that must not be written to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    Connection,
    RowMapping,
    and_,
    bindparam,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from dunning.core.vocabulary import MessageState, SuppressionReason
from dunning.store.prepared import ITS_FENCE, ITS_ID
from dunning.store.rows import LinkRow, MessageRow
from dunning.store.suppressions import in_force_for, spellings
from dunning.store.tables import links, messages, recoveries, suppressions
from dunning.store.upsert import insert_once

_BY_ID: Final = select(messages).where(messages.c.id == ITS_ID)
_HELD: Final = _BY_ID.with_for_update()
_CHANGE: Final = update(messages).where(messages.c.id == ITS_ID, messages.c.fence == ITS_FENCE)
_ADD_LINK: Final = insert(links)
_LINK_OF_MESSAGE: Final = select(links).where(links.c.message_id == ITS_ID)
_LATELY: Final = and_(
    messages.c.state.in_([MessageState.SENT, MessageState.UNKNOWN]),
    func.coalesce(messages.c.sent_at, messages.c.due_at) > bindparam("since"),
)
_WRITTEN_TO: Final = (
    select(messages.c.state, func.coalesce(messages.c.sent_at, messages.c.due_at).label("at"))
    .where(messages.c.address == bindparam("its_address"), messages.c.id != bindparam("but"))
    .where(or_(messages.c.state == MessageState.SENDING, _LATELY))
)
_OF_RECOVERY: Final = (
    select(messages)
    .where(messages.c.recovery_id == bindparam("its_recovery"))
    .order_by(messages.c.due_at, messages.c.id)
)


def add(connection: Connection, values: dict[str, Any]) -> bool:
    """Plan a message unless the step has one already; return whether it was planned."""
    return insert_once(connection, messages, values)


def by_id(connection: Connection, message_id: str, *, lock: bool = False) -> MessageRow | None:
    """Return one message; `lock` holds it until the transaction ends."""
    row = connection.execute(_HELD if lock else _BY_ID, {"its_id": message_id}).one_or_none()
    return MessageRow.of(row) if row is not None else None


def change(connection: Connection, message_id: str, seen: int, **values: Any) -> bool:
    """Update a message unless a later claim outdates the fence `seen`; return whether it was ours."""
    mine = {"its_id": message_id, "its_fence": seen}
    return connection.execute(_CHANGE, {**mine, **values}).rowcount == 1


def words(connection: Connection, message_id: str) -> tuple[str, str, str, str]:
    """Return the address, subject, text and HTML of a message that was written."""
    query = select(
        messages.c.address,
        messages.c.subject,
        messages.c.body_text,
        messages.c.body_html,
    ).where(messages.c.id == message_id)
    row = connection.execute(query).one()
    return row.address, row.subject, row.body_text, row.body_html


def skip_planned(connection: Connection, recovery_id: str, why: str) -> None:
    """Take back every message of a recovery that has not begun to go out."""
    connection.execute(
        update(messages)
        .where(messages.c.recovery_id == recovery_id, messages.c.state == MessageState.PLANNED)
        .values(state=MessageState.SKIPPED, note=why, ring_at=None, awaits_since=None),
    )


def note(connection: Connection, message_id: str, sentence: str) -> None:
    """Write down what became known of a message after it had gone out."""
    connection.execute(update(messages).where(messages.c.id == message_id).values(note=sentence))


def settle_unknown(connection: Connection, message_id: str, *, sent_at: datetime, note: str | None) -> None:
    """Turn a message of unknown outcome into a sent one: its provider has spoken of it.

    It left before its recovery was closed, however late it is spoken of: its sender had looked.
    """
    closed = select(recoveries.c.closed_at).where(recoveries.c.id == messages.c.recovery_id).scalar_subquery()
    spoken = literal(sent_at, messages.c.sent_at.type)
    left = case((closed < spoken, closed), else_=spoken)
    sent = {"state": MessageState.SENT, "sent_at": left, "note": note}
    mine = (messages.c.id == message_id, messages.c.state == MessageState.UNKNOWN)
    connection.execute(update(messages).where(*mine).values(sent))


def waiting(connection: Connection) -> Sequence[RowMapping]:
    """Return the messages that wait for a person to approve them, the longest first."""
    waits = (messages.c.awaits_since.is_not(None), messages.c.state == MessageState.PLANNED)
    query = select(messages).where(*waits).order_by(messages.c.awaits_since).limit(500)
    return connection.execute(query).mappings().all()


def in_state(connection: Connection, state: MessageState, *, most: int = 200) -> Sequence[RowMapping]:
    """Return messages in a state, the latest due first."""
    query = select(messages).where(messages.c.state == state).order_by(messages.c.due_at.desc()).limit(most)
    return connection.execute(query).mappings().all()


def suppressed(connection: Connection, account_id: str, address: str) -> bool:
    """Return whether the address must not be written to about what is owed."""
    query = select(suppressions.c.address).where(
        in_force_for(account_id),
        suppressions.c.address.in_(spellings(connection, address)),
        suppressions.c.reason != SuppressionReason.UNSUBSCRIBED,
    )
    return connection.execute(query.limit(1)).first() is not None


def written_to(
    connection: Connection, address: str, now: datetime, window: timedelta, *, but: str
) -> list[datetime]:
    """Return when messages, `but` one, went (or may have gone) to an address within `window`."""
    given = {"its_address": address, "since": now - window, "but": but}
    rows = connection.execute(_WRITTEN_TO, given)
    return sorted(now if row.state is MessageState.SENDING else row.at for row in rows)


def of_recovery(connection: Connection, recovery_id: str) -> list[MessageRow]:
    """Return the messages of a recovery, in the order in which they are due."""
    return [MessageRow.of(row) for row in connection.execute(_OF_RECOVERY, {"its_recovery": recovery_id})]


def first_sent_at(connection: Connection, recovery_id: str) -> datetime | None:
    """Return when the recovery's first message went out."""
    query = select(func.min(messages.c.sent_at)).where(messages.c.recovery_id == recovery_id)
    first: datetime | None = connection.execute(query).scalar_one()
    return first


def newest_in_app(connection: Connection, recovery_ids: Sequence[str]) -> RowMapping | None:
    """Return the newest message of these recoveries that is shown inside the merchant's own application."""
    query = (
        select(messages.c.id, messages.c.subject, messages.c.body_text)
        .where(messages.c.recovery_id.in_(recovery_ids), messages.c.channel == "in_app")
        .where(messages.c.state == MessageState.SENT)
        .order_by(messages.c.sent_at.desc(), messages.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none() if recovery_ids else None


def add_link(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a card-update link."""
    connection.execute(_ADD_LINK, values)


def link(connection: Connection, link_id: str) -> LinkRow | None:
    """Return one card-update link."""
    row = connection.execute(select(links).where(links.c.id == link_id)).one_or_none()
    return LinkRow.of(row) if row is not None else None


def link_of_message(connection: Connection, message_id: str) -> LinkRow | None:
    """Return the link that a message carries."""
    row = connection.execute(_LINK_OF_MESSAGE, {"its_id": message_id}).one_or_none()
    return LinkRow.of(row) if row is not None else None


def links_of(connection: Connection, recovery_id: str) -> list[LinkRow]:
    """Return the links of a recovery, oldest first."""
    query = select(links).where(links.c.recovery_id == recovery_id).order_by(links.c.created_at)
    return [LinkRow.of(row) for row in connection.execute(query)]


def use_link(connection: Connection, link_id: str, at: datetime, used_for: str) -> None:
    """Remember that the page behind a link minted a Stripe session: when first, when last and for what."""
    first = func.coalesce(links.c.used_at, literal(at, links.c.used_at.type))
    used = {"used_at": first, "last_used_at": at, "used_for": used_for}
    connection.execute(update(links).where(links.c.id == link_id).values(used))
