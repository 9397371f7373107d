"""Which recoveries may be behind a figure of a grouped report, newest first, and what is shown of each."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, or_, select

from dunning.core.report_words import Subject
from dunning.store.tables import attempts, balance_lines, customers, ledger_entries, messages, recoveries

_MOMENTS: Final[Mapping[Subject, Sequence[tuple[Any, Any]]]] = {
    Subject.CASH: (
        (ledger_entries.c.recovery_id, ledger_entries.c.at),
        (balance_lines.c.recovery_id, balance_lines.c.at),
    ),
    Subject.ATTEMPTS: ((attempts.c.recovery_id, attempts.c.at),),
    Subject.MESSAGES: (
        (messages.c.recovery_id, messages.c.sent_at),
        (messages.c.recovery_id, messages.c.due_at),
    ),
}


def candidates(
    connection: Connection,
    subject: Subject,
    start: datetime,
    end: datetime,
    *,
    livemode: bool,
    imported: bool,
    before: str | None,
    most: int,
) -> list[str]:
    """Return the recoveries with a fact of the subject in [start, end), newest id first, after `before`."""
    own = recoveries.c
    if subject in _MOMENTS:
        touched = or_(
            *(own.id.in_(select(name).where(at >= start, at < end)) for name, at in _MOMENTS[subject])
        )
    else:
        at = own.failed_at if subject is Subject.FAILURES else own.closed_at
        touched = and_(at >= start, at < end)
    known = own.import_id.is_not(None) if imported else own.import_id.is_(None)
    query = select(own.id).where(touched, known, own.livemode == livemode).order_by(own.id.desc()).limit(most)
    if before is not None:
        query = query.where(own.id < before)
    return list(connection.execute(query).scalars())


def described(connection: Connection, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return what is shown of recoveries: invoice, customer, status, reason."""
    own = recoveries.c
    same = and_(
        customers.c.account_id == own.account_id,
        customers.c.livemode == own.livemode,
        customers.c.id == own.customer_id,
    )
    names = (own.id, own.account_id, own.invoice_id, own.customer_id, own.status, own.reason, own.currency)
    query = select(*names, customers.c.name.label("customer_name")).join(customers, same, isouter=True)
    rows = connection.execute(query.where(own.id.in_(list(ids)))).mappings()
    return {row["id"]: row for row in rows}
