"""Playing a world: logging a history, simple schedules, the clairvoyant, the planner, and the bound."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.worlds.mechanisms import Chance, Dice
from benchmarks.worlds.world import CURRENCIES, HISTORY, TEST, ZONES, Course, Seen, World, local_hours
from dunning.timing import Attempt, Case, Planner

GAP: Final = 12  # hours between two tries, for every policy
Marks = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A world's cases with every coin already flipped: `paid` says what a try in an hour answers."""

    seen: Seen
    course: Course
    paid: Marks
    tries: int

    @property
    def hours(self) -> int:
        return self.paid.shape[1]

    @property
    def value(self) -> Reals:
        return self.seen.amount / self.seen.amount.sum()


def table(world: World, seed: int, size: int, days: int, tries: int, *, past: bool = False) -> Table:
    seen, course = world.draw(seed * 2 + past, size, HISTORY if past else TEST, days * 24)
    return Table(seen, course, flipped(np.random.default_rng([seed, 3 + past]), course.chance), tries)


def flipped(dice: Dice, chance: Chance) -> Marks:
    """Flip the coins of every hour; a bank keeps its temper for half a day."""
    tempers = dice.random((len(chance), chance.shape[1] // GAP + 1), dtype=np.float32)
    return np.repeat(tempers, GAP, axis=1)[:, : chance.shape[1]] < chance


def moment(second: int) -> datetime:
    return datetime.fromtimestamp(int(second), UTC)


def case(told: Table, row: int, tries: tuple[int, ...] = (), *, refused: bool = False) -> Case:
    """The case as the planner sees it after tries at some seconds since the failure."""
    seen, course = told.seen, told.course
    country, at = str(seen.country[row]), moment(seen.at[row])
    attempts = [Attempt(at, paid=False, decline_code=str(course.code[row]))]
    for number, after in enumerate(tries):
        paid = not refused and bool(told.paid[row, after // 3600])
        code = None if paid else str(course.again[row, number % 8])
        attempts.append(Attempt(at + timedelta(seconds=after), paid, code))
    return Case(
        id=f"in_{row}_{seen.at[row]}",
        amount=int(seen.amount[row]),
        currency=CURRENCIES.get(country, "eur"),
        attempts=tuple(attempts),
        deadline=at + timedelta(hours=told.hours),
        attempts_left=told.tries - len(tries),
        customer=f"cus_{seen.customer[row]}",
        brand=str(seen.brand[row]),
        funding=str(seen.funding[row]),
        country=country,
        timezone=ZONES[country],
    )


def history(told: Table, seed: int, style: str = "mixed") -> Iterator[Case]:
    """What the merchant's log holds: a ladder at the hour of the failure, random times, or both."""
    dice = np.random.default_rng([seed, 11])
    for row in range(len(told.seen.at)):
        times, done = _logged(dice, told, style), []
        for after in times:
            done.append(after)
            if told.paid[row, after // 3600]:
                break
        yield case(told, row, tuple(done))


def _logged(dice: Dice, told: Table, style: str) -> list[int]:
    if style == "ladder" or (style == "mixed" and dice.random() < 0.5):
        return [day * 86400 + 600 for day in (1, 3, 5, 7) if day * 24 < told.hours]
    count = 8 if dice.random() < 0.3 else 4
    hours = np.sort(dice.integers(GAP, told.hours, count))
    kept = [hours[0]]
    for hour in hours[1:]:
        if hour - kept[-1] >= GAP:
            kept.append(hour)
    return [int(hour) * 3600 + 600 for hour in kept]


def _fixed(told: Table, days: Reals, local_hour: int | None) -> Marks:
    """Whether each case is recovered by tries on these days, at their own hour or at a local one."""
    after = np.tile((days * 24).astype(np.int64), (len(told.paid), 1))
    if local_hour is not None:
        start = local_hours(told.seen, 1)[:, 0] // 3600 % 24
        after += ((local_hour - start)[:, None] - after) % 24
        after -= np.where(after >= told.hours, 24, 0)
    return np.take_along_axis(told.paid, np.clip(after, 0, told.hours - 1), axis=1).any(axis=1)


def schedules(told: Table) -> dict[str, Marks]:
    """The simple schedules: days 1/3/5/7, evenly spread, and each of them at every fixed hour."""
    days, tries = told.hours / 24, told.tries
    ladder = np.arange(tries) * (2.0 if days >= 2 * tries else 1.0) + 1
    ladder = ladder[ladder < days]
    even = days * (np.arange(tries) + 1) / (tries + 0.5)
    shapes = {"ladder": ladder, "even": even}
    found = {name: _fixed(told, shape, None) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        for hour in range(24):
            found[f"{name}@{hour}"] = _fixed(told, np.floor(shape), hour)
    return found


def played(told: Table, planner: Planner) -> tuple[Marks, list[tuple[str, float, bool]]]:
    """Ask the planner case by case and feed each answer back; returns who paid, and every forecast."""
    won, forecasts = np.zeros(len(told.paid), dtype=np.bool_), []
    for row in range(len(won)):
        tries: tuple[int, ...] = ()
        now = moment(told.seen.at[row])
        while not won[row]:
            choice = planner.choose(case(told, row, tries), now=now)
            if choice is None:
                break
            after = int(choice.at.timestamp()) - int(told.seen.at[row])
            won[row] = told.paid[row, after // 3600]
            forecasts.append((str(told.course.code[row]), choice.probability, bool(won[row])))
            tries, now = (*tries, after), choice.at
    return won, forecasts
