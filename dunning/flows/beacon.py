"""The last beat, kept outside of the database: a database that is behind it has forgotten something.

It is a help, never needed: one that cannot be read or written says nothing.
"""

import contextlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import redis
from sqlalchemy.engine import make_url

from dunning import logs
from dunning.core.safe_mode import Beat
from dunning.settings import Settings
from dunning.store.engine import is_sqlite

KEY: Final = "dunning:beat"
PATIENCE_S: Final = 2

log = logs.get(__name__)


class Beacon(Protocol):
    """Where the last beat is kept besides the database."""

    def read(self) -> Beat | None:
        """Return the last beat that was kept, or None."""
        ...

    def keep(self, beat: Beat) -> None:
        """Keep a beat, after the database has it."""
        ...


@dataclass(frozen=True, slots=True)
class FileBeacon:
    """A small file beside an SQLite database, which a copy of the database leaves behind."""

    path: Path

    def read(self) -> Beat | None:
        """Return the beat in the file; None without one."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            return Beat.loads(json.loads(self.path.read_text(encoding="utf-8")))
        return None

    def keep(self, beat: Beat) -> None:
        """Replace the file."""
        fresh = self.path.with_name(f"{self.path.name}.new")
        try:
            fresh.write_text(json.dumps(beat.dumps()), encoding="utf-8")
            fresh.replace(self.path)
        except OSError as error:
            log.warning("beat_not_kept", error=repr(error))


@dataclass(slots=True)
class RedisBeacon:
    """A key in Redis; where Redis was emptied there is none."""

    url: str
    _client: redis.Redis = field(init=False)

    def __post_init__(self) -> None:
        patience = {"socket_timeout": PATIENCE_S, "socket_connect_timeout": PATIENCE_S}
        self._client = redis.Redis.from_url(self.url, **patience)

    def read(self) -> Beat | None:
        """Return the beat in Redis; None where there is none, or Redis is away."""
        with contextlib.suppress(redis.RedisError, OSError, ValueError, KeyError, TypeError):
            kept = self._client.get(KEY)
            return Beat.loads(json.loads(kept)) if isinstance(kept, bytes | str) else None
        return None

    def keep(self, beat: Beat) -> None:
        """Set the key."""
        with contextlib.suppress(redis.RedisError, OSError):
            self._client.set(KEY, json.dumps(beat.dumps()))


def beacon_of(settings: Settings) -> Beacon | None:
    """Return where an installation keeps its beats: beside its SQLite file, or in Redis; else nowhere."""
    if is_sqlite(settings.database):
        path = make_url(settings.database).database
        return FileBeacon(Path(f"{path}.beat")) if path and path != ":memory:" else None
    return RedisBeacon(settings.redis_url.get_secret_value()) if settings.redis_url else None
