"""Rollups: sums of cells per day, and the marks of what changed since they were folded.

Triggers of the database write a mark whenever a recovery's figures may have changed, in the same transaction.
Folding takes marks away together with what they meant; whatever still has one is the unfolded tail. So rollup
and tail together are always what a recomputation gives.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, func, insert, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from dunning.core.report_cells import VERSION, Measured, Place, added
from dunning.core.report_words import MEASURES, NAMES, Subject
from dunning.store.stories import MOST
from dunning.store.tables import recoveries, rollup_cells, rollup_marks, rollup_state, rollup_stories
from dunning.store.upsert import insert_once, upsert_all

KEY: Final = ("subject", "dimension", "span", "livemode", "imported", "day", "currency", "key")
_ZEROS: Final = dict.fromkeys(NAMES, 0)


class Span(StrEnum):
    """How long a time one row of the rollups sums."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Slice:
    """Which cells: one subject cut by one dimension, days in [start, end) as ISO text."""

    subject: Subject
    dimension: str
    start: str
    end: str
    livemode: bool
    imported: bool = False
    by: Span | None = None  # told per day or per month; None: over the whole time

    def holds(self, place: Place) -> bool:
        """Return whether a cell is in the slice."""
        same = (place.subject, place.dimension) == (self.subject, self.dimension)
        mode = (place.livemode, place.imported) == (self.livemode, self.imported)
        return same and mode and self.start <= place.day < self.end

    def when(self, day: str) -> str:
        """Return how a day is told in the answer: as itself, as its month, or not at all."""
        return "" if self.by is None else day if self.by is Span.DAY else day[:7]


Sums = dict[tuple[str, str, str], Measured]  # (currency, key, day or month or "") -> measures


def sums(connection: Connection, wanted: Slice) -> Sums:
    """Return what the rollups hold of a slice, without the tail: whole months, and the days around them."""
    found: Sums = {}
    for span, start, end in _spans(wanted):
        for row in connection.execute(_summed(wanted, span, start, end)).mappings():
            own = found.setdefault((row["currency"], row["key"], wanted.when(row["day"])), {})
            for name in MEASURES[wanted.subject]:
                own[name] = own.get(name, 0) + int(row[name])
    return found


def _spans(wanted: Slice) -> list[tuple[Span, str, str]]:
    """Return which rows make up the time: day rows, month rows between, day rows."""
    first = wanted.start[:7] if wanted.start.endswith("-01") else _next_month(wanted.start)
    last = wanted.end[:7]
    if wanted.by is Span.DAY or first >= last:
        return [(Span.DAY, wanted.start, wanted.end)]
    edges = [(Span.DAY, wanted.start, f"{first}-01"), (Span.DAY, f"{last}-01", wanted.end)]
    return [(Span.MONTH, first, last), *(edge for edge in edges if edge[1] < edge[2])]


def _next_month(day: str) -> str:
    year, month = int(day[:4]), int(day[5:7])
    return f"{year + month // 12:04d}-{month % 12 + 1:02d}"


def _summed(wanted: Slice, span: Span, start: str, end: str) -> Select[Any]:
    own, names = rollup_cells.c, tuple(MEASURES[wanted.subject])
    day = own.day if wanted.by is not None else literal("").label("day")
    keys = (own.currency, own.key, *((own.day,) if wanted.by is not None else ()))
    return (
        select(own.currency, own.key, day, *(func.sum(own[name]).label(name) for name in names))
        .where(
            own.subject == wanted.subject,
            own.dimension == wanted.dimension,
            own.span == span.value,
            own.livemode == wanted.livemode,
            own.imported == wanted.imported,
            own.day >= start,
            own.day < end,
        )
        .group_by(*keys)
    )


def folded_in(connection: Connection, zone: str) -> bool:
    """Return whether the rollups were cut by this time zone, by this version of the cells."""
    found = connection.execute(select(rollup_state.c.zone, rollup_state.c.version)).one_or_none()
    return found is not None and tuple(found) == (zone, VERSION)


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
    """Add to the cells, of days and of months; what adds nothing is left out."""
    days = {place: measured for place, measured in cells if any(measured.values())}
    months: dict[Place, Measured] = {}
    added(months, ((replace(place, day=place.day[:7]), measured) for place, measured in days.items()))
    rows = [_row(place, measured, Span.DAY) for place, measured in days.items()]
    rows += [_row(place, measured, Span.MONTH) for place, measured in months.items()]
    rows.sort(key=lambda row: tuple(str(row[name]) for name in KEY))
    if rows:
        connection.execute(_adding(connection.dialect.name), rows)


def _row(place: Place, measured: Measured, span: Span) -> dict[str, Any]:
    own = {name: getattr(place, name) for name in KEY if name != "span"}
    return own | {"span": span.value} | _ZEROS | measured


@cache
def _adding(dialect: str) -> Any:
    insertion = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement: Any = insertion(rollup_cells)
    news = {name: rollup_cells.c[name] + statement.excluded[name] for name in NAMES}
    return statement.on_conflict_do_update(index_elements=KEY, set_=news)
