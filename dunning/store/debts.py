"""What one customer owes: the newest recovery of each of their invoices, with how the invoice stands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, bindparam, select

from dunning.core.billing import Whose
from dunning.core.vocabulary import AttemptState
from dunning.store.prepared import belongs, owner
from dunning.store.rows import RecoveryRow
from dunning.store.tables import attempts, invoices, recoveries


@dataclass(frozen=True, slots=True)
class Debt:
    """An invoice of a customer; `remaining` are minor units, of which a closed one may have none."""

    recovery: RecoveryRow
    invoice_status: str | None
    remaining: int
    plan: str | None


_ITS_INVOICE: Final = and_(
    invoices.c.account_id == recoveries.c.account_id,
    invoices.c.livemode == recoveries.c.livemode,
    invoices.c.id == recoveries.c.invoice_id,
)
_ALL: Final = (
    select(recoveries, invoices.c.status, invoices.c.amount_remaining, invoices.c.plan)
    .outerjoin(invoices, _ITS_INVOICE)
    .order_by(recoveries.c.opened_at.desc(), recoveries.c.id.desc())
)
_OF_CUSTOMER: Final = _ALL.where(*belongs(recoveries), recoveries.c.customer_id == bindparam("its_customer"))
_OF_RECOVERY: Final = _ALL.where(recoveries.c.id == bindparam("its_id"))
_TRIES: Final = select(attempts.c.state, attempts.c.at, attempts.c.finished_at).where(
    attempts.c.recovery_id == bindparam("its_id")
)
_OWN: Final = len(recoveries.c)


def of_customer(connection: Connection, whose: Whose, customer_id: str) -> list[Debt]:
    """Return every invoice of a customer that ever failed, by its newest recovery, oldest first."""
    newest: dict[str, Debt] = {}
    for row in connection.execute(_OF_CUSTOMER, {**owner(whose), "its_customer": customer_id}):
        newest.setdefault(row.invoice_id, _debt(row))
    return sorted(newest.values(), key=lambda debt: (debt.recovery.failed_at, debt.recovery.id))


def of_recovery(connection: Connection, recovery_id: str) -> Debt | None:
    """Return the invoice of one recovery."""
    row = connection.execute(_OF_RECOVERY, {"its_id": recovery_id}).one_or_none()
    return _debt(row) if row is not None else None


def tries(connection: Connection, recovery_id: str) -> list[tuple[AttemptState, datetime]]:
    """Return how each try on an invoice ended, or stands, and since when."""
    found = connection.execute(_TRIES, {"its_id": recovery_id})
    return [(row.state, row.finished_at or row.at) for row in found]


def _debt(row: Row[Any]) -> Debt:
    status, remaining, plan = tuple(row)[_OWN:]
    return Debt(RecoveryRow.of(row), status, remaining or 0, plan)
