"""Attempts that a network's budget or a refusal for good forbade: facts, each counted once."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, select

from dunning.core.vocabulary import WithheldBy
from dunning.store.rows import RecoveryRow
from dunning.store.tables import withheld
from dunning.store.upsert import insert_once


def keep(
    connection: Connection,
    recovery: RecoveryRow,
    *,
    after: str,
    cause: WithheldBy,
    network: str,
    fingerprint: str | None,
    at: datetime,
    free_at: datetime | None,
    rules_version: int,
) -> bool:
    """Keep that the attempt after `after` was withheld; return False when that was known."""
    row = {
        "recovery_id": recovery.id,
        "after": after,
        "account_id": recovery.account_id,
        "livemode": recovery.livemode,
        "cause": cause,
        "network": network,
        "fingerprint": fingerprint,
        "at": at,
        "free_at": free_at,
        "rules_version": rules_version,
    }
    return insert_once(connection, withheld, row)


def counts(connection: Connection, *, livemode: bool) -> Mapping[tuple[str, WithheldBy], int]:
    """Return how many attempts were withheld, by network and cause."""
    return _counted(connection, withheld.c.livemode == livemode)


def of_recovery(connection: Connection, recovery_id: str) -> Mapping[tuple[str, WithheldBy], int]:
    """Return how many attempts of one recovery were withheld, by network and cause."""
    return _counted(connection, withheld.c.recovery_id == recovery_id)


def _counted(connection: Connection, which: ColumnElement[bool]) -> Mapping[tuple[str, WithheldBy], int]:
    network, cause = withheld.c.network, withheld.c.cause
    query = (
        select(network, cause, func.count()).where(which).group_by(network, cause).order_by(network, cause)
    )
    return {(found, by): times for found, by, times in connection.execute(query)}
