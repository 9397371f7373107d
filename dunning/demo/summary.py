"""The demo's figures: one JSON object that adds up."""

from typing import Any

from sqlalchemy import Connection, func, select

from dunning.core.vocabulary import COSTS_BUDGET, MessageState, Status
from dunning.flows.house import House
from dunning.store import invariants
from dunning.store.tables import attempts, ledger_entries, messages, recoveries

CLOSED_AS = {Status.RECOVERED: "recovered", Status.LOST: "lost", Status.STOPPED: "stopped"}


def figures(house: House, *, elapsed_s: float) -> dict[str, Any]:
    """Return the demo's figures; amounts are minor units per lower-case currency, at opening.

    failed = recovered + lost + stopped + open, in count and in amount per currency.
    """
    with house.store.read() as connection:
        counts, amounts = _by_fate(connection)
        found: dict[str, Any] = {f"{fate}_count": count for fate, count in counts.items()}
        found |= {f"{fate}_amount": amount for fate, amount in amounts.items()}
        found["attempts"] = _count(
            connection,
            attempts,
            attempts.c.ordinal.is_not(None) & attempts.c.state.in_(sorted(COSTS_BUDGET)),
        )
        found["messages_sent"] = _count(connection, messages, messages.c.state == MessageState.SENT)
        found["by_reason"] = _by_reason(connection)
        found["invariants"] = invariants.check(connection, house.clock.now())
    return found | {"elapsed_s": round(elapsed_s, 1)}


def counters(house: House) -> dict[str, int]:
    """Return how many recoveries there are by fate, for the demo's bar."""
    with house.store.read() as connection:
        return _by_fate(connection)[0]


def _by_fate(connection: Connection) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    fates = ("failed", "recovered", "lost", "stopped", "open")
    counts = dict.fromkeys(fates, 0)
    amounts: dict[str, dict[str, int]] = {fate: {} for fate in fates}
    rows = connection.execute(
        select(recoveries.c.status, recoveries.c.currency, func.count(), func.sum(recoveries.c.amount))
        .group_by(recoveries.c.status, recoveries.c.currency)
        .order_by(recoveries.c.currency),
    )
    for status, currency, count, amount in rows:
        for fate in ("failed", CLOSED_AS.get(status, "open")):
            counts[fate] += count
            amounts[fate][currency] = amounts[fate].get(currency, 0) + int(amount)
    return counts, amounts


def _by_reason(connection: Connection) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rows = connection.execute(
        select(
            ledger_entries.c.reason,
            ledger_entries.c.currency,
            func.count(ledger_entries.c.recovery_id.distinct()),
            func.sum(ledger_entries.c.amount),
        )
        .where(ledger_entries.c.reason.is_not(None))
        .group_by(ledger_entries.c.reason, ledger_entries.c.currency)
        .order_by(ledger_entries.c.reason, ledger_entries.c.currency),
    )
    for reason, currency, count, amount in rows:
        entry = found.setdefault(str(reason), {"count": 0, "amount": {}})
        entry["count"] += count
        entry["amount"][currency] = int(amount)
    return found


def _count(connection: Connection, table: Any, condition: Any) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())
