"""Requests to erase a person; a request, from its first moment, is the tombstone of their data."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, select, update

from dunning.core.billing import Whose
from dunning.store.prepared import belongs, owner
from dunning.store.tables import erasures
from dunning.store.upsert import insert_once

_OF: Final = select(erasures.c.id).where(*belongs(erasures), erasures.c.customer_id == bindparam("its_id"))
_BY_ID: Final = select(erasures).where(erasures.c.id == bindparam("its_id"))


def erased(connection: Connection, whose: Whose, customer_id: str | None) -> bool:
    """Return whether a person's erasure was asked for: nothing personal of them may be kept any more."""
    if customer_id is None:
        return False
    return connection.execute(_OF, {**owner(whose), "its_id": customer_id}).first() is not None


def add(connection: Connection, values: Mapping[str, Any]) -> bool:
    """Keep a request; return False when the person's erasure was asked for before."""
    return insert_once(connection, erasures, values)


def by_id(connection: Connection, erasure_id: str) -> RowMapping | None:
    """Return a request."""
    return connection.execute(_BY_ID, {"its_id": erasure_id}).mappings().one_or_none()


def every(connection: Connection, most: int = 200) -> Sequence[RowMapping]:
    """Return the newest requests, newest first."""
    query = select(erasures).order_by(erasures.c.asked_at.desc(), erasures.c.id.desc()).limit(most)
    return connection.execute(query).mappings().all()


def claim(
    connection: Connection, erasure_id: str, lease_now: datetime, lease: timedelta
) -> RowMapping | None:
    """Take a request that is not finished in hand; None when somebody else has it, or it is done."""
    free = (erasures.c.lease_until.is_(None)) | (erasures.c.lease_until <= lease_now)
    mine = (erasures.c.id == erasure_id, erasures.c.finished_at.is_(None), free)
    values = {"lease_until": lease_now + lease, "fence": erasures.c.fence + 1}
    taken = connection.execute(update(erasures).where(*mine).values(**values)).rowcount == 1
    return by_id(connection, erasure_id) if taken else None


def change(connection: Connection, erasure: RowMapping, **values: Any) -> bool:
    """Write down how far a request has come, unless a later claim outdates ours."""
    mine = (erasures.c.id == erasure["id"], erasures.c.fence == erasure["fence"])
    return connection.execute(update(erasures).where(*mine).values(**values)).rowcount == 1


def customers(connection: Connection) -> frozenset[str]:
    """Return the ids of the customers whose erasure was asked for."""
    return frozenset(connection.execute(select(erasures.c.customer_id)).scalars())
