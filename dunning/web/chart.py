"""The geometry of the bar chart, so that the template only draws: failed beside recovered, per period."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from itertools import cycle

from babel import Locale
from babel.dates import format_date, format_skeleton
from babel.numbers import format_compact_decimal

from dunning.core.money import Money, exponent
from dunning.web.tongues import Tongue
from dunning.web.words import ENGLISH, money

WIDTH, HEIGHT = 760, 240
LEFT, TOP, BOTTOM = 52, 12, 34
MAX_LABELS = 9


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a period; lengths in SVG units."""

    series: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """One period: its two bars, and where its label stands; `label` is empty where labels would touch."""

    name: str
    label: str
    told: str
    middle: float
    left: float
    width: float
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything the template draws."""

    currency: str
    title: str
    description: str
    columns: tuple[Column, ...]
    ticks: tuple[tuple[float, str], ...]
    every: int  # each how many columns has a label
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    floor: int = HEIGHT - BOTTOM


@dataclass(frozen=True, slots=True)
class Period:
    """What happened in one period, in minor units."""

    name: str  # 2026-03 or 2026-03-02
    failed: int
    recovered: int


def draw(currency: str, periods: Sequence[Period], *, title: str, tongue: Tongue) -> Chart:
    """Return the chart of one currency, in the language of who looks."""
    step, top = _scale(max((max(p.failed, p.recovered) for p in periods), default=0), currency)
    slot = (WIDTH - LEFT) / max(len(periods), 1)
    every = -(-len(periods) // MAX_LABELS)
    columns = tuple(
        _column(_titled(p, currency, tongue, labelled=i % every == 0), p, i, slot, top)
        for i, p in enumerate(periods)
    )
    locale = tongue.formats.locale
    ticks = tuple((_y(value, top), _compact(value, currency, locale)) for value in range(0, top + 1, step))
    failed, recovered = sum(p.failed for p in periods), sum(p.recovered for p in periods)
    sums = {"failed": money(failed, currency, locale), "recovered": money(recovered, currency, locale)}
    told = tongue.t("Failed %(failed)s, recovered %(recovered)s.", **sums)
    return Chart(currency, title, told, columns, ticks, every)


def period_name(name: str, locale: Locale = ENGLISH) -> str:
    """Return `Mar 2026` for 2026-03 and `2 Mar` for 2026-03-02."""
    if locale != ENGLISH:
        monthly = len(name) == len("2026-03")
        day = date.fromisoformat(f"{name}-01" if monthly else name)
        return format_skeleton("yMMM" if monthly else "MMMd", day, locale=locale)
    if len(name) == len("2026-03"):
        return format_date(date.fromisoformat(f"{name}-01"), "MMM y", locale=ENGLISH)
    return format_date(date.fromisoformat(name), "d MMM", locale=ENGLISH)


def _titled(period: Period, currency: str, tongue: Tongue, *, labelled: bool) -> tuple[str, str, str]:
    """Return a period's name, its label, and what it says when it is pointed at."""
    locale = tongue.formats.locale
    name = period_name(period.name, locale)
    told = tongue.t(
        "%(period)s: failed %(failed)s, recovered %(recovered)s",
        period=name,
        failed=money(period.failed, currency, locale),
        recovered=money(period.recovered, currency, locale),
    )
    return name, name if labelled else "", told


def _column(says: tuple[str, str, str], period: Period, index: int, slot: float, top: int) -> Column:
    left = LEFT + slot * index
    width = min(slot * 0.36, 26)
    middle = left + slot / 2
    bars = tuple(
        Bar(
            series,
            round(x, 2),
            round(_y(value, top), 2),
            round(width, 2),
            round(_y(0, top) - _y(value, top), 2),
        )
        for series, value, x in (
            ("failed", period.failed, middle - width - 1),
            ("recovered", period.recovered, middle + 1),
        )
    )
    name, label, told = says
    return Column(name, label, told, round(middle, 2), round(left, 2), round(slot, 2), bars)


def _y(value: int, top: int) -> float:
    return round(TOP + (HEIGHT - BOTTOM - TOP) * (1 - max(value, 0) / top), 2)


def _scale(highest: int, currency: str) -> tuple[int, int]:
    """Return the step between lines and the top line, in minor units: 1, 2 or 5 times a power of ten."""
    step, factors = 10 ** exponent(currency), cycle((2, Fraction(5, 2), 2))
    while step * 5 < highest:
        step = int(step * next(factors))
    return step, max(-(-highest // step), 1) * step


def _compact(value: int, currency: str, locale: Locale) -> str:
    return str(format_compact_decimal(Money(value, currency).decimal(), locale=locale, fraction_digits=1))
