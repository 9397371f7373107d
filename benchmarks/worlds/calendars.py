"""When money comes in: pay calendars as rows of days, true where somebody is paid."""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

Grid = npt.NDArray[np.int64]
Marks = npt.NDArray[np.bool_]
Calendar = Callable[[Grid, np.random.Generator], Marks]


def weekday(days: Grid) -> Grid:
    """0 is Monday."""
    return (days + 3) % 7


def day_of_month(days: Grid) -> Grid:
    dated = days.astype("datetime64[D]")
    return (dated - dated.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64) + 1


def days_left(days: Grid) -> Grid:
    """How many days of the month follow."""
    dated = days.astype("datetime64[D]")
    following = (dated.astype("datetime64[M]") + 1).astype("datetime64[D]")
    return (following - dated).astype(np.int64) - 1


def weekly(shares: tuple[float, ...]) -> Calendar:
    def marks(days: Grid, dice: np.random.Generator) -> Marks:
        own = dice.choice(7, len(days), p=np.array(shares) / sum(shares))
        return weekday(days) == own[:, None]

    return marks


def fortnightly(shares: tuple[float, ...]) -> Calendar:
    def marks(days: Grid, dice: np.random.Generator) -> Marks:
        own = dice.choice(7, len(days), p=np.array(shares) / sum(shares)) + 7 * dice.integers(0, 2, len(days))
        return (days + 3) % 14 == own[:, None]

    return marks


def dated(*choices: tuple[int, ...], earlier: bool = True) -> Calendar:
    """On days of the month (31 is the last), or on the working day before or after a weekend."""

    def marks(days: Grid, dice: np.random.Generator) -> Marks:
        own = dice.integers(0, len(choices), len(days))
        out = np.zeros(days.shape, dtype=np.bool_)
        for index, doms in enumerate(choices):
            out[own == index] = _shifted(days[own == index], doms, earlier=earlier)
        return out

    return marks


def _shifted(days: Grid, doms: tuple[int, ...], *, earlier: bool) -> Marks:
    out = np.zeros(days.shape, dtype=np.bool_)
    for moved in (0, 1, 2):
        theirs = days + moved if earlier else days - moved
        wanted = {0: range(5), 1: (5,), 2: (6,)} if earlier else {0: range(5), 1: (6,), 2: (5,)}
        fits = np.isin(weekday(theirs), list(wanted[moved]))
        out |= fits & _named(theirs, doms)
    return out


def _named(days: Grid, doms: tuple[int, ...]) -> Marks:
    out = np.isin(day_of_month(days), doms)
    if 31 in doms:
        out |= days_left(days) == 0
    return out


def nth_business_day(number: int) -> Calendar:
    def marks(days: Grid, _: np.random.Generator) -> Marks:
        firsts = days.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]")
        nth = np.busday_offset(firsts, number - 1, roll="forward").astype(np.int64)
        return nth == days

    return marks


def poisson(per_day: float) -> Calendar:
    def marks(days: Grid, dice: np.random.Generator) -> Marks:
        return dice.random(days.shape) < per_day

    return marks


def mixed(parts: dict[Calendar, float]) -> Calendar:
    """Everybody has one of several calendars."""

    def marks(days: Grid, dice: np.random.Generator) -> Marks:
        shares = np.array(list(parts.values()))
        own = dice.choice(len(parts), len(days), p=shares / shares.sum())
        out = np.zeros(days.shape, dtype=np.bool_)
        for index, calendar in enumerate(parts):
            out[own == index] = calendar(days[own == index], dice)
        return out

    return marks


US: Final = mixed(
    {
        weekly((0.08, 0.08, 0.14, 0.2, 0.5, 0, 0)): 0.27,
        fortnightly((0.08, 0.08, 0.14, 0.2, 0.5, 0, 0)): 0.43,
        dated((1, 15), (15, 31)): 0.20,
        dated((1,), (31,)): 0.10,
    }
)
BRITAIN: Final = mixed({weekly((0, 0, 0, 0, 1, 0, 0)): 0.14, dated((31,), (25,), (28,), (1,)): 0.86})
EUROPE: Final = dated((31,), (31,), (25,), (28,), (1,), (15,))
BRAZIL: Final = mixed({nth_business_day(5): 0.7, dated((20, 5)): 0.3})
JAPAN: Final = dated((25,), (25,), (25,), (20,), (15,))
GULF: Final = dated((27,), (27,), (1,), (28,))
INDIA: Final = dated((1,), (7,), (31,), (7,), earlier=False)
PHILIPPINES: Final = dated((15, 31), (10, 25))
