"""Queries on sessions of people and tokens of programs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from dunning.core.people import IDLE, LONGEST_SESSION, TOUCHED_EVERY
from dunning.store.tables import api_tokens, sessions, users


def add(
    connection: Connection, session_id: str, user_id: str, *, now: datetime, address: str, agent: str
) -> None:
    """Begin a session; those that are over by themselves are swept out."""
    over = (sessions.c.seen_at < now - IDLE) | (sessions.c.created_at < now - LONGEST_SESSION)
    connection.execute(delete(sessions).where(over))
    row = {"id": session_id, "user_id": user_id, "created_at": now, "seen_at": now}
    connection.execute(insert(sessions).values(**row, address=address, agent=agent))


def with_user(connection: Connection, session_id: str) -> RowMapping | None:
    """Return a session with the account behind it, as that stands now; None when it was ended."""
    columns = (sessions.c.created_at, sessions.c.seen_at, users.c.id, users.c.email, users.c.name)
    query = (
        select(*columns, users.c.role, users.c.locale, users.c.zone)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.id == session_id, users.c.disabled_at.is_(None))
    )
    return connection.execute(query).mappings().one_or_none()


def touch(connection: Connection, session_id: str, now: datetime) -> None:
    """Note that a session is in use."""
    stale = (sessions.c.id == session_id, sessions.c.seen_at < now - TOUCHED_EVERY)
    connection.execute(update(sessions).where(*stale).values(seen_at=now))


def of_user(connection: Connection, user_id: str) -> Sequence[RowMapping]:
    """Return somebody's sessions, the one used last first."""
    query = select(sessions).where(sessions.c.user_id == user_id).order_by(sessions.c.seen_at.desc())
    return connection.execute(query).mappings().all()


def end(connection: Connection, session_id: str, user_id: str | None = None) -> bool:
    """End one session (of this person); return whether there was one."""
    statement = delete(sessions).where(sessions.c.id == session_id)
    if user_id is not None:
        statement = statement.where(sessions.c.user_id == user_id)
    return connection.execute(statement).rowcount == 1


def end_all(connection: Connection, user_id: str, *, but: str | None = None) -> int:
    """End all sessions of a person, except one; return how many ended."""
    statement = delete(sessions).where(sessions.c.user_id == user_id)
    if but is not None:
        statement = statement.where(sessions.c.id != but)
    return connection.execute(statement).rowcount


def add_token(connection: Connection, row: dict[str, Any]) -> None:
    """Insert a token."""
    connection.execute(insert(api_tokens).values(**row))


def token(connection: Connection, fingerprint: str) -> RowMapping | None:
    """Return the token with this fingerprint, whatever has become of it."""
    query = select(api_tokens).where(api_tokens.c.fingerprint == fingerprint)
    return connection.execute(query).mappings().one_or_none()


def every_token(connection: Connection) -> Sequence[RowMapping]:
    """Return all tokens, newest first."""
    return connection.execute(select(api_tokens).order_by(api_tokens.c.id.desc())).mappings().all()


def revoke_token(connection: Connection, token_id: str, now: datetime) -> str | None:
    """Revoke a token; return its name, or None when there is none that could be."""
    which = (api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
    statement = update(api_tokens).where(*which).values(revoked_at=now).returning(api_tokens.c.name)
    name: str | None = connection.execute(statement).scalar_one_or_none()
    return name


def touch_token(connection: Connection, token_id: str, now: datetime) -> None:
    """Note when a token was used."""
    connection.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(used_at=now))
