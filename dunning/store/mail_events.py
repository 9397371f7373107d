"""What providers reported of mails, each kept once."""

from datetime import datetime

from sqlalchemy import Connection

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
