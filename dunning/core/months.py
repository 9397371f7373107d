"""Months that finance has closed: what belongs to which, and the text that a closing freezes. Pure.

A closing has a cut: an instant of recording. What the ledger had recorded by then of the month is frozen;
what it records of that month later is booked in the first month that was still open, as an adjustment.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dunning.core.clock import utc

SETTLES_WITHIN: Final = timedelta(minutes=2)  # a transaction that writes the ledger is over by then
Sums = dict[str, dict[str, int]]  # currency -> figure -> minor units


MONTHS: Final = re.compile(r"20\d\d-(0[1-9]|1[0-2])")  # of this century: time zones know no other


class BadMonth(ValueError):
    """A month that cannot be closed or reopened; the message says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Closing:
    """One standing closing: the month, its version, and until when the ledger was read (aware UTC)."""

    month: str  # 2026-10
    version: int
    cut: datetime
    document: str
    digest: str
    at: datetime
    by: str

    @property
    def intact(self) -> bool:
        """Return whether the document is still the one that was closed."""
        return digest(self.document) == self.digest

    def read(self) -> dict[str, Any]:
        """Return the frozen document."""
        found: dict[str, Any] = json.loads(self.document)
        return found


def canonical(document: Mapping[str, Any]) -> str:
    """Return a document as the one text that it has: sorted keys, no spaces."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """Return the SHA-256 of a document's text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def month_of(at: datetime, zone: ZoneInfo) -> str:
    """Return the month of an instant in the report's zone: 2026-10."""
    return f"{at.astimezone(zone):%Y-%m}"


def next_month(month: str) -> str:
    """Return the month after: 2027-01 after 2026-12."""
    return f"{date.fromisoformat(f'{month}-01') + timedelta(days=32):%Y-%m}"


def days_of(month: str) -> tuple[date, date]:
    """Return the first day of a month and the first of the next.

    Raises:
        BadMonth: it is no month of a year that can be reckoned with.
    """
    if MONTHS.fullmatch(month) is None:
        raise BadMonth(f"{month!r} is no month: write it as 2027-03.")
    return date.fromisoformat(f"{month}-01"), date.fromisoformat(f"{next_month(month)}-01")


def bounds(month: str, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants at which a month begins and ends in the report's zone."""
    first, last = (utc(datetime.combine(day, time(), zone)) for day in days_of(month))
    return first, last


def booked(month: str, recorded_at: datetime, cuts: Mapping[str, datetime]) -> str:
    """Return the month in whose books a movement of `month` stands: its own, or the first still open then."""
    while month in cuts and recorded_at > cuts[month]:
        month = next_month(month)
    return month


def may_close(month: str, closed: Iterable[str], now: datetime, zone: ZoneInfo) -> None:
    """Refuse a month that is not over, is closed, or is not the next in line.

    Raises:
        BadMonth: with a sentence for whoever asked.
    """
    known = sorted(closed)
    if month in known:
        raise BadMonth(f"{month} is closed already: reopen it first if it must be closed again.")
    if bounds(month, zone)[1] + SETTLES_WITHIN > now:
        raise BadMonth(f"{month} is not over yet: close it when its last day has passed.")
    if known and month != next_month(known[-1]):
        raise BadMonth(f"Months are closed in order: the next is {next_month(known[-1])}.")


def may_reopen(month: str, closed: Iterable[str], why: str) -> None:
    """Refuse to reopen what is not closed, or has closed months after it, or without a reason.

    Raises:
        BadMonth: with a sentence for whoever asked.
    """
    known = sorted(closed)
    if month not in known:
        raise BadMonth(f"{month} is not closed, so there is nothing to reopen.")
    if month != known[-1]:
        raise BadMonth(f"Later months stand on {month}: reopen {known[-1]} first.")
    if not why.strip():
        raise BadMonth("Say why the month is reopened: the sentence stays in the books.")


def minus(left: Sums, right: Sums) -> Sums:
    """Return what `left` has beyond `right`, per currency and figure; zeros are left out."""
    found: Sums = {}
    for currency in sorted({*left, *right}):
        ours, theirs = left.get(currency, {}), right.get(currency, {})
        changed = {
            name: ours.get(name, 0) - theirs.get(name, 0)
            for name in (*ours, *(name for name in theirs if name not in ours))
            if ours.get(name, 0) != theirs.get(name, 0)
        }
        if changed:
            found[currency] = changed
    return found


def plus(left: Sums, right: Sums) -> Sums:
    """Return both together, per currency and figure."""
    found = {currency: dict(sums) for currency, sums in left.items()}
    for currency, sums in right.items():
        own = found.setdefault(currency, {})
        for name, value in sums.items():
            own[name] = own.get(name, 0) + value
    return found
