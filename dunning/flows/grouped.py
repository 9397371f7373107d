"""One report for every question of the kind "what, cut by what": a subject, a dimension, a period.

The sums come from the rollups and their unfolded tail, so that any period answers at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning.core.report_rates import NET, RATES, net
from dunning.core.report_words import AMOUNTS, DIMENSIONS, HORIZONS, MEASURES, WITHIN, Subject
from dunning.core.sheet import Cell, Column, Kind, Sheet
from dunning.flows.folding import Reader
from dunning.store.rollups import Slice, Span

TITLES: Final = {
    Subject.FAILURES: "What became of failed payments",
    Subject.CASH: "Money that moved",
    Subject.ENDINGS: "What was given up",
    Subject.ATTEMPTS: "Attempts",
    Subject.MESSAGES: "Messages",
}


class BadCut(ValueError):
    """A report cannot be cut that way; the message says what it can be cut by."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What a reader asks; `start` inclusive and `end` exclusive are days in `zone`."""

    subject: Subject
    by: str
    start: date
    end: date
    zone: ZoneInfo
    livemode: bool
    imported: bool = False

    def __post_init__(self) -> None:
        if self.by not in DIMENSIONS[self.subject]:
            known = ", ".join(DIMENSIONS[self.subject])
            raise BadCut(f"{self.subject.value.capitalize()} are cut by {known}; not by {self.by!r}.")
        if self.end <= self.start:
            raise BadCut("`to` is the first day after the period, so it must be later than `from`.")


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of one key in one currency, with its rates."""

    currency: str
    key: str
    sums: Mapping[str, int]
    rates: Mapping[str, Fraction | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """A cut with its lines, and a total per currency; `as_of` is aware UTC."""

    cut: Cut
    as_of: datetime
    lines: Sequence[Line]
    totals: Sequence[Line]

    def dumps(self) -> dict[str, Any]:
        """Return the answer in the API's shape: amounts in minor units, rates as text."""
        return {
            "subject": self.cut.subject.value,
            "by": self.cut.by,
            "from": self.cut.start.isoformat(),
            "to": self.cut.end.isoformat(),
            "timezone": self.cut.zone.key,
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            "lines": [_dumped(line) for line in self.lines],
            "totals": [_dumped(line) for line in self.totals],
            "definitions": dict(definitions(self.cut.subject)),
        }

    def sheet(self) -> Sheet:
        """Return the answer as a table to take away."""
        cut = self.cut
        measures = names(cut.subject)
        rates = tuple(RATES[cut.subject])
        columns = [Column("currency"), Column(cut.by)]
        columns += [Column(name, Kind.MONEY if name in AMOUNTS else Kind.COUNT) for name in measures]
        columns += [Column(name, Kind.SHARE) for name in rates]
        rows: list[list[Cell]] = [
            [
                line.currency,
                line.key,
                *(line.sums.get(name, 0) for name in measures),
                *(line.rates[name] for name in rates),
            ]
            for line in (*self.lines, *self.totals)
        ]
        about = (
            ("Period", f"{cut.start} up to {cut.end}, exclusive ({cut.zone.key})"),
            ("Cut by", cut.by.replace("_", " ")),
            ("Data as of", f"{self.as_of:%Y-%m-%d %H:%M} UTC"),
        )
        file = f"{cut.subject.value}-by-{cut.by.replace('_', '-')}-{cut.start}-{cut.end}"
        return Sheet(file, TITLES[cut.subject], about, columns, rows, definitions(cut.subject))


def answer(connection: Connection, cut: Cut, *, now: datetime, reader: Reader | None = None) -> Answer:
    """Answer a cut as it stands at `now` (aware UTC); `connection` is a steady one."""
    reader = reader or Reader(connection, cut.zone)
    wanted = Slice(cut.subject, cut.by, *_span(cut), cut.livemode, cut.imported)
    found = reader.read(wanted)
    totals: dict[str, dict[str, int]] = {}
    for (currency, _, _), sums in found.items():
        total = totals.setdefault(currency, {})
        for name, value in sums.items():
            total[name] = total.get(name, 0) + value
    lines = [_line(cut.subject, currency, key, sums) for (currency, key, _), sums in sorted(found.items())]
    return Answer(
        cut, now, lines, [_line(cut.subject, code, "total", totals[code]) for code in sorted(totals)]
    )


def curve(reader: Reader, cut: Cut, *, now: datetime) -> dict[str, list[Fraction | None]]:
    """Return per currency the share of failed money recovered by day 1, 3, 7, 14, 30 and 60.

    Each day counts only failures that are old enough to have come so far; None where none is.
    """
    wanted = Slice(Subject.FAILURES, "all", *_span(cut), cut.livemode, cut.imported, by=Span.DAY)
    today = now.astimezone(cut.zone).date()
    parts: dict[str, list[tuple[int, int]]] = {}
    for (currency, _, day), sums in reader.read(wanted).items():
        own = parts.setdefault(currency, [(0, 0)] * len(HORIZONS))
        for place, (days, name) in enumerate(zip(HORIZONS, WITHIN, strict=True)):
            if date.fromisoformat(day) + timedelta(days=days) < today:
                paid, failed = own[place]
                own[place] = paid + sums[name], failed + sums["failed"]
    return {
        currency: [Fraction(paid, failed) if failed else None for paid, failed in own]
        for currency, own in sorted(parts.items())
    }


def names(subject: Subject) -> tuple[str, ...]:
    """Return the measures of a subject in order, the net ones after what they are made of."""
    own = tuple(MEASURES[subject])
    return (*own, *NET) if "refunded" in own else own


def definitions(subject: Subject) -> Mapping[str, str]:
    """Return what each figure of a subject means."""
    rates = {name: words for name, (_, words) in RATES[subject].items()}
    own = MEASURES[subject]
    return {**own, **(NET if "refunded" in own else {}), **rates}


def _line(subject: Subject, currency: str, key: str, sums: Mapping[str, int]) -> Line:
    whole = {**sums, **net(sums)}
    rates = {name: rate(whole) for name, (rate, _) in RATES[subject].items()}
    return Line(currency, key, whole, rates)


def _dumped(line: Line) -> dict[str, Any]:
    rates = {
        name: None if rate is None else f"{rate.numerator}/{rate.denominator}"
        for name, rate in line.rates.items()
    }
    return {"currency": line.currency, "key": line.key, **line.sums, "rates": rates}


def _span(cut: Cut) -> tuple[str, str]:
    return cut.start.isoformat(), cut.end.isoformat()
