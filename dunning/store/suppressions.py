"""Addresses that must not be written to, why, and since when not any more."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, delete, func, select, update

from dunning.core.vocabulary import SuppressionReason
from dunning.store.tables import suppressions, switches
from dunning.store.upsert import upsert

SALT: Final = "data:salt"  # of the digests of the addresses of those who were erased
_SALT: Final = select(switches.c.value).where(switches.c.name == SALT)
_IN_FORCE: Final = suppressions.c.released_at.is_(None)


def in_force_for(account_id: str) -> ColumnElement[bool]:
    """Return the condition that holds for what an account must respect: its own list and the merchant's."""
    return and_(suppressions.c.account_id.in_(sorted({account_id, "self"})), _IN_FORCE)


def digest_of(word: str, address: str) -> str:
    """Return what stands for the suppressed address of somebody who was erased."""
    return "digest:" + hashlib.sha256(f"{word}:{address.lower()}".encode()).hexdigest()


def spellings(connection: Connection, address: str) -> tuple[str, ...]:
    """Return what an address may be kept as: itself, or the digest that outlives its owner's erasure."""
    word = salt(connection)
    return (address.lower(),) if word is None else (address.lower(), digest_of(word, address))


def salt(connection: Connection) -> str | None:
    """Return what the digests are salted with; None before anybody was erased."""
    found: str | None = connection.execute(_SALT).scalar_one_or_none()
    return found


def to_digest(connection: Connection, address: str, word: str) -> None:
    """Keep of a suppressed address its digest alone, so that the suppression holds and nobody reads it."""
    for row in connection.execute(select(suppressions).where(suppressions.c.address == address)).mappings():
        digest = {**row, "address": digest_of(word, address), "detail": None}
        upsert(connection, suppressions, ("account_id", "address"), digest)
    connection.execute(delete(suppressions).where(suppressions.c.address == address))


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
        suppressions.c.account_id == account_id, suppressions.c.address.in_(spellings(connection, address))
    )
    return connection.execute(query.order_by(suppressions.c.released_at.is_not(None))).mappings().first()


def release(connection: Connection, address: str, *, at: datetime, by: str) -> bool:
    """Let an address be written to again by every account; return False when it is not suppressed."""
    statement = (
        update(suppressions)
        .where(suppressions.c.address.in_(spellings(connection, address)), _IN_FORCE)
        .values(released_at=at, released_by=by)
    )
    return connection.execute(statement).rowcount > 0


def release_all(
    connection: Connection, address: str, reason: SuppressionReason, *, at: datetime, by: str
) -> None:
    """Let an address that was suppressed for one reason be written to again, by every account."""
    known = suppressions.c.address.in_(spellings(connection, address))
    rows = (known, suppressions.c.reason == reason, _IN_FORCE)
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
        in_force_for(account_id), suppressions.c.address.in_(spellings(connection, address))
    )
    return connection.execute(query.limit(1)).first() is not None
