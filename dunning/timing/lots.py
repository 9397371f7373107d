"""How a time is drawn, and how likely it was to be: exploration is small, deliberate and seeded."""

from dataclasses import dataclass
from typing import Final

EXPLORING: Final = 0.15  # share of choices that are made by chance, between near times
EXPLORED: Final = 4
_WHOLE: Final = 1000


@dataclass(frozen=True, slots=True)
class Lots:
    """Times as indexes: `near` are worth nearly the same, the best first; `turn` is the best of its quarter.

    `unsure` is the share of choices that follow the turns: all without history, few with much.
    """

    near: list[int]
    turn: int
    unsure: float

    def drawn(self, lot: int, pick: int) -> int:
        """Return the time that two large numbers draw."""
        if lot // _WHOLE % _WHOLE < self.unsure * _WHOLE:
            return self.turn
        return self.near[pick % len(self.near) if lot % _WHOLE < EXPLORING * _WHOLE else 0]

    def propensity(self, index: int) -> float:
        """Return how likely a time was to be drawn."""
        by_chance = EXPLORING / len(self.near) if index in self.near else 0.0
        sure = by_chance + (1 - EXPLORING if index == self.near[0] else 0.0)
        return (1 - self.unsure) * sure + (self.unsure if index == self.turn else 0.0)
