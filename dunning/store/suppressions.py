"""Addresses that must not be written to, why, and since when not any more."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, func, select, update

from dunning.core.vocabulary import SuppressionReason
from dunning.store.tables import suppressions
from dunning.store.upsert import upsert

_IN_FORCE: Final = suppressions.c.released_at.is_(None)


def in_force_for(account_id: str) -> ColumnElement[bool]:
    """Return the condition that holds for what an account must respect: its own list and the merchant's."""
    return and_(suppressions.c.account_id.in_(sorted({account_id, "self"})), _IN_FORCE)


def add(
    connection: Connection,
    account_id: str,
    address: str,
    reason: SuppressionReason,
    *,
    at: datetime,
    detail: str = "",
    message_id: str | None = None,
) -> bool:
    """Suppress an address; return False when it is already, for as good a reason.

    Somebody who wants no friendly notices is still written to about what they owe, so any other reason
    outweighs that one.
    """
    before = of(connection, account_id, address)
    if before is not None and before["released_at"] is None:
        weak = before["reason"] == SuppressionReason.UNSUBSCRIBED and reason != before["reason"]
        if not weak:
            return False
    row = {
        "account_id": account_id,
        "address": address.lower(),
        "reason": reason.value,
        "added_at": at,
        "detail": detail,
        "message_id": message_id,
        "released_at": None,
        "released_by": None,
    }
    upsert(connection, suppressions, ("account_id", "address"), row)
    return True


def of(connection: Connection, account_id: str, address: str) -> RowMapping | None:
    """Return what is kept of an address, in force or released."""
    query = select(suppressions).where(
        suppressions.c.account_id == account_id, suppressions.c.address == address.lower()
    )
    return connection.execute(query).mappings().one_or_none()


def release(connection: Connection, address: str, *, at: datetime, by: str) -> bool:
    """Let an address be written to again by every account; return False when it is not suppressed."""
    statement = (
        update(suppressions)
        .where(suppressions.c.address == address.lower(), _IN_FORCE)
        .values(released_at=at, released_by=by)
    )
    return connection.execute(statement).rowcount > 0


def release_all(
    connection: Connection, address: str, reason: SuppressionReason, *, at: datetime, by: str
) -> None:
    """Let an address that was suppressed for one reason be written to again, by every account."""
    rows = (suppressions.c.address == address.lower(), suppressions.c.reason == reason, _IN_FORCE)
    connection.execute(update(suppressions).where(*rows).values(released_at=at, released_by=by))


def listed(connection: Connection, *, released: bool = False, most: int = 200) -> Sequence[RowMapping]:
    """Return the suppressed addresses, newest first; with `released`, those that were let go too."""
    query = select(suppressions).order_by(suppressions.c.added_at.desc(), suppressions.c.address).limit(most)
    return connection.execute(query if released else query.where(_IN_FORCE)).mappings().all()


def count(connection: Connection) -> int:
    """Return how many addresses are suppressed."""
    query = select(func.count()).select_from(suppressions).where(_IN_FORCE)
    return connection.execute(query).scalar_one()


def wants_no_notices(connection: Connection, account_id: str, address: str) -> bool:
    """Return whether an address must not get a friendly notice: suppressed, for whatever reason."""
    query = select(suppressions.c.address).where(
        in_force_for(account_id), suppressions.c.address == address.lower()
    )
    return connection.execute(query.limit(1)).first() is not None
