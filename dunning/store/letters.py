"""What went to one address, campaign or not: messages and notices count alike."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.core.sending import A_WEEK
from dunning.store import messages, notices


def written_to(connection: Connection, address: str, now: datetime, *, but: str) -> list[datetime]:
    """Return when anything, `but` one row, went (or may have gone) to an address in the last seven days."""
    ours = messages.written_to(connection, address, now, A_WEEK, but=but)
    return sorted([*ours, *notices.written_to(connection, address, now, A_WEEK, but=but)])
