"""The facts behind any figure of a grouped report: each with its payment, its invoice and its customer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.report_cells import Fact, facts
from dunning.core.report_words import MONEY_BACK
from dunning.flows.grouped import Cut
from dunning.store import behind, stories

CHUNK: Final = 500
MOST_READ: Final = 20_000  # recoveries looked through for one page; the next page goes on from there


@dataclass(frozen=True, slots=True)
class Asked:
    """Which figure: its measure, and the key and currency of its line; None for every one."""

    cut: Cut
    measure: str
    key: str | None = None
    currency: str | None = None
    before: str | None = None  # a cursor: the recovery where the page before ended
    most: int = 200


@dataclass(frozen=True, slots=True)
class Behind:
    """One fact: its part of the figure, when, and what it is about."""

    recovery_id: str
    at: datetime
    part: int
    charge_id: str | None
    about: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """The facts of a page, and where the next begins; None at the end."""

    facts: list[Behind]
    following: str | None


def find(connection: Connection, asked: Asked) -> Page:
    """Return the facts that a figure sums, the newest recovery first."""
    cut = asked.cut
    start, end = (datetime.combine(day, time(), cut.zone).astimezone(UTC) for day in (cut.start, cut.end))
    found: list[Behind] = []
    before, read = asked.before, 0
    while True:
        ids = behind.candidates(
            connection,
            cut.subject,
            start,
            end,
            livemode=cut.livemode,
            imported=cut.imported,
            before=before,
            most=CHUNK,
        )
        told, about = stories.read(connection, ids), behind.described(connection, ids)
        for name in ids:
            if len(found) >= asked.most:
                return Page(found, before)
            found += [
                Behind(name, fact.at, part, fact.charge_id, dict(about[name]))
                for fact, part in _parts(facts(told[name], cut.subject, cut.zone), asked)
                if asked.currency in {None, told[name].currency}
            ]
            before = name
        read += len(ids)
        if len(ids) < CHUNK:
            return Page(found, None)
        if read >= MOST_READ:
            return Page(found, before)


def _parts(found: Iterator[Fact], asked: Asked) -> Iterator[tuple[Fact, int]]:
    cut = asked.cut
    for fact in found:
        inside = cut.start <= fact.at.astimezone(cut.zone).date() < cut.end
        part = _measured(fact, asked.measure)
        if inside and part and asked.key in {None, fact.keys[cut.by]}:
            yield fact, part


def _measured(fact: Fact, measure: str) -> int:
    if measure not in {"net", "net_of_fees"}:
        return fact.measured.get(measure, 0)
    back = sum(fact.measured.get(name, 0) for name in MONEY_BACK)
    fees = fact.measured.get("fees", 0) if measure == "net_of_fees" else 0
    return fact.measured.get("recovered", 0) - back - fees
