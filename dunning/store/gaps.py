"""What a webhook should have brought and did not, as reconciliation found it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, RowMapping, func, insert, select

from dunning.core.billing import Whose
from dunning.core.ids import derive_id
from dunning.store.tables import gaps

RECENT: Final = timedelta(days=7)
SAMPLE: Final = 20


class Kind(StrEnum):
    """What was missed."""

    EVENTS = "events"  # kept by Stripe, and fetched
    OPENINGS = "openings"  # invoices that failed and had no recovery
    ENDINGS = "endings"  # recoveries whose invoice had ended


def add(
    connection: Connection,
    whose: Whose,
    kind: Kind,
    ids: Sequence[str],
    *,
    since: datetime,
    until: datetime,
    now: datetime,
) -> None:
    """Keep a gap of these Stripe ids, which should have been heard of between `since` and `until`."""
    row = {
        "id": derive_id("gap", now, whose.account_id, whose.livemode, kind, *ids),
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "kind": kind.value,
        "count": len(ids),
        "since": since,
        "until": until,
        "found_at": now,
        "sample": " ".join(ids[:SAMPLE]),
    }
    connection.execute(insert(gaps).values(**row))


def recent(connection: Connection, now: datetime, *, livemode: bool) -> Sequence[RowMapping]:
    """Return the gaps found in the last seven days, newest first."""
    query = select(gaps).where(gaps.c.found_at > now - RECENT, gaps.c.livemode == livemode)
    return connection.execute(query.order_by(gaps.c.found_at.desc(), gaps.c.id)).mappings().all()


def counts(connection: Connection, now: datetime) -> dict[str, int]:
    """Return how much was missed in the last seven days, by kind."""
    query = select(gaps.c.kind, func.sum(gaps.c.count)).where(gaps.c.found_at > now - RECENT)
    found = {kind: int(total) for kind, total in connection.execute(query.group_by(gaps.c.kind))}
    return {kind.value: found.get(kind.value, 0) for kind in Kind}
