"""The recovered-revenue report: what is asked, and the sums assembled.

Dates are days of the report time zone, `from` inclusive and `to` exclusive. Two bases, always named: the
cohort basis follows the failures of the period until now; the cash basis counts the money that moved in
it. Nothing is ever summed over two currencies.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning.core.definitions import BASES, CASH_FIGURES, FIGURES
from dunning.core.report_words import Subject
from dunning.flows.folding import Reader
from dunning.store.report import Edge, Scope
from dunning.store.rollups import Slice, Span

AMOUNTS: Final = (
    "failed",
    "recovered",
    "lost",
    "stopped",
    "open",
    "refunded",
    "disputed",
    "credited",
    "net",
)
COUNTS: Final = ("failed", "recovered", "open")
REVERSED: Final = ("refunded", "disputed", "credited")
NO_GROUP: Final = "none"
MAX_PERIODS: Final = 400
_CASH_ENDINGS: Final = {
    "lost": "What was still unpaid on the recoveries whose window or attempts were used up in the period.",
    "stopped": "What was given up in the period: voided, credited, cancelled, disputed or by staff.",
    "open": "What is still being collected of the failures of the period.",
}


class Basis(StrEnum):
    """Which money a report counts."""

    COHORT = "cohort"
    CASH = "cash"


class GroupBy(StrEnum):
    """How a report may be cut; the periods are of the failure (cohort) or of the money (cash)."""

    REASON = "reason"
    DECLINE_CLASS = "decline_class"
    DECLINE_CODE = "decline_code"
    INVOICE_CLASS = "invoice_class"
    CAMPAIGN = "campaign"
    MONTH = "month"
    WEEK = "week"
    DAY = "day"


class BadPeriod(ValueError):
    """The days asked for cannot be reported; the message says why."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asks; `start` inclusive and `end` exclusive are days in `zone`."""

    start: date
    end: date
    zone: ZoneInfo
    livemode: bool
    basis: Basis = Basis.COHORT
    net: bool = False
    group_by: GroupBy | None = None
    imported: bool = False  # the imported history, instead of what dunning saw itself

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise BadPeriod("`to` is the first day after the period, so it must be later than `from`.")
        if self.group_by in {GroupBy.MONTH, GroupBy.WEEK, GroupBy.DAY} and self._too_many():
            raise BadPeriod(f"The period has too many {self.group_by}s to list: choose a shorter one.")

    def _too_many(self) -> bool:
        length = {GroupBy.DAY: 1, GroupBy.WEEK: 7, GroupBy.MONTH: 28}[self.group_by or GroupBy.DAY]
        return (self.end - self.start).days / length > MAX_PERIODS


@dataclass(slots=True)
class Figures:
    """The sums of one currency: minor units, and how many recoveries they come from."""

    count: int = 0
    recovered_count: int = 0
    open_count: int = 0
    amounts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(AMOUNTS, 0))

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one row of sums, whichever figures it has, and keep `net` right."""
        self.count += int(row.get("count", 0))
        self.recovered_count += int(row.get("recovered_count", 0))
        self.open_count += int(row.get("open_count", 0))
        for name in AMOUNTS:
            self.amounts[name] += int(row.get(name, 0))
        given_back = sum(self.amounts[name] for name in REVERSED)
        self.amounts["net"] = self.amounts["recovered"] - given_back

    def counts(self) -> dict[str, int]:
        """Return how many recoveries failed, how many of them are paid, and how many are still open."""
        return {"failed": self.count, "recovered": self.recovered_count, "open": self.open_count}


@dataclass(frozen=True, slots=True)
class Report:
    """A question with its answer; `groups` sum to `currencies`, and `imported` history stands beside them."""

    question: Question
    as_of: datetime
    currencies: Mapping[str, Figures]
    groups: Sequence[tuple[str, Mapping[str, Figures]]]
    imported: Mapping[str, Figures] = field(default_factory=dict)

    def dumps(self) -> dict[str, Any]:
        """Return the report in the API's shape."""
        q = self.question
        return {
            "basis": q.basis.value,
            "from": q.start.isoformat(),
            "to": q.end.isoformat(),
            "timezone": q.zone.key,
            "net": q.net,
            "group_by": q.group_by and q.group_by.value,
            "as_of": self.as_of.isoformat().replace("+00:00", "Z"),
            **_by_currency(self.currencies),
            "groups": [{"key": key, **_by_currency(by)} for key, by in self.groups],
            "only_imported": q.imported,
            "imported": _by_currency(self.imported),
        }


def recovered_revenue(
    connection: Connection, question: Question, *, now: datetime, reader: Reader | None = None
) -> Report:
    """Answer `question` from the ledger as it stands at `now` (aware UTC); `connection` is a steady one.

    Several questions of one page share a `reader`: what is not folded yet is read once.
    """
    reader = reader or Reader(connection, question.zone)
    totals: dict[str, Figures] = {}
    groups: dict[str, dict[str, Figures]] = {name: {} for name, _ in _edges(question)}
    for row in _rows(reader, question):
        totals.setdefault(row["currency"], Figures()).add(row)
        if question.group_by is not None:
            group = groups.setdefault(row["grp"] or NO_GROUP, {})
            group.setdefault(row["currency"], Figures()).add(row)
    largest = sorted(totals, key=lambda code: (-totals[code].amounts["failed"], code))
    ordered = list(groups.items()) if question.group_by in _PERIODS else _by_size(groups)
    return Report(
        question, now, {code: totals[code] for code in largest}, ordered, _imported(reader, question)
    )


