"""What the overview tells of the open recoveries: what is expected of them, and how long others took."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from sqlalchemy import Connection, and_, func, select

from dunning.core.vocabulary import LedgerKind, Status
from dunning.core.worth import Pile
from dunning.store.tables import ledger_entries, queue_items, recoveries

LAST_CLOSED: Final = 5000  # whose ends the rates are told from
LOOKED_AT: Final = 20_000


def piles(connection: Connection, *, livemode: bool) -> Sequence[Pile]:
    """Return the open recoveries by class and currency, and how the newest closed ones of a class ended."""
    item = queue_items.c
    newest = (
        select(item.decline_class, item.status)
        .where(item.livemode == livemode, item.open.is_(False))
        .order_by(item.recovery_id.desc())
        .limit(LAST_CLOSED)
        .subquery()
    )
    won = func.count().filter(newest.c.status == Status.RECOVERED)
    ends = select(newest.c.decline_class, won, func.count()).group_by(newest.c.decline_class)
    rates = {row[0]: (row[1], row[2]) for row in connection.execute(ends)}
    # squares of whole units, since those of minor units leave the range of SQLite's integers
    squares = func.sum((item.amount / 100) * (item.amount / 100)) * 10_000
    sums = (item.decline_class, item.currency, func.count(), func.sum(item.amount), squares)
    query = select(*sums).where(item.livemode == livemode, item.open.is_(True))
    found = connection.execute(query.group_by(item.decline_class, item.currency))
    return [Pile(row[1], row[2], int(row[3]), int(row[4]), *rates.get(row[0], (0, 0))) for row in found]


def median_time(connection: Connection, *, livemode: bool, since: datetime) -> tuple[timedelta | None, int]:
    """Return the median time from failure to payment of what was paid since, and of how many it is."""
    paid = and_(ledger_entries.c.kind == LedgerKind.RECOVERED, ledger_entries.c.livemode == livemode)
    query = (
        select(ledger_entries.c.at, recoveries.c.failed_at)
        .join(recoveries, recoveries.c.id == ledger_entries.c.recovery_id)
        .where(paid, ledger_entries.c.at >= since)
        .order_by(ledger_entries.c.at.desc())
        .limit(LOOKED_AT)
    )
    taken = [at - failed_at for at, failed_at in connection.execute(query)]
    return (median(taken) if taken else None), len(taken)
