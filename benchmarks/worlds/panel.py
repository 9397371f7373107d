"""Scoring in expectation: many hidden courses of the same visible case, so that luck is averaged away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.worlds.mechanisms import Dice
from benchmarks.worlds.play import GAP, Marks, Reals, Table, case, flipped, moment, schedules, table
from benchmarks.worlds.world import World, part
from dunning.timing import Planner

PATHS: Final = 600
DRAWN: Final = 2000  # courses drawn at a time; most do not fail at the right moment with the right code


@dataclass(frozen=True)
class Panel:
    """Visible cases, and the hidden courses that each of them may have."""

    told: Table
    paths: tuple[Marks, ...]  # a row per course of the case, a column per hour

    @property
    def value(self) -> Reals:
        return self.told.value

    def scored(self, tries: Sequence[Sequence[int]]) -> Reals:
        """Chance that tries at these hours recover each case."""
        return np.array(
            [paid[:, list(hours)].any(axis=1).mean() for paid, hours in zip(self.paths, tries, strict=True)]
        )

    def sight(self) -> Reals:
        return np.array([paid[:, 1:].any(axis=1).mean() for paid in self.paths])

    def simple(self) -> dict[str, Reals]:
        """Chance of each simple schedule, by case."""
        rows = [schedules(self._courses(row)) for row in range(len(self.paths))]
        return {name: np.array([row[name].mean() for row in rows]) for name in rows[0]}

    def best(self) -> Reals:
        """Chance of the best schedule for what is visible: chosen on one half, scored on the other."""
        found = []
        for paid in self.paths:
            halves = (paid[::2], paid[1::2])
            both = [
                halves[1 - side][:, _best(halves[side], self.told.tries)].any(axis=1).mean()
                for side in (0, 1)
            ]
            found.append(np.mean(both))
        return np.array(found)

    def _courses(self, row: int) -> Table:
        paid = self.paths[row]
        return Table(self.told.seen.rows(np.full(len(paid), row)), self.told.course, paid, self.told.tries)


def panel(world: World, seed: int, size: int, days: int, tries: int) -> Panel:
    told = table(world, seed, size, days, tries)
    found = [_courses(world, told, row, np.random.default_rng([seed, row, 17])) for row in range(size)]
    kept = [row for row, paid in enumerate(found) if len(paid) >= PATHS // 4]
    chosen = np.array(kept, dtype=np.int64)
    fewer = Table(told.seen.rows(chosen), part(told.course, chosen), told.paid[chosen], tries)
    return Panel(fewer, tuple(found[row] for row in kept))


def _courses(world: World, told: Table, row: int, dice: Dice) -> Marks:
    found: list[Marks] = []
    for _ in range(6):
        course, fails = world.course(dice, told.seen.rows(np.full(DRAWN, row)), told.hours)
        same = np.flatnonzero(fails & (course.code == told.course.code[row]))
        found.append(flipped(dice, part(course, same).chance))
        if sum(map(len, found)) >= PATHS:
            break
    return np.concatenate(found)[:PATHS]


def planned(told: Table, planner: Planner) -> list[list[int]]:
    """The hours since the failure at which the planner tries, if every try is refused."""
    out = []
    for row in range(len(told.paid)):
        tries: tuple[int, ...] = ()
        now = moment(told.seen.at[row])
        while (choice := planner.choose(case(told, row, tries, refused=True), now=now)) is not None:
            tries, now = (*tries, int(choice.at.timestamp()) - int(told.seen.at[row])), choice.at
        out.append([after // 3600 for after in tries])
    return out


def _best(paid: Marks, tries: int) -> list[int]:
    """Greedy insertion and two exchange passes, with the gap kept."""
    chosen: list[int] = []
    for step in range(tries * 3):
        if step >= tries:
            chosen = chosen[1:]
        left = ~paid[:, chosen].any(axis=1) if chosen else np.ones(len(paid), dtype=np.bool_)
        gain = left.astype(np.float32) @ paid
        gain[:GAP] = -1
        for hour in chosen:
            gain[max(0, hour - GAP + 1) : hour + GAP] = -1
        chosen.append(int(gain.argmax()))
    return chosen
