"""Queries on errands: what is done at Stripe for a recovery, besides charging."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select, update

from dunning.core.billing import Whose
from dunning.core.vocabulary import ErrandKind, ErrandState
from dunning.store.rows import ErrandRow
from dunning.store.tables import errands
from dunning.store.upsert import insert_once

UNFINISHED: Final = (ErrandState.PLANNED, ErrandState.ASKING)


def by_id(connection: Connection, errand_id: str, *, lock: bool = False) -> ErrandRow | None:
    """Return one errand; `lock` holds it until the transaction ends."""
    query = select(errands).where(errands.c.id == errand_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return ErrandRow.of(row) if row is not None else None


def of_recovery(connection: Connection, recovery_id: str) -> list[ErrandRow]:
    """Return the errands of a recovery, oldest first."""
    query = (
        select(errands)
        .where(errands.c.recovery_id == recovery_id)
        .order_by(errands.c.planned_at, errands.c.id)
    )
    return [ErrandRow.of(row) for row in connection.execute(query)]


def plan(connection: Connection, values: dict[str, Any]) -> bool:
    """Insert an errand unless the very same one is known; return whether it was inserted."""
    return insert_once(connection, errands, values)


def change(connection: Connection, errand_id: str, seen: int, **values: Any) -> bool:
    """Update an errand unless a later claim outdates the fence `seen`; return whether it was ours."""
    done = connection.execute(
        update(errands).where(errands.c.id == errand_id, errands.c.fence == seen).values(values),
    )
    return done.rowcount == 1


def claim(
    connection: Connection, errand: ErrandRow, now: datetime, lease: timedelta, **more: Any
) -> int | None:
    """Take an errand whose lease is over; return the new fence, or None when somebody else holds it."""
    if errand.lease_until is not None and errand.lease_until > now:
        return None
    taken = {**more, "fence": errand.fence + 1, "lease_until": now + lease}
    return errand.fence + 1 if change(connection, errand.id, errand.fence, **taken) else None


def drop(
    connection: Connection, recovery_id: str, kinds: Iterable[ErrandKind], why: str, now: datetime
) -> None:
    """Give up a recovery's errands of these kinds that Stripe was not asked for yet."""
    connection.execute(_dropping(kinds, why, now).where(errands.c.recovery_id == recovery_id))


def drop_of_customer(
    connection: Connection,
    whose: Whose,
    customer_id: str,
    kinds: Iterable[ErrandKind],
    why: str,
    now: datetime,
) -> None:
    """Give up a customer's errands of these kinds that nobody has in hand, also those asked for in vain."""
    in_vain = (errands.c.state == ErrandState.ASKING) & errands.c.lease_until.is_(None)
    connection.execute(
        _dropping(kinds, why, now, (errands.c.state == ErrandState.PLANNED) | in_vain).where(
            errands.c.account_id == whose.account_id,
            errands.c.livemode == whose.livemode,
            errands.c.customer_id == customer_id,
        ),
    )


def _dropping(
    kinds: Iterable[ErrandKind], why: str, now: datetime, which: Any = errands.c.state == ErrandState.PLANNED
) -> Any:
    dropped = {"state": ErrandState.DROPPED, "note": why, "finished_at": now, "ring_at": None}
    these = update(errands).where(which, errands.c.kind.in_(sorted(kinds)))
    return these.values(**dropped, fence=errands.c.fence + 1)
