"""Answers of the API that are kept under the asker's idempotency key, for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select, update

from dunning.store.tables import api_answers
from dunning.store.upsert import insert_once

KEPT: Final = timedelta(hours=24)
CARRIED_OUT_WITHIN: Final = timedelta(minutes=2)  # whoever has not answered by then has died


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known under a key: the request's fingerprint, and its answer unless that is still to come."""

    request: str
    status: int | None
    content_type: str | None
    body: bytes | None


def claim(connection: Connection, actor: str, key: str, request: str, now: datetime) -> Kept | None:
    """Claim a key for a request; return None when it is ours to carry out, else what is known under it."""
    connection.execute(delete(api_answers).where(api_answers.c.claimed_at < now - KEPT))
    row = {"actor": actor, "key": key, "request": request, "claimed_at": now}
    if insert_once(connection, api_answers, row):
        return None
    mine = (api_answers.c.actor == actor, api_answers.c.key == key)
    abandoned = (
        *mine,
        api_answers.c.request == request,
        api_answers.c.status.is_(None),
        api_answers.c.claimed_at < now - CARRIED_OUT_WITHIN,
    )
    if connection.execute(update(api_answers).where(*abandoned).values(claimed_at=now)).rowcount:
        return None
    columns = (api_answers.c[name] for name in Kept.__slots__)
    found = connection.execute(select(*columns).where(*mine)).mappings().one_or_none()
    return Kept(**found) if found is not None else Kept(request, None, None, None)


def keep(connection: Connection, actor: str, key: str, status: int, content_type: str, body: bytes) -> None:
    """Keep the answer to a claimed request."""
    mine = (api_answers.c.actor == actor, api_answers.c.key == key)
    answer = {"status": status, "content_type": content_type, "body": body}
    connection.execute(update(api_answers).where(*mine).values(**answer))


def release(connection: Connection, actor: str, key: str) -> None:
    """Give a key back: nothing was done under it."""
    unanswered = (api_answers.c.actor == actor, api_answers.c.key == key, api_answers.c.status.is_(None))
    connection.execute(delete(api_answers).where(*unanswered))
