"""What open recoveries will still bring, with an interval that the past has calibrated. Pure.

The chance of one that is still open at some age is the share of finished ones of its class that were open at
that age and were paid later, drawn towards the share over all classes where there are few. The interval is
as wide, in standard deviations, as four of five past forecasts needed.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SHRINK: Final = 10  # finished recoveries that the other classes count for
LEVEL: Final = 0.8
NORMAL: Final = 1.2816  # standard deviations for 80 % where there is too little past
FEWEST: Final = 10  # forecasts of the past that calibrate


@dataclass(frozen=True, slots=True)
class Case:
    """One recovery: what it owes (minor units of one currency), and when it failed and ended (aware UTC)."""

    kind: str  # the class of its decline
    currency: str
    amount: int
    failed_at: datetime
    closed_at: datetime | None = None
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """What open recoveries of one currency owe and will bring, in minor units: four of five times between."""

    at_risk: int
    expected: int
    low: int
    high: int
    count: int


@dataclass(frozen=True, slots=True)
class Backtest:
    """How the past would have been foretold: how many forecasts, how many held, and the width that held."""

    forecasts: int
    held: int
    width: float  # in standard deviations

    @property
    def coverage(self) -> float | None:
        """Return the share of the forecasts not used for the width that held; None where there are none."""
        return self.held / self.forecasts if self.forecasts else None


def forecast(
    past: Sequence[Case], open_now: Iterable[Case], now: datetime, width: float
) -> dict[str, Forecast]:
    """Return the forecast of each currency; `width` comes from `backtest`."""
    chances = _Chances([case for case in past if case.closed_at is not None and case.closed_at <= now])
    by_currency: dict[str, list[Case]] = defaultdict(list)
    for case in open_now:
        by_currency[case.currency].append(case)
    found = {}
    for currency, cases in sorted(by_currency.items()):
        mean, deviation = _moments(chances, cases, now)
        owed = sum(case.amount for case in cases)
        low, high = mean - width * deviation, mean + width * deviation
        found[currency] = Forecast(owed, round(mean), max(round(low), 0), min(round(high), owed), len(cases))
    return found


def backtest(past: Sequence[Case], now: datetime, *, every: timedelta = timedelta(days=7)) -> Backtest:
    """Foretell each week of the past from what was known then; half of them set the width, half judge it."""
    ended = [case for case in past if case.closed_at is not None]
    if not ended:
        return Backtest(0, 0, NORMAL)
    begin, end = min(case.failed_at for case in ended) + 4 * every, now - 2 * every
    needed: list[float] = []
    at = begin
    while at < end:
        needed += _needed(ended, past, at)
        at += every
    learn, judge = needed[::2], needed[1::2]
    width = _quantile(learn) if len(learn) >= FEWEST else NORMAL
    return Backtest(len(judge), sum(one <= width for one in judge), width)


def _needed(ended: Sequence[Case], past: Sequence[Case], at: datetime) -> list[float]:
    """Return, per currency, how many standard deviations the forecast made at an instant was off."""
    chances = _Chances([case for case in ended if case.closed_at is not None and case.closed_at <= at])
    if not chances.known:
        return []
    then: dict[str, list[Case]] = defaultdict(list)
    for case in past:
        if case.failed_at <= at and (case.closed_at is None or case.closed_at > at):
            then[case.currency].append(case)
    found = []
    for cases in then.values():
        if any(case.closed_at is None for case in cases) or len(cases) < 2:
            continue  # not all of them have ended: what they brought is not known
        mean, deviation = _moments(chances, cases, at)
        brought = sum(case.amount for case in cases if case.paid)
        if deviation > 0:
            found.append(abs(brought - mean) / deviation)
    return found


class _Chances:
    """The chance of being paid later, by class and age in days."""

    def __init__(self, ended: Sequence[Case]) -> None:
        self._lasted: dict[str, list[tuple[float, bool]]] = defaultdict(list)
        for case in ended:
            lasted = ((case.closed_at or case.failed_at) - case.failed_at) / timedelta(days=1)
            for kind in ("", case.kind):
                self._lasted[kind].append((lasted, case.paid))
        self.known = bool(ended)
        self._told: dict[tuple[str, int], tuple[float, float]] = {}

    def of(self, kind: str, age: float) -> tuple[float, float]:
        """Return the chance, and how many finished recoveries it rests on."""
        place = (kind, int(age))
        if place not in self._told:
            paid, count = self._counted("", place[1])
            overall = (paid + 1) / (count + 2)
            paid, count = self._counted(kind, place[1])
            self._told[place] = (paid + SHRINK * overall) / (count + SHRINK), count + SHRINK
        return self._told[place]

    def _counted(self, kind: str, age: int) -> tuple[int, int]:
        longer = [paid for lasted, paid in self._lasted[kind] if lasted > age]
        return sum(longer), len(longer)


def _moments(chances: _Chances, cases: Sequence[Case], now: datetime) -> tuple[float, float]:
    """Return mean and standard deviation of what the cases bring; the chances themselves are not sure."""
    mean = variance = 0.0
    unsure: dict[tuple[str, int], float] = defaultdict(float)
    for case in cases:
        age = (now - case.failed_at) / timedelta(days=1)
        chance, rests_on = chances.of(case.kind, age)
        mean += chance * case.amount
        variance += chance * (1 - chance) * case.amount**2
        unsure[case.kind, int(age)] += case.amount * math.sqrt(chance * (1 - chance) / rests_on)
    variance += sum(shift**2 for shift in unsure.values())
    return mean, math.sqrt(variance)


def _quantile(needed: Sequence[float]) -> float:
    """Return the width that held in 80 % of the cases, on the careful side for few."""
    ordered = sorted(needed)
    return ordered[min(math.ceil((len(ordered) + 1) * LEVEL) - 1, len(ordered) - 1)]
