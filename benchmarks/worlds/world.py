"""A world: who fails, with which visible marks, and the hidden chance of every later hour."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Self
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from benchmarks.worlds.mechanisms import Chance, Clock, Dice

Words = npt.NDArray[np.str_]
ZONES: Final = {
    "US": "America/New_York",
    "GB": "Europe/London",
    "DE": "Europe/Berlin",
    "FR": "Europe/Paris",
    "IT": "Europe/Rome",
    "BR": "America/Sao_Paulo",
    "JP": "Asia/Tokyo",
    "SA": "Asia/Riyadh",
    "IN": "Asia/Kolkata",
    "PH": "Asia/Manila",
}
CURRENCIES: Final = {
    "US": "usd", "GB": "gbp", "BR": "brl", "JP": "jpy", "SA": "sar", "IN": "inr", "PH": "php",
}  # fmt: skip
HISTORY: Final = (datetime(2024, 7, 1, tzinfo=UTC), datetime(2026, 1, 10, tzinfo=UTC))
TEST: Final = (datetime(2026, 1, 20, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Seen:
    """What a merchant sees of failed invoices at the failure; one entry per case."""

    at: npt.NDArray[np.int64]  # UTC seconds, on the hour
    country: Words
    funding: Words
    brand: Words
    amount: npt.NDArray[np.int64]
    customer: npt.NDArray[np.int64]

    def rows(self, chosen: npt.NDArray[np.int64]) -> Self:
        return type(self)(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


@dataclass(frozen=True)
class Course:
    """What happens: the visible code, the codes of later refusals, and the hidden chance of each hour."""

    code: Words
    again: Words  # (cases, 8)
    chance: Chance  # (cases, hours)


@dataclass(frozen=True)
class World:
    """`run` plays the mechanisms for given cases; `people` says who they are."""

    name: str
    countries: dict[str, float]
    funding: tuple[float, float, float]  # debit, credit, prepaid
    run: Callable[[Dice, Seen, Clock], tuple[Words, Words, Chance]]
    customers: bool = False  # the same customers fail again and again

    def seen(self, dice: Dice, size: int, span: tuple[datetime, datetime]) -> Seen:
        start, end = (int(moment.timestamp()) for moment in span)
        day = dice.integers(start // 86400, end // 86400, size)
        first = day.astype("datetime64[D]").astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        day = np.where(dice.random(size) < 0.2, np.maximum(first, start // 86400), day)
        crowd = 700 if self.customers else 10**9
        customer = dice.integers(0, crowd, size)
        who = (
            np.random.default_rng(5).random((700, 3))[customer % 700]
            if self.customers
            else dice.random((size, 3))
        )
        return Seen(
            at=day * 86400 + dice.integers(0, 24, size) * 3600,
            country=_pick(list(self.countries), list(self.countries.values()), who[:, 0]),
            funding=_pick(["debit", "credit", "prepaid"], self.funding, who[:, 1]),
            brand=_pick(["visa", "mastercard", "amex"], (0.6, 0.35, 0.05), who[:, 2]),
            amount=np.maximum(100, 2800 * np.exp(0.8 * dice.standard_normal(size))).astype(np.int64),
            customer=customer,
        )

    def course(self, dice: Dice, seen: Seen, hours: int) -> tuple[Course, npt.NDArray[np.bool_]]:
        """Return a course per case, and which of them fail in their first hour as they must."""
        code, again, chance = self.run(dice, seen, Clock(local_hours(seen, hours)))
        fails = dice.random(len(code)) >= chance[:, 0]
        return Course(code, again, chance), fails

    def draw(self, seed: int, size: int, span: tuple[datetime, datetime], hours: int) -> tuple[Seen, Course]:
        dice = np.random.default_rng([seed, *map(ord, self.name)])
        parts: list[tuple[Seen, Course]] = []
        while sum(len(seen.at) for seen, _ in parts) < size:
            seen = self.seen(dice, 3000, span)
            course, fails = self.course(dice, seen, hours)
            kept = np.flatnonzero(fails)
            parts.append((seen.rows(kept), part(course, kept)))
        seen = Seen(*(np.concatenate([getattr(s, f.name) for s, _ in parts])[:size] for f in fields(Seen)))
        course = Course(
            *(np.concatenate([getattr(c, f.name) for _, c in parts])[:size] for f in fields(Course))
        )
        return seen, course


def part(course: Course, chosen: npt.NDArray[np.int64]) -> Course:
    return Course(course.code[chosen], course.again[chosen], course.chance[chosen])


def _pick(names: list[str], shares: tuple[float, ...] | list[float], dice: npt.NDArray[np.float64]) -> Words:
    edges = np.cumsum(np.array(shares) / sum(shares))
    return np.array(names)[np.minimum(np.searchsorted(edges, dice), len(names) - 1)]


@lru_cache(maxsize=64)
def _offsets(country: str) -> npt.NDArray[np.int64]:
    """Offset of the zone by day since 2024."""
    zone = ZoneInfo(ZONES[country])
    noons = [datetime.fromtimestamp(86400 * (19723 + day) + 43200, UTC) for day in range(1300)]
    return np.array([int(noon.astimezone(zone).utcoffset().total_seconds()) for noon in noons])


def local_hours(seen: Seen, hours: int) -> npt.NDArray[np.int64]:
    at = seen.at[:, None] + 3600 * np.arange(hours)
    out = np.empty_like(at)
    for country in np.unique(seen.country):
        mine = seen.country == country
        out[mine] = at[mine] + _offsets(str(country))[at[mine] // 86400 - 19723]
    return out
