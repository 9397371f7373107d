"""The ledger of recovered money: append-only, reversals are new rows."""

from typing import Any

from sqlalchemy import Connection, select

from dunning.core.billing import Whose
from dunning.core.vocabulary import LedgerKind, Reason
from dunning.store.tables import ledger_entries
from dunning.store.upsert import insert_once


def append(connection: Connection, values: dict[str, Any]) -> bool:
    """Append an entry unless its source is in the ledger already; return whether it was appended."""
    return insert_once(connection, ledger_entries, values)


def reasons(connection: Connection, recovery_id: str) -> list[Reason]:
    """Return whom the money of a recovery is credited to so far."""
    query = select(ledger_entries.c.reason).where(
        ledger_entries.c.recovery_id == recovery_id,
        ledger_entries.c.kind == LedgerKind.RECOVERED,
    )
    return list(connection.execute(query.distinct()).scalars())


def recovered(
    connection: Connection,
    whose: Whose,
    *,
    charge_id: str | None,
    invoice_id: str | None = None,
) -> Any | None:
    """Return the recovered entry of a charge, or else of an invoice; None when neither is in the ledger."""
    if charge_id is None and invoice_id is None:
        return None
    named = (
        ledger_entries.c.charge_id == charge_id if charge_id else ledger_entries.c.invoice_id == invoice_id
    )
    query = select(ledger_entries).where(
        ledger_entries.c.account_id == whose.account_id,
        ledger_entries.c.livemode == whose.livemode,
        ledger_entries.c.kind == LedgerKind.RECOVERED,
        named,
    )
    return connection.execute(query.order_by(ledger_entries.c.at).limit(1)).one_or_none()
