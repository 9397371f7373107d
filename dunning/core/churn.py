"""Customers who left, against their will or by it, and the three usual rates of it. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Final

INVOLUNTARY: Final = "payment_failed"  # Stripe's cancellation_details.reason
MONTH: Final = timedelta(days=30)
TENURES: Final = (1, 3, 6, 12)  # months; the last bucket is open

DEFINITIONS: Final = {
    "involuntary": "Customers whose last subscription ended because payments failed.",
    "voluntary": "Customers whose last subscription ended for any other reason.",
    "simple": "Lost ÷ customers at the start of the period.",
    "adjusted": "Lost ÷ the mean of the customers at the start and at the end.",
    "predictive": "What the customers at the start would lose in a month, by how long each has stayed: "
    "the share that left at that age, fitted on the time before.",
    "revenue": "The same with what each pays a month instead of a head, per currency.",
}


@dataclass(frozen=True, slots=True)
class Life:
    """One subscription: whose, what it pays a month (minor units), from when to when (aware UTC)."""

    id: str
    customer: str
    currency: str
    monthly: int
    started_at: datetime
    ended_at: datetime | None = None
    ended_for: str | None = None


@dataclass(frozen=True, slots=True)
class Weight:
    """Heads, or minor units a month of one currency: at the start, at the end, and lost between."""

    start: int = 0
    end: int = 0
    involuntary: int = 0
    voluntary: int = 0
    predictive: Fraction | None = None

    @property
    def lost(self) -> int:
        """Return what was lost, either way."""
        return self.involuntary + self.voluntary

    def simple(self, lost: int) -> Fraction | None:
        """Return the share of the start."""
        return Fraction(lost, self.start) if self.start else None

    def adjusted(self, lost: int) -> Fraction | None:
        """Return the share of the mean."""
        return Fraction(2 * lost, self.start + self.end) if self.start + self.end else None


def churn(lives: Sequence[Life], start: datetime, end: datetime) -> dict[str, Weight]:
    """Return the churn of [start, end): `customers` in heads, and each currency in what is paid a month."""
    hazards = _hazards([life for life in lives if life.started_at < start], start)
    found: dict[str, Weight] = {}
    by_customer: dict[str, list[Life]] = defaultdict(list)
    for life in lives:
        by_customer[life.customer].append(life)
    heads = [(own, 1, "customers") for own in by_customer.values()]
    money = [([life], life.monthly, life.currency) for life in lives]
    for own, size, name in (*heads, *money):
        found[name] = _with(found.get(name, Weight()), own, size, start, end, hazards)
    return {name: _finished(weight) for name, weight in sorted(found.items()) if weight.start or weight.end}


def _with(
    weight: Weight,
    own: Sequence[Life],
    size: int,
    start: datetime,
    end: datetime,
    hazards: Mapping[int, Fraction],
) -> Weight:
    before, after = _alive(own, start), _alive(own, end)
    last = max(own, key=lambda life: life.ended_at or end + MONTH)
    gone = not after and last.ended_at is not None and start <= last.ended_at < end
    forced = gone and last.ended_for == INVOLUNTARY
    first = min(life.started_at for life in own)
    risk = hazards.get(_tenure(start - first), Fraction(0)) * size if before else Fraction(0)
    return Weight(
        weight.start + size * before,
        weight.end + size * after,
        weight.involuntary + size * forced,
        weight.voluntary + size * (gone and not forced),
        (weight.predictive or Fraction(0)) + risk,
    )


def _finished(weight: Weight) -> Weight:
    rate = (weight.predictive or Fraction(0)) / weight.start if weight.start else None
    return Weight(weight.start, weight.end, weight.involuntary, weight.voluntary, rate)


def _alive(own: Iterable[Life], at: datetime) -> bool:
    return any(life.started_at <= at and (life.ended_at is None or life.ended_at > at) for life in own)


def _hazards(lives: Iterable[Life], until: datetime) -> dict[int, Fraction]:
    """Return, per age, the share of the months lived through that were the last one."""
    lived: dict[int, int] = defaultdict(int)
    ended: dict[int, int] = defaultdict(int)
    for life in lives:
        over = life.ended_at is not None and life.ended_at <= until
        stop = life.ended_at if over and life.ended_at else until
        months = max((stop - life.started_at) // MONTH, 0)
        for month in range(months + 1):
            lived[_bucket(month)] += 1
        ended[_bucket(months)] += over
    return {place: Fraction(ended[place], count) for place, count in lived.items()}


def _tenure(span: timedelta) -> int:
    return _bucket(span // MONTH)


def _bucket(months: int) -> int:
    return sum(months >= edge for edge in TENURES)
