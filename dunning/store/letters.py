"""What is written to customers, campaign or not: messages and notices count alike."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping

from dunning.core.sending import A_WEEK
from dunning.core.vocabulary import MessageState
from dunning.store import messages, notices


def written_to(connection: Connection, address: str, now: datetime, *, but: str) -> list[datetime]:
    """Return when anything, `but` one row, went (or may have gone) to an address in the last seven days."""
    ours = messages.written_to(connection, address, now, A_WEEK, but=but)
    return sorted([*ours, *notices.written_to(connection, address, now, A_WEEK, but=but)])


def in_state(connection: Connection, state: MessageState, *, most: int = 200) -> list[RowMapping]:
    """Return messages and notices in a state, the latest due first."""
    found = [
        *messages.in_state(connection, state, most=most),
        *notices.in_state(connection, state, most=most),
    ]
    return sorted(found, key=lambda row: row["due_at"], reverse=True)[:most]
