"""What makes a card work again: each mechanism turns a clock into a chance per case and hour."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.worlds.calendars import Calendar, Grid, weekday

Chance = npt.NDArray[np.float32]
Reals = npt.NDArray[np.float64]
Dice = np.random.Generator

BACK = 45  # days before the failure from which paydays count
GOOD, BAD = np.float32(0.95), np.float32(0)


@dataclass(frozen=True)
class Clock:
    """Local time of each case (row) at each hour since its failure (column)."""

    local: Grid  # seconds since 1970 on the customer's clock

    @property
    def size(self) -> int:
        return len(self.local)

    @property
    def day(self) -> Grid:
        return self.local // 86400

    @property
    def hour(self) -> Grid:
        return self.local % 86400 // 3600

    @property
    def weekday(self) -> Grid:
        return weekday(self.day)

    @property
    def age(self) -> Grid:
        return np.arange(self.local.shape[1])[None, :]


def money(
    dice: Dice, clock: Clock, calendar: Calendar, posted: Reals, lasts: Reals, spread: float = 0.5
) -> Chance:
    """Money comes on paydays at the hour `posted` and is spent after about `lasts` hours."""
    first = clock.day[:, :1] - BACK
    width = BACK + clock.local.shape[1] // 24 + 2
    days = first + np.arange(width)
    paydays = calendar(days, dice)
    last = np.maximum.accumulate(np.where(paydays, np.arange(width), -99), axis=1)
    relative = clock.day - first - (clock.hour < posted[:, None])
    payday = np.take_along_axis(last, relative, axis=1)
    since = (clock.day - first - payday) * 24 + clock.hour - posted[:, None]
    kept = lasts[:, None] * np.exp(spread * dice.standard_normal(paydays.shape))
    stays = np.take_along_axis(kept, np.maximum(payday, 0), axis=1)
    return np.where((payday >= 0) & (since < stays), GOOD, BAD)


def lognormal(dice: Dice, size: int, median: float, spread: float) -> Reals:
    return median * np.exp(spread * dice.standard_normal(size))


def cleared(clock: Clock, after: Reals, lasts: Reals | None = None) -> Chance:
    """Works from `after` hours on, for `lasts` hours or for good."""
    open_ = clock.age >= after[:, None]
    if lasts is not None:
        open_ &= clock.age < (after + lasts)[:, None]
    return np.where(open_, GOOD, BAD)


def never(clock: Clock) -> Chance:
    return np.full(clock.local.shape, BAD)


def nightly(chance: Chance, clock: Clock, factor: float = 0.93) -> Chance:
    """Banks say no a little more often at night."""
    return chance * np.where(clock.hour < 6, factor, 1.0).astype(np.float32)


def limit(dice: Dice, clock: Clock, shares: tuple[float, float, float, float]) -> Chance:
    """A limit that resets at midnight, on Monday, on the first of the month, or a rolling week after use."""
    own = dice.choice(4, clock.size, p=shares)[:, None]
    first = clock.local[:, :1] // 86400
    month = clock.day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    midnight = clock.day > first
    monday = (clock.day + 3) // 7 > (first + 3) // 7
    new_month = month > month[:, :1]
    rolling = clock.age > dice.uniform(2, 168, clock.size)[:, None]
    reset = np.choose(own, [midnight, monday, new_month, rolling])
    # The fresh limit is used up again after some hours, until the next one.
    fresh = np.choose(
        own,
        [clock.hour < 15, (clock.local // 3600 + 72) % 168 < 60, np.full(clock.local.shape, True), rolling],
    )
    return np.where(reset, np.where(fresh, GOOD, np.float32(0.35)), BAD)
