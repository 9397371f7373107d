"""The merchant's own message texts and look: numbered versions, of which nothing is ever changed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from dunning.store.tables import brandings, mail_texts
from dunning.store.upsert import insert_once


def newest(connection: Connection, template: str) -> dict[str, str | None]:
    """Return the merchant's own texts of one template in force, by language; None is back to the built-in."""
    last = (
        select(mail_texts.c.language, func.max(mail_texts.c.version).label("version"))
        .where(mail_texts.c.template == template)
        .group_by(mail_texts.c.language)
        .subquery()
    )
    query = select(mail_texts.c.language, mail_texts.c.source).join(
        last,
        (mail_texts.c.language == last.c.language) & (mail_texts.c.version == last.c.version),
    )
    rows = connection.execute(query.where(mail_texts.c.template == template))
    return {row.language: row.source for row in rows}


def history(connection: Connection, template: str, language: str) -> Sequence[RowMapping]:
    """Return every version of one text, newest first."""
    query = (
        select(mail_texts)
        .where(mail_texts.c.template == template, mail_texts.c.language == language)
        .order_by(mail_texts.c.version.desc())
    )
    return connection.execute(query).mappings().all()


def templates(connection: Connection) -> dict[str, list[str]]:
    """Return the names of the templates that have texts of the merchant's own, with their languages."""
    query = (
        select(mail_texts.c.template, mail_texts.c.language)
        .distinct()
        .order_by(mail_texts.c.template, mail_texts.c.language)
    )
    found: dict[str, list[str]] = {}
    for row in connection.execute(query):
        found.setdefault(row.template, []).append(row.language)
    return found


def publish(
    connection: Connection,
    template: str,
    language: str,
    version: int,
    source: str | None,
    *,
    at: datetime,
    by: str,
    note: str = "",
) -> bool:
    """Insert a version; return False when somebody else has just published that number."""
    row = {
        "template": template,
        "language": language,
        "version": version,
        "source": source,
        "published_at": at,
        "published_by": by,
        "note": note,
    }
    return insert_once(connection, mail_texts, row)


def look(connection: Connection) -> tuple[int, Mapping[str, Any]]:
    """Return the number and the document of the look in force; 0 and nothing before the first."""
    query = select(brandings.c.version, brandings.c.document).order_by(brandings.c.version.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (row.version, row.document) if row is not None else (0, {})


def looks(connection: Connection) -> Sequence[RowMapping]:
    """Return every version of the look, newest first."""
    return connection.execute(select(brandings).order_by(brandings.c.version.desc())).mappings().all()


def publish_look(
    connection: Connection, version: int, document: Mapping[str, Any], *, at: datetime, by: str
) -> bool:
    """Insert a version of the look; return False when somebody else has just published that number."""
    row = {"version": version, "document": dict(document), "published_at": at, "published_by": by}
    return insert_once(connection, brandings, row)
