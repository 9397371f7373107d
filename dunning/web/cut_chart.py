"""The geometry of a chart of lines: one bar a line, as long as its share of the longest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 760
LABEL: Final = 210
ROW: Final = 24
MOST: Final = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, what it says on hover, and where it lies; lengths in SVG units."""

    label: str
    told: str
    y: int
    width: int
    part: int  # of it, the stronger half


@dataclass(frozen=True, slots=True)
class Bars:
    """Everything that the template draws."""

    title: str
    bars: tuple[Bar, ...]
    width: int = WIDTH
    left: int = LABEL

    @property
    def height(self) -> int:
        """Return how high the drawing is."""
        return ROW * len(self.bars) + 6


def draw(title: str, lines: Sequence[tuple[str, str, int, int]]) -> Bars:
    """Return the bars of (label, told, whole, part): the first ones, as many as can be read."""
    shown = lines[:MOST]
    longest = max((max(whole, part) for _, _, whole, part in shown), default=0) or 1
    room = WIDTH - LABEL
    return Bars(
        title,
        tuple(
            Bar(label, told, place * ROW, _long(whole, longest, room), _long(part, longest, room))
            for place, (label, told, whole, part) in enumerate(shown)
        ),
    )


def _long(value: int, longest: int, room: int) -> int:
    return max(value, 0) * room // longest