def _imported(reader: Reader, question: Question) -> dict[str, Figures]:
    """Return what imports tell of the same period, which belongs to none of the figures."""
    if question.imported:
        return {}
    totals: dict[str, Figures] = {}
    for row in _rows(reader, replace(question, imported=True, group_by=None)):
        totals.setdefault(row["currency"], Figures()).add(row)
    return {code: totals[code] for code in sorted(totals)}


def definitions(basis: Basis) -> Mapping[str, str]:
    """Return what each figure means on this basis."""
    return FIGURES if basis is Basis.COHORT else {**CASH_FIGURES, **_CASH_ENDINGS}


def basis_definition(basis: Basis) -> str:
    """Return what the basis counts, in a sentence."""
    return BASES[basis]


def scope_of(question: Question) -> Scope:
    """Return what the question means to the database: instants, and how to group."""
    return Scope(
        start=_midnight(question.start, question.zone),
        end=_midnight(question.end, question.zone),
        livemode=question.livemode,
        by=_COLUMNS.get(question.group_by) if question.group_by else None,
        edges=tuple(_edges(question)),
        imported=question.imported,
    )


def _rows(reader: Reader, question: Question) -> list[Mapping[str, Any]]:
    """Return the sums per currency and group: from the rollups and what is not folded yet."""
    if question.basis is Basis.COHORT:
        return _cut(reader, question, Subject.FAILURES)
    kept = ("currency", "grp", "count", "open_count", "failed", "open")
    failures = [{name: row[name] for name in kept} for row in _cut(reader, question, Subject.FAILURES)]
    ended = [{**row, "count": 0} for row in _cut(reader, question, Subject.ENDINGS)]
    return [*failures, *ended, *_cut(reader, question, Subject.CASH)]


def _cut(reader: Reader, question: Question, subject: Subject) -> list[Mapping[str, Any]]:
    wanted = Slice(
        subject,
        _DIMENSIONS.get(question.group_by, "all") if question.group_by else "all",
        question.start.isoformat(),
        question.end.isoformat(),
        question.livemode,
        question.imported,
        by=_SPANS.get(question.group_by) if question.group_by else None,
    )
    periods = [(name, last.isoformat()) for name, last in _periods(question)]
    return [
        {"currency": currency, "grp": _period_of(day, periods) if day else key, **measured}
        for (currency, key, day), measured in reader.read(wanted).items()
    ]


def _period_of(day: str, periods: Sequence[tuple[str, str]]) -> str:
    return next(name for name, end in periods if day < end)


def _by_currency(figures: Mapping[str, Figures]) -> dict[str, Any]:
    return {
        "currencies": {code: dict(sums.amounts) for code, sums in figures.items()},
        "counts": {code: sums.counts() for code, sums in figures.items()},
    }


def _by_size(groups: Mapping[str, Mapping[str, Figures]]) -> list[tuple[str, Mapping[str, Figures]]]:
    """Return the groups with the most recoveries first; what belongs to none comes last."""

    def order(item: tuple[str, Mapping[str, Figures]]) -> tuple[bool, int, str]:
        return item[0] == NO_GROUP, -sum(figures.count for figures in item[1].values()), item[0]

    return sorted(groups.items(), key=order)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _edges(question: Question) -> Iterable[Edge]:
    """Yield the periods of the question by name, with the instants at which they end."""
    return ((name, _midnight(end, question.zone)) for name, end in _periods(question))


def _periods(question: Question) -> Iterator[tuple[str, date]]:
    """Yield the periods of the question by name, with the first day after each."""
    start = question.start
    while question.group_by in _PERIODS and start < question.end:
        end = min(_PERIODS[question.group_by](start), question.end)
        name = f"{start:%Y-%m}" if question.group_by is GroupBy.MONTH else start.isoformat()
        yield name, end
        start = end


def next_month(day: date) -> date:
    """Return the first day of the month after `day`."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _next_week(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())


def _next_day(day: date) -> date:
    return day + timedelta(days=1)


_PERIODS: Final = {GroupBy.MONTH: next_month, GroupBy.WEEK: _next_week, GroupBy.DAY: _next_day}
_SPANS: Final = {GroupBy.MONTH: Span.MONTH, GroupBy.WEEK: Span.DAY, GroupBy.DAY: Span.DAY}
_COLUMNS: Final = {
    GroupBy.REASON: "reason",
    GroupBy.DECLINE_CLASS: "decline_class",
    GroupBy.DECLINE_CODE: "decline_code",
    GroupBy.INVOICE_CLASS: "invoice_class",
    GroupBy.CAMPAIGN: "campaign_key",
}
_DIMENSIONS: Final = _COLUMNS | {GroupBy.CAMPAIGN: "campaign"}
