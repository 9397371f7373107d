"""The ledger of recovered money: append-only, reversals are new rows."""

from typing import Any

from sqlalchemy import Connection, select

from dunning.core.billing import Whose
from dunning.core.vocabulary import LedgerKind
from dunning.store.tables import ledger_entries
from dunning.store.upsert import insert_once


def append(connection: Connection, values: dict[str, Any]) -> bool:
    """Append an entry unless its source is in the ledger already; return whether it was appended."""
    return insert_once(connection, ledger_entries, values)


def recovered_by_charge(connection: Connection, whose: Whose, charge_id: str) -> Any | None:
    """Return the recovered entry that a charge brought, if the charge is one of ours to report."""
    query = select(ledger_entries).where(
        ledger_entries.c.account_id == whose.account_id,
        ledger_entries.c.livemode == whose.livemode,
        ledger_entries.c.charge_id == charge_id,
        ledger_entries.c.kind == LedgerKind.RECOVERED,
    )
    return connection.execute(query).one_or_none()
