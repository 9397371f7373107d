"""What people do to one recovery, in the audit log: how it and its line of the queue were, and are.

The log's lock comes last: enter when nothing else of the transaction is left to lock. It cannot be changed
afterwards, so what people write in their own words, and addresses, stay out of it: a person may be erased.
"""

import hmac
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
OWN_WORDS: Final = frozenset({"pause_reason", "snooze_reason", "note", "text", "why"})
GIVEN: Final = "given"  # the words themselves are beside the recovery, where they can be taken away


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
    before, after = without_words(before), without_words({**after, **said})
    audit.append(connection, at=now, by=by, action=does, about=recovery_id, before=before, after=after)


def without_words(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for the log: of what somebody wrote in their own words, only that it was given."""
    return {
        name: GIVEN if name in OWN_WORDS and value is not None and value != "" else value
        for name, value in values.items()
    }


def digest_of(secret: bytes, address: str) -> str:
    """Return what an address, or a number, is called in the log: the same one each time, read by nobody."""
    return "hmac:" + hmac.digest(secret, b"audit:" + address.strip().lower().encode(), "sha256").hex()[:32]
