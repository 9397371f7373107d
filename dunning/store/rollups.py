"""Rollups: sums of cells per day, and the marks of what changed since they were folded.

Triggers of the database write a mark whenever a recovery's figures may have changed, in the same transaction.
Folding takes marks away together with what they meant; whatever still has one is the unfolded tail. So rollup
and tail together are always what a recomputation gives.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dunning.core.report_cells import VERSION, Measured, Place
from dunning.core.report_words import MEASURES, NAMES, Subject
from dunning.store.stories import MOST
from dunning.store.tables import recoveries, rollup_cells, rollup_marks, rollup_state, rollup_stories
from dunning.store.upsert import insert_once, upsert_all

KEY: Final = ("subject", "dimension", "livemode", "imported", "day", "currency", "key")
_ZEROS: Final = dict.fromkeys(NAMES, 0)


@dataclass(frozen=True, slots=True)
class Slice:
    """Which cells: one subject cut by one dimension, days in [start, end) as ISO text."""

    subject: Subject
    dimension: str
    start: str
    end: str
    livemode: bool
    imported: bool = False
    by_day: bool = False

    def holds(self, place: Place) -> bool:
        """Return whether a cell is in the slice."""
        same = (place.subject, place.dimension) == (self.subject, self.dimension)
        mode = (place.livemode, place.imported) == (self.livemode, self.imported)
        return same and mode and self.start <= place.day < self.end


Sums = dict[tuple[str, str, str], Measured]  # (currency, key, day or "") -> measures


def sums(connection: Connection, wanted: Slice) -> Sums:
    """Return what the rollups hold of a slice, without the tail."""
    own, names = rollup_cells.c, tuple(MEASURES[wanted.subject])
    keys = (own.currency, own.key, *((own.day,) if wanted.by_day else ()))
    query = (
        select(*keys, *(func.sum(own[name]).label(name) for name in names))
        .where(
            own.subject == wanted.subject,
            own.dimension == wanted.dimension,
            own.livemode == wanted.livemode,
            own.imported == wanted.imported,
            own.day >= wanted.start,
            own.day < wanted.end,
        )
        .group_by(*keys)
    )
    return {
        (row["currency"], row["key"], row["day"] if wanted.by_day else ""): {
            name: int(row[name]) for name in names
        }
        for row in connection.execute(query).mappings()
    }


def folded_in(connection: Connection, zone: str) -> bool:
    """Return whether the rollups were cut by this time zone, by this version of the cells."""
    found = connection.execute(select(rollup_state.c.zone, rollup_state.c.version)).one_or_none()
    return found is not None and tuple(found) == (zone, VERSION)


def folded_at(connection: Connection) -> datetime | None:
    """Return when the rollups were last folded; None when they never were."""
    return connection.execute(select(rollup_state.c.folded_at)).scalar_one_or_none()


def hold(connection: Connection, now: datetime) -> None:
    """Keep other folders out until this transaction ends, and keep that it folds."""
    insert_once(connection, rollup_state, {"id": 1, "zone": "", "version": 0, "folded_at": None})
    connection.execute(update(rollup_state).values(folded_at=now))


def begin_anew(connection: Connection, zone: str) -> None:
    """Empty the rollups and mark every recovery: they are cut by another zone or another version."""
    connection.execute(delete(rollup_cells))
    connection.execute(delete(rollup_stories))
    connection.execute(delete(rollup_marks))
    every = select(recoveries.c.id)
    connection.execute(insert(rollup_marks).from_select(["recovery_id"], every))
    connection.execute(update(rollup_state).values(zone=zone, version=VERSION))


def marks(connection: Connection, most: int) -> Sequence[tuple[int, str]]:
    """Return marks, oldest first: their number and their recovery."""
    query = select(rollup_marks.c.seq, rollup_marks.c.recovery_id).order_by(rollup_marks.c.seq).limit(most)
    return [(seq, name) for seq, name in connection.execute(query)]


def marked(connection: Connection) -> list[str]:
    """Return the recoveries that changed since they were folded."""
    return list(connection.execute(select(rollup_marks.c.recovery_id).distinct()).scalars())


def all_recoveries(connection: Connection) -> list[str]:
    """Return the ids of all recoveries: what must be told anew where no rollup fits."""
    return list(connection.execute(select(recoveries.c.id)).scalars())


def unmark(connection: Connection, seqs: Sequence[int]) -> None:
    """Remove exactly these marks: one that came meanwhile stays."""
    for start in range(0, len(seqs), MOST):
        some = list(seqs[start : start + MOST])
        connection.execute(delete(rollup_marks).where(rollup_marks.c.seq.in_(some)))


def stories(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Return what was folded of these recoveries, as text."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), MOST):
        wanted = rollup_stories.c.recovery_id.in_(list(ids[start : start + MOST]))
        query = select(rollup_stories.c.recovery_id, rollup_stories.c.story).where(wanted)
        found |= {row.recovery_id: row.story for row in connection.execute(query)}
    return found


def keep_stories(connection: Connection, told: Mapping[str, str]) -> None:
    """Keep what is folded of each recovery from now on."""
    rows = [{"recovery_id": name, "story": story} for name, story in told.items()]
    upsert_all(connection, rollup_stories, ("recovery_id",), rows)


def add(connection: Connection, cells: Iterable[tuple[Place, Measured]]) -> None:
    """Add to the cells; what adds nothing is left out."""
    rows = [_row(place, measured) for place, measured in cells if any(measured.values())]
    rows.sort(key=lambda row: tuple(str(row[name]) for name in KEY))
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)


def _row(place: Place, measured: Measured) -> dict[str, Any]:
    return {name: getattr(place, name) for name in KEY} | _ZEROS | measured


@cache
def _adding(dialect: str) -> Any:
    insertion = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement: Any = insertion(rollup_cells)
    news = {name: rollup_cells.c[name] + statement.excluded[name] for name in NAMES}
    return statement.on_conflict_do_update(index_elements=KEY, set_=news)
