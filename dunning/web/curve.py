"""The geometry of small charts of shares: bars by moment, and predicted against observed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from dunning.timing.uplift import wilson

WIDTH, HEIGHT = 360, 168
LEFT, TOP, BOTTOM = 40, 10, 24
ENOUGH: Final = 10  # tries, below which a bar is drawn faint
WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TITLES: Final = {
    "hour": "By hour of the customer’s day",
    "weekday": "By weekday",
    "day_of_month": "By day of the month",
    "age": "By days since the failure",
}
LABELLED: Final = {"hour": 6, "weekday": 1, "day_of_month": 7, "age": 2}


@dataclass(frozen=True, slots=True)
class Bin:
    """One moment: how many tries, how many paid, and the bar; lengths in SVG units."""

    name: str
    label: str  # empty where labels would touch
    tries: int
    paid: int
    share: str
    told: str
    x: float
    y: float
    width: float
    height: float
    faint: bool

    @property
    def middle(self) -> float:
        """Return where the label stands."""
        return round(self.x + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Curve:
    """The share of tries that paid, by moment."""

    key: str
    title: str
    description: str
    bins: tuple[Bin, ...]
    ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT


@dataclass(frozen=True, slots=True)
class Point:
    """One bin of tries: the mean chance they were given, and the share that paid with its interval."""

    x: float
    y: float
    low: float
    high: float
    tries: int
    predicted: str
    observed: str
    between: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """Predicted against observed; a perfect planner's points stand on the diagonal."""

    title: str
    description: str
    points: tuple[Point, ...]
    ticks: tuple[tuple[float, str], ...]
    marks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM
    top: int = TOP


def curve(key: str, counts: Sequence[Sequence[int]]) -> Curve:
    """Return the chart of one kind of moment from its [tries, paid] pairs."""
    highest = _top(max((paid / tries for tries, paid in counts if tries), default=0.0))
    slot = (WIDTH - LEFT) / len(counts)
    bins = tuple(_bin(key, place, pair, slot, highest) for place, pair in enumerate(counts))
    tries, paid = sum(t for t, _ in counts), sum(p for _, p in counts)
    told = f"{paid} of {tries} retries paid." if tries else "No retries yet."
    return Curve(key, TITLES[key], told, bins, _ticks(highest))


def calibration(title: str, bins: Sequence[dict[str, Any]]) -> Calibration:
    """Return the chart of one class from its bins of tries, predicted and paid."""
    rates = [wilson(each["paid"] / each["tries"], each["tries"]) for each in bins]
    most = max([*(rate.value for rate in rates), *(each["predicted"] for each in bins)], default=0.0)
    highest = _top(most)
    points = tuple(_point(each, highest) for each in bins)
    marks = tuple((round(_x(part * highest / 4, highest), 2), _said(part * highest / 4)) for part in range(5))
    tries, paid = (sum(each[name] for each in bins) for name in ("tries", "paid"))
    told = f"{paid} of {tries} held-out retries paid."
    return Calibration(title, told, points, _ticks(highest), marks)


def _bin(key: str, place: int, counts: Sequence[int], slot: float, highest: float) -> Bin:
    tries, paid = counts
    share = paid / tries if tries else 0.0
    name = _name(key, place)
    y = _y(min(share, highest), highest)
    return Bin(
        name=name,
        label=_short(key, place) if place % LABELLED[key] == 0 else "",
        tries=tries,
        paid=paid,
        share=_said(share) if tries else "–",
        told=f"{name}: {paid} of {tries} retries paid",
        x=round(LEFT + slot * place + slot * 0.12, 2),
        y=y,
        width=round(slot * 0.76, 2),
        height=round(_y(0.0, highest) - y, 2),
        faint=tries < ENOUGH,
    )


def _point(each: dict[str, Any], highest: float) -> Point:
    found = wilson(each["paid"] / each["tries"], each["tries"])
    return Point(
        x=round(_x(each["predicted"], highest), 2),
        y=_y(found.value, highest),
        low=_y(found.low, highest),
        high=_y(min(found.high, highest), highest),
        tries=each["tries"],
        predicted=_said(each["predicted"]),
        observed=_said(found.value),
        between=f"{_said(found.low)} – {_said(found.high)}",
    )


def _name(key: str, place: int) -> str:
    if key == "hour":
        return f"{place:02}:00"
    if key == "age":
        return "14 days or more" if place == 14 else f"{place} days" if place != 1 else "1 day"
    return _short(key, place)


def _short(key: str, place: int) -> str:
    if key == "weekday":
        return WEEKDAYS[place]
    return str(place + 1 if key == "day_of_month" else place)


def _top(highest: float) -> float:
    """Return the top of the scale: the next of 20, 40, 60, 80 or 100 %."""
    return next((top / 5 for top in range(1, 5) if highest <= top / 5), 1.0)


def _ticks(highest: float) -> tuple[tuple[float, str], ...]:
    return tuple((_y(part * highest / 2, highest), _said(part * highest / 2)) for part in range(3))


def _y(share: float, highest: float) -> float:
    return round(TOP + (HEIGHT - BOTTOM - TOP) * (1 - share / highest), 2)


def _x(share: float, highest: float) -> float:
    return LEFT + (WIDTH - LEFT - 8) * share / highest


def _said(share: float) -> str:
    return f"{share * 100:.0f} %"
