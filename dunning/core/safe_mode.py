"""Safe mode: nothing is charged and nobody is written to before the database knows what happened without it.

A running house leaves a beat in the database every few seconds. A beat that is old, or that belongs to
another database, or is behind the one kept outside, tells that the database slept, or was restored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self

from dunning.core.clock import utc

BEAT: Final = timedelta(seconds=10)
STOOD_STILL: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life: which installation, the how-manieth, when (aware UTC), in which database."""

    house: str
    number: int
    at: datetime
    home: str | None = None  # tells one database server and its history from another; None where nothing can

    def dumps(self) -> dict[str, Any]:
        """Return the beat, JSON-ready."""
        return {"house": self.house, "number": self.number, "at": self.at.isoformat(), "home": self.home}

    @classmethod
    def loads(cls, said: Mapping[str, Any]) -> Self:
        """Return the beat that `dumps` wrote."""
        return cls(said["house"], said["number"], _instant(said["at"]), said["home"])


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why the database may not know everything; `lost` says that it has forgotten what it knew."""

    why: str
    since: datetime  # what it knows ends here
    lost: bool


@dataclass(frozen=True, slots=True)
class SafeMode:
    """Safe mode from when it was found (`begun_at`) to its end; what was known ends at `since`. Aware UTC."""

    why: str
    since: datetime
    lost: bool
    begun_at: datetime
    compared_at: datetime | None = None  # Stripe's events were compared with ours, up to then
    ended_at: datetime | None = None
    busy_until: datetime | None = None  # somebody is comparing
    fetched: int = 0  # events and invoices that were missing
    hindered: str | None = None  # why the last comparison failed

    @property
    def open(self) -> bool:
        """Return whether nothing may be charged or mailed."""
        return self.ended_at is None

    def forgets(self, at: datetime) -> bool:
        """Return whether what was due at an instant may have been done, and forgotten."""
        return self.lost and self.since < at <= (self.ended_at or at)

    def dumps(self) -> dict[str, Any]:
        """Return safe mode, JSON-ready."""
        said = {name: getattr(self, name) for name in self.__slots__}
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in said.items()
        }

    @classmethod
    def loads(cls, said: Mapping[str, Any]) -> Self:
        """Return the safe mode that `dumps` wrote."""
        return cls(
            said["why"],
            _instant(said["since"]),
            said["lost"],
            _instant(said["begun_at"]),
            _maybe(said["compared_at"]),
            _maybe(said["ended_at"]),
            _maybe(said["busy_until"]),
            said["fetched"],
            said["hindered"],
        )


def doubt(
    beat: Beat | None,
    now: datetime,
    *,
    home: str | None = None,
    outside: Beat | None = None,
    copied_at: datetime | None = None,
    watching: bool = True,
) -> Doubt | None:
    """Return why the database may lack what has happened, or None.

    `home` is where the database is now, `outside` the last beat that was kept outside of it, `copied_at` when
    it was copied, if it is a copy. Without `watching` an old beat says nothing: time is virtual.
    """
    if copied_at is not None:
        return Doubt(f"The database is a copy of {_said(copied_at)}.", copied_at, lost=True)
    if beat is None:
        return None
    if None not in {home, beat.home} and home != beat.home:
        why = f"The database was restored, or another server took over: it was last in use {_said(beat.at)}."
        return Doubt(why, beat.at, lost=True)
    if outside is not None and outside.house == beat.house and outside.number > beat.number:
        why = f"The database is older than what was kept beside it: it ends {_said(beat.at)}."
        return Doubt(why, beat.at, lost=True)
    if watching and now - beat.at > STOOD_STILL:
        return Doubt(f"No clock has run since {_said(beat.at)}.", beat.at, lost=False)
    return None


def begun(found: Doubt, now: datetime, before: SafeMode | None) -> SafeMode:
    """Return safe mode as it begins; one that is open goes on, for the graver reason and further back."""
    if before is None or not before.open:
        return SafeMode(found.why, found.since, found.lost, now)
    why = found.why if found.lost and not before.lost else before.why
    return replace(before, why=why, since=min(found.since, before.since), lost=before.lost or found.lost)


def _said(at: datetime) -> str:
    return f"{at:%d %B %H:%M} UTC"


def _instant(said: str) -> datetime:
    return utc(datetime.fromisoformat(said))


def _maybe(said: str | None) -> datetime | None:
    return _instant(said) if said else None
