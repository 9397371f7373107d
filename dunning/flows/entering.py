"""What people do to one recovery, in the audit log: how it and its line of the queue were, and are.

The log's lock comes last: enter when nothing else of the transaction is left to lock.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.audit import changed
from dunning.store import audit, queue_items, recoveries

OF_RECOVERY: Final = (
    "status next_attempt_at pause_until pause_reason closed_reason staff_request"
    " campaign_key campaign_version campaign_arm"
).split()
OF_LINE: Final = "owner snoozed_until snooze_reason promised_until".split()


def as_it_is(connection: Connection, recovery_id: str) -> dict[str, Any]:
    """Return what people change in a recovery, by name."""
    row, line = recoveries.by_id(connection, recovery_id), queue_items.item(connection, recovery_id)
    return {
        **{name: getattr(row, name, None) for name in OF_RECOVERY},
        **{name: line[name] if line is not None else None for name in OF_LINE},
    }


def enter(
    connection: Connection,
    recovery_id: str,
    was: Mapping[str, Any],
    action: str,
    *,
    by: str,
    now: datetime,
    **said: Any,
) -> None:
    """Enter what a person did to a recovery since it was as `was` says; `said` is what they added to it."""
    before, after = changed(was, as_it_is(connection, recovery_id))
    does = f"recovery.{action}"
    audit.append(
        connection, at=now, by=by, action=does, about=recovery_id, before=before, after={**after, **said}
    )
