"""What providers reported of mails, each kept once."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, select

from dunning.core.vocabulary import MailEventKind
from dunning.store.tables import mail_events
from dunning.store.upsert import insert_once


def keep(
    connection: Connection,
    provider: str,
    name: str,
    kind: MailEventKind,
    address: str,
    *,
    message_id: str | None,
    detail: str,
    at: datetime,
    received_at: datetime,
) -> bool:
    """Keep a report; return False when the provider has told it before."""
    row = {
        "provider": provider,
        "id": name,
        "kind": kind,
        "address": address,
        "message_id": message_id,
        "detail": detail,
        "at": at,
        "received_at": received_at,
    }
    return insert_once(connection, mail_events, row)


def of_message(connection: Connection, message_id: str) -> Sequence[RowMapping]:
    """Return what was reported of one message, oldest first."""
    query = select(mail_events).where(mail_events.c.message_id == message_id).order_by(mail_events.c.at)
    return connection.execute(query).mappings().all()
