"""Plain counts of what happened, for the words of a choice and for the page that shows what was learned."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from dunning.timing import corrections
from dunning.timing.history import Episode, rounds
from dunning.timing.localtime import Ints

PARTS: Final = 8  # parts of the local day, three hours each
SHOWN: Final = {"hour": 24, "weekday": 7, "month_day": 31, "age": len(corrections.AGES) + 1}
STEADY: Final = 20  # tries of the class as a whole that a curve is smoothed with
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Row = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One bin of a curve: its label, how many retries fell into it, how many paid, and the smoothed share."""

    label: str
    tries: int
    paid: int
    rate: float


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was seen of one decline class along one feature: "hour", "weekday", "month_day" or "age"."""

    family: str
    feature: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Tally:
    """(tries, paid) per bin: by feature and family, and by part of the local day and segment."""

    families: dict[str, dict[str, Row]] = field(default_factory=dict)
    parts: dict[str, Row] = field(default_factory=dict)

    def count(self, segment: str, hour: int) -> tuple[int, int]:
        """Return (tries, paid) of a segment in the part of the day that holds a local hour."""
        rows = self.parts.get(segment)
        return rows[hour * PARTS // 24] if rows else (0, 0)

    def tries(self, family: str) -> int:
        """Return how many retries of a family were counted."""
        return sum(tries for tries, _ in self.families.get("weekday", {}).get(family, ()))

    def lessons(self) -> tuple[Lesson, ...]:
        """Return every curve, families in the order of their tries, features in the order of SHOWN."""
        sizes = {name: sum(tries for tries, _ in row) for name, row in self.families.get("hour", {}).items()}
        order = sorted(sizes, key=lambda name: (-sizes[name], name))
        return tuple(
            Lesson(name, feature, _points(feature, self.families[feature][name]))
            for name in order
            for feature in SHOWN
        )


def _points(feature: str, row: Row) -> tuple[Point, ...]:
    tries, paid = (sum(column) for column in zip(*row, strict=True))
    usual = paid / max(tries, 1)
    return tuple(
        Point(_label(feature, index), count, won, (won + STEADY * usual) / (count + STEADY))
        for index, (count, won) in enumerate(row)
    )


def _label(feature: str, index: int) -> str:
    if feature == "hour":
        return f"{index:02}:00"
    if feature == "weekday":
        return _WEEKDAYS[index]
    if feature == "month_day":
        return str(index + 1)
    ages = (0, *corrections.AGES)
    return f"{ages[index]}–{ages[index + 1]} h" if index + 1 < len(ages) else f"over {ages[index]} h"


def tally(told: list[Episode]) -> Tally:
    """Return the counts of all retries of some episodes."""
    families = sorted({e.marks.family for e in told})
    segments = sorted({e.marks.segment for e in told})
    family = np.array([families.index(e.marks.family) for e in told], dtype=np.int64)
    segment = np.array([segments.index(e.marks.segment) for e in told], dtype=np.int64)
    shown = {name: np.zeros((len(families), size, 2), dtype=np.int64) for name, size in SHOWN.items()}
    parts = np.zeros((len(segments), PARTS, 2), dtype=np.int64)
    for found in rounds(told):
        bins = corrections.features(found.when)
        for name, table in shown.items():
            _add(table, family[found.who], bins[name], found.paid)
        _add(parts, segment[found.who], bins["hour"] * PARTS // 24, found.paid)
    return Tally({name: _rows(families, table) for name, table in shown.items()}, _rows(segments, parts))


def _add(table: Ints, rows: Ints, bins: Ints, paid: np.typing.NDArray[np.bool_]) -> None:
    size = table.shape[0] * table.shape[1]
    flat = rows * table.shape[1] + bins
    table[:, :, 0] += np.bincount(flat, minlength=size).reshape(table.shape[:2])
    table[:, :, 1] += np.bincount(flat[paid], minlength=size).reshape(table.shape[:2])


def _rows(names: list[str], table: Ints) -> dict[str, Row]:
    return {
        name: tuple((row[0], row[1]) for row in table[index].tolist()) for index, name in enumerate(names)
    }
