"""The events that Stripe sent, each kept once."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects import postgresql, sqlite

from dunning.core.retention import PRUNED, PRUNED_WORDS
from dunning.store.tables import events

_KEY = ("account_id", "livemode", "id")
SHOWN: Final = 100
_KEPT_ONCE = {
    "postgresql": postgresql.insert(events).on_conflict_do_nothing(index_elements=_KEY),
    "sqlite": sqlite.insert(events).on_conflict_do_nothing(index_elements=_KEY),
}


def insert_events(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the events that are not there yet; the rest change nothing.

    Each row has the same keys, all of them columns of `events`.
    """
    # In one order everywhere: two processes that keep the same events then wait, and never deadlock.
    ordered = sorted(rows, key=lambda row: tuple(row[column] for column in _KEY))
    if ordered:
        connection.execute(_KEPT_ONCE[connection.dialect.name], [dict(row) for row in ordered])


def about(connection: Connection, recovery: RowMapping) -> list[dict[str, Any]]:
    """Return the newest events about a recovery's invoice, customer and subscription, with their `body`."""
    named = [recovery[name] for name in ("invoice_id", "customer_id", "subscription_id") if recovery[name]]
    query = (
        select(events)
        .where(events.c.account_id == recovery["account_id"], events.c.livemode == recovery["livemode"])
        .where(events.c.object_id.in_(named))
        .order_by(events.c.seq.desc())
        .limit(SHOWN)
    )
    found = connection.execute(query).mappings()
    return [{**row, "body": _shown(row["payload"])} for row in found]


def _shown(payload: bytes) -> str:
    return PRUNED_WORDS if payload == PRUNED else payload.decode("utf-8", "replace")
