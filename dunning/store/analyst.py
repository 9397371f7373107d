"""One question of an analyst to the database, over a connection that can only read."""

import re
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import psycopg
from sqlalchemy.engine import make_url

from dunning.errors import Unusable

VIEWS: Final = ("analyst_recoveries", "analyst_attempts", "analyst_ledger", "analyst_messages")
READS: Final = re.compile(r"\s*(?:--[^\n]*\n\s*)*(?:select|with|values|explain)\b", re.IGNORECASE)
PATIENCE_S: Final = 60
STEPS: Final = 100_000  # of SQLite's machine, between two looks at the time
Rows = tuple[list[str], Sequence[Sequence[Any]]]


def ask(url: str, question: str) -> Rows:
    """Return the columns and rows that one SELECT gives; the database itself refuses to write.

    Raises:
        Unusable: it is not one question, or the database refused it; the sentence repeats its words.
    """
    if READS.match(question) is None:
        raise Unusable("Only questions are answered here: begin with SELECT, WITH, VALUES or EXPLAIN.")
    parsed = make_url(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            return _sqlite(parsed.database or "", question)
        return _postgresql(
            parsed.set(drivername="postgresql").render_as_string(hide_password=False), question
        )
    except (sqlite3.Error, sqlite3.Warning, psycopg.Error) as error:
        words = " ".join(str(error).split())
        raise Unusable(f"The database refused the question: {words}") from None


def _sqlite(path: str, question: str) -> Rows:
    if not Path(path).is_file():
        raise Unusable(f"DATABASE_URL: there is no database at {path} yet.")
    connection = sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True, timeout=30)
    try:
        connection.execute("PRAGMA query_only = ON")
        ends = time.monotonic() + PATIENCE_S
        connection.set_progress_handler(lambda: time.monotonic() > ends, STEPS)
        found = connection.execute(question)
        return [column[0] for column in found.description or ()], found.fetchall()
    finally:
        connection.close()


def _postgresql(url: str, question: str) -> Rows:
    options = f"-c default_transaction_read_only=on -c statement_timeout={PATIENCE_S}s -c timezone=UTC"
    with psycopg.connect(url, options=options, connect_timeout=5) as connection:
        connection.read_only = True
        # As bytes and prepared: one statement only, whatever stands behind a semicolon.
        found = connection.execute(question.encode(), prepare=True)
        names = [column.name for column in found.description or ()]
        return names, found.fetchall() if names else []
