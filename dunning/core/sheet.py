"""A report as a table that can be taken away: what every file format is written from. Pure.

A cell is text, a whole number, an amount in minor units (its row names the currency), a share as an exact
fraction, or nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from dunning.core.money import Money

Cell = str | int | Fraction | None


class Kind(StrEnum):
    """What the cells of a column are."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in files, and what its cells are."""

    name: str
    kind: Kind = Kind.TEXT

    @property
    def label(self) -> str:
        """Return the heading that people read."""
        return self.name.replace("_", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with what it is about; the column `currency`, where there is one, tells each row's."""

    name: str  # of files: letters, digits and dashes
    title: str
    about: Sequence[tuple[str, str]]  # what was asked, and as of when
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    definitions: Mapping[str, str] = field(default_factory=dict)

    def currency(self, row: Sequence[Cell]) -> str:
        """Return the currency of a row's amounts; empty where the table has none."""
        names = [column.name for column in self.columns]
        return str(row[names.index("currency")]) if "currency" in names else ""


def shown(cell: Cell, kind: Kind, currency: str) -> str:
    """Return a cell as people read it: amounts in major units, shares in per cent."""
    if cell is None:
        return ""
    if kind is Kind.MONEY and isinstance(cell, int):
        return f"{Money(cell, currency).decimal():,f}"
    if isinstance(cell, Fraction):
        return f"{per_mille(cell) // 10}.{per_mille(cell) % 10} %"
    return f"{cell:,d}" if isinstance(cell, int) else cell


def per_mille(share: Fraction) -> int:
    """Return a share in thousandths, rounded half up; exact until then."""
    return int(share * 1000 + Fraction(1, 2)) if share >= 0 else -int(-share * 1000 + Fraction(1, 2))
