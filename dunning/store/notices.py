"""Queries on notices: single mails that belong to no campaign."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final

from sqlalchemy import Connection, RowMapping, Table, and_, bindparam, func, or_, select, update

from dunning.core.billing import Whose
from dunning.core.notices import NoticeKind
from dunning.core.vocabulary import Arm, Experiment, MessageState
from dunning.store.prepared import ITS_FENCE, ITS_ID
from dunning.store.rows import _Owned, _Row
from dunning.store.tables import assignments, notices
from dunning.store.upsert import insert_once


@dataclass(frozen=True, slots=True)
class NoticeRow(_Row, _Owned):
    """One notice; `recovery_id` is None where nothing has failed, `renews_at` where something has."""

    table: ClassVar[Table] = notices

    id: str
    account_id: str
    livemode: bool
    kind: NoticeKind
    about: str
    customer_id: str
    recovery_id: str | None
    subscription_id: str | None
    card_id: str | None
    renews_at: datetime | None
    state: MessageState
    due_at: datetime
    address: str | None
    sent_at: datetime | None
    lease_until: datetime | None
    fence: int


_BY_ID: Final = select(notices).where(notices.c.id == ITS_ID)
_HELD: Final = _BY_ID.with_for_update()
_CHANGE: Final = update(notices).where(notices.c.id == ITS_ID, notices.c.fence == ITS_FENCE)
_LATELY: Final = and_(
    notices.c.state.in_([MessageState.SENT, MessageState.UNKNOWN]),
    func.coalesce(notices.c.sent_at, notices.c.due_at) > bindparam("since"),
)
_WRITTEN_TO: Final = (
    select(notices.c.state, func.coalesce(notices.c.sent_at, notices.c.due_at).label("at"))
    .where(notices.c.address == bindparam("its_address"), notices.c.id != bindparam("but"))
    .where(or_(notices.c.state == MessageState.SENDING, _LATELY))
)


def add(connection: Connection, values: dict[str, Any]) -> bool:
    """Plan a notice unless its occasion has had one; return whether it was planned."""
    return insert_once(connection, notices, values)


def by_id(connection: Connection, notice_id: str, *, lock: bool = False) -> NoticeRow | None:
    """Return one notice; `lock` holds it until the transaction ends."""
    row = connection.execute(_HELD if lock else _BY_ID, {"its_id": notice_id}).one_or_none()
    return NoticeRow.of(row) if row is not None else None


def change(connection: Connection, notice_id: str, seen: int, **values: Any) -> bool:
    """Update a notice unless a later claim outdates the fence `seen`; return whether it was ours."""
    mine = {"its_id": notice_id, "its_fence": seen}
    return connection.execute(_CHANGE, {**mine, **values}).rowcount == 1


def look_again(connection: Connection, notice_id: str, at: datetime) -> None:
    """Let a notice that was sent ring at an instant (aware UTC): its customer is changing the card."""
    sent = (notices.c.id == notice_id, notices.c.state == MessageState.SENT)
    connection.execute(update(notices).where(*sent).values(ring_at=at))


def words(connection: Connection, notice_id: str) -> tuple[str, str, str, str]:
    """Return the address, subject, text and HTML of a notice that was written."""
    query = select(notices.c.address, notices.c.subject, notices.c.body_text, notices.c.body_html).where(
        notices.c.id == notice_id
    )
    row = connection.execute(query).one()
    return row.address, row.subject, row.body_text, row.body_html


def note(connection: Connection, notice_id: str, sentence: str) -> None:
    """Write down what became known of a notice after it had gone out."""
    connection.execute(update(notices).where(notices.c.id == notice_id).values(note=sentence))


def settle_unknown(connection: Connection, notice_id: str, *, sent_at: datetime, note: str | None) -> None:
    """Turn a notice of unknown outcome into a sent one: its provider has spoken of it."""
    sent = {"state": MessageState.SENT, "sent_at": sent_at, "note": note}
    mine = (notices.c.id == notice_id, notices.c.state == MessageState.UNKNOWN)
    connection.execute(update(notices).where(*mine).values(sent))


def in_state(connection: Connection, state: MessageState, *, most: int = 200) -> Sequence[RowMapping]:
    """Return notices in a state, the latest due first, under the names that a message's facts have."""
    kind = notices.c.kind
    query = (
        select(notices, kind.label("template"), kind.label("step"), notices.c.customer_id.label("recipient"))
        .where(notices.c.state == state)
        .order_by(notices.c.due_at.desc())
    )
    return connection.execute(query.limit(most)).mappings().all()


def written_to(
    connection: Connection, address: str, now: datetime, window: timedelta, *, but: str
) -> list[datetime]:
    """Return when notices, `but` one, went (or may have gone) to an address within `window`."""
    given = {"its_address": address, "since": now - window, "but": but}
    rows = connection.execute(_WRITTEN_TO, given)
    return sorted(now if row.state is MessageState.SENDING else row.at for row in rows)


def thanked(connection: Connection, address: str, since: datetime, *, but: str) -> bool:
    """Return whether another thank-you than `but` is going, or went out, to an address since an instant."""
    going = notices.c.state.in_([MessageState.SENDING, MessageState.SENT, MessageState.UNKNOWN])
    query = select(notices.c.id).where(
        notices.c.address == address,
        notices.c.kind == NoticeKind.THANK_YOU,
        notices.c.id != but,
        going,
        notices.c.due_at > since,
    )
    return connection.execute(query.limit(1)).first() is not None


def held_out(connection: Connection, whose: Whose, customer_id: str) -> bool:
    """Return whether an experiment gives the customer no messages."""
    query = select(assignments.c.arm).where(
        assignments.c.experiment == Experiment.MESSAGES,
        assignments.c.account_id == whose.account_id,
        assignments.c.livemode == whose.livemode,
        assignments.c.customer_id == customer_id,
    )
    return connection.execute(query).scalar_one_or_none() == Arm.HOLDOUT
