"""Copies of an SQLite database: made while it is in use, and put in its place again."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import URL, Connection
from sqlalchemy.engine import make_url

from dunning.errors import Unusable
from dunning.store import beats
from dunning.store.engine import open_store
from dunning.store.gauges import migration_of
from dunning.store.switches import put

PAGES = 1000  # copied at a time, so that nobody who writes waits long


def file_of(url: str) -> Path:
    """Return the file of an SQLite URL.

    Raises:
        Unusable: it names none.
    """
    path = make_url(url).database
    if not path or path == ":memory:":
        raise Unusable("DATABASE_URL names no file.")
    return Path(path)


def make(url: str, target: Path, now: datetime) -> None:
    """Copy a database that may be in use into a new file, which says of itself that it is a copy.

    Raises:
        Unusable: the file exists already, or cannot be written, or the copy is not whole.
    """
    source, half = file_of(url), target.with_name(f"{target.name}.part")
    if target.exists():
        raise Unusable(f"{target} exists already: choose another name.")
    if not source.exists():
        raise Unusable(f"There is no database at {source}.")
    try:
        half.unlink(missing_ok=True)
        os.close(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        with _opened(source) as theirs, _opened(half) as ours:
            theirs.backup(ours, pages=PAGES)
        _mark(half, now)
        _settle(half)
        half.replace(target)
    except (OSError, sqlite3.Error) as error:
        half.unlink(missing_ok=True)
        raise Unusable(f"{target} cannot be written: {error}.") from None


def put_back(url: str, copy: Path, now: datetime) -> Path | None:
    """Put a copy in the place of the database; return where what stood there is kept now, if anything did.

    The copy itself stays.

    Raises:
        Unusable: the copy is none of ours, or is damaged, or the database is in use.
    """
    place = file_of(url)
    try:
        known = _looked_at(copy)
        aside = _set_aside(place, now)
        fresh = place.with_name(f"{place.name}.new")
        place.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        shutil.copyfile(copy, fresh)
        _mark(fresh, known)
        _settle(fresh)
        fresh.replace(place)
    except (OSError, sqlite3.Error) as error:
        raise Unusable(f"The copy cannot be put in place: {error}.") from None
    return aside


def _looked_at(copy: Path) -> datetime:
    """Return when a copy was made; refuse what is no database of ours."""
    if not copy.is_file():
        raise Unusable(f"There is no file {copy}.")
    with _opened(copy) as connection:
        try:
            whole = connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
        except sqlite3.DatabaseError:
            whole = False
    if not whole:
        raise Unusable(f"{copy} is no SQLite database, or a damaged one: take another copy.")
    with _reading(copy) as connection:
        if not migration_of(connection):
            raise Unusable(f"{copy} is no database of dunning.")
        standing = beats.read(connection)
    if standing.copied_at is not None:
        return standing.copied_at
    return standing.beat.at if standing.beat else datetime.fromtimestamp(copy.stat().st_mtime, UTC)


def _set_aside(place: Path, now: datetime) -> Path | None:
    """Move the database out of the way, whole, with what its write-ahead log held."""
    if not place.exists():
        return None
    try:
        _settle(place)
    except sqlite3.OperationalError:
        raise Unusable(f"{place} is in use: stop dunning first.") from None
    except sqlite3.DatabaseError:  # damaged: that is why it is replaced
        for tail in ("-wal", "-shm"):
            place.with_name(place.name + tail).unlink(missing_ok=True)
    aside = place.with_name(f"{place.name}.before-{now:%Y%m%dT%H%M%SZ}")
    place.replace(aside)
    return aside


def _settle(path: Path) -> None:
    """Fold the write-ahead log into the file, which SQLite allows to who has it alone."""
    with _opened(path) as connection:
        mode = connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0]
    if mode != "delete":
        raise sqlite3.OperationalError("database is locked")


def _mark(path: Path, at: datetime) -> None:
    store = open_store(_url(path))
    try:
        with store.write() as connection:
            put(connection, beats.COPIED, at.isoformat(), at=at, by="backup")
    finally:
        store.engine.dispose()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Connection]:
    store = open_store(_url(path))
    try:
        with store.read() as connection:
            yield connection
    finally:
        store.engine.dispose()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=5)) as connection:
        yield connection


def _url(path: Path) -> str:
    return URL.create("sqlite", database=str(path)).render_as_string()
