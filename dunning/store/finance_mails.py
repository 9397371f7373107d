"""Which months were mailed to finance: each once, whatever became of it."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.store.tables import finance_mails
from dunning.store.upsert import insert_once


def claim(connection: Connection, month: str, recipient: str, *, livemode: bool, now: datetime) -> bool:
    """Keep that a month is being mailed; return False when it was before."""
    row = {"account_id": "self", "livemode": livemode, "month": month, "recipient": recipient}
    return insert_once(connection, finance_mails, row | {"state": "sending", "note": None, "at": now})


def conclude(connection: Connection, month: str, recipient: str, state: str, note: str | None) -> None:
    """Keep what became of the mail."""
    own = finance_mails.c
    same = (own.month == month, own.recipient == recipient)
    connection.execute(finance_mails.update().where(*same).values(state=state, note=note))
