"""Closing a month: its figures are frozen as one text, and what changes later is an adjustment.

The ledger's part can be made again from the append-only ledger at any time, byte for byte; the rest (what
was lost, stopped or open when the month was closed) stands in the frozen text alone.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping

from dunning.core.definitions import BASES, CASH_FIGURES, FIGURES, REASONS
from dunning.core.months import (
    SETTLES_WITHIN,
    Closing,
    Sums,
    booked,
    bounds,
    canonical,
    days_of,
    digest,
    may_close,
    may_reopen,
    minus,
    month_of,
    plus,
)
from dunning.core.report_words import FATES, MONEY_BACK, Subject
from dunning.flows.bridging import bridge
from dunning.flows.folding import Reader
from dunning.flows.house import House
from dunning.store import audit, months
from dunning.store.months import FIGURE, standing
from dunning.store.rollups import Slice, Span

STANDING: Final = (*FATES, *MONEY_BACK)
COUNTS: Final = ("count", "recovered_count", "open_count")

__all__ = ["adjustments", "close", "reopen", "rerun", "standing"]


def close(house: House, month: str, *, by: str) -> Closing:
    """Freeze a month that is over and return the closing; the frozen text never changes again.

    Raises:
        BadMonth: the month is not over, is closed already, or is not the next in line.
    """
    zone, livemode = ZoneInfo(house.settings.report_timezone), house.settings.livemode
    now = house.clock.now()
    with house.store.write() as connection:
        months.hold(connection)
        closed = months.standing(connection, livemode=livemode)
        may_close(month, (one.month for one in closed), now, zone)
        version = 1 + months.newest_version(connection, month, livemode=livemode)
        cut = now - SETTLES_WITHIN
        document = {
            "month": month,
            "version": version,
            "timezone": zone.key,
            "livemode": livemode,
            "cut": cut.isoformat(),
            "closed_at": now.isoformat(),
            "closed_by": by,
            **_figures(house, month, cut, closed, zone),
            "definitions": {"cohort": FIGURES, "cash": CASH_FIGURES, "bases": BASES, "reasons": REASONS},
        }
        text = canonical(document)
        closing = Closing(month, version, cut, text, digest(text), now, by)
        months.keep(connection, closing, livemode=livemode)
        sealed = {"version": version, "digest": closing.digest}
        audit.append(connection, at=now, by=by, action="month.close", about=month, before={}, after=sealed)
    return closing


def _figures(
    house: House, month: str, cut: datetime, closed: list[Closing], zone: ZoneInfo
) -> dict[str, Any]:
    """Return what a closing freezes, read at one instant while it is held: a fold meanwhile counts once."""
    livemode = house.settings.livemode
    with house.store.read(steady=True) as connection:
        return {
            "ledger": _ledger(connection, month, cut, closed, zone, livemode=livemode),
            "standing": _standing(connection, month, closed, zone, livemode=livemode),
        }


def reopen(house: House, month: str, *, why: str, by: str) -> None:
    """Open a closed month again, which stays in the books with its reason; only the newest may be.

    Raises:
        BadMonth: it is not closed, later ones stand on it, or no reason is given.
    """
    livemode = house.settings.livemode
    with house.store.write() as connection:
        months.hold(connection)
        closed = {one.month: one for one in months.standing(connection, livemode=livemode)}
        may_reopen(month, closed, why)
        when = house.clock.now()
        months.reopen(connection, closed[month], why.strip(), livemode=livemode, at=when, by=by)
        was = {"version": closed[month].version, "digest": closed[month].digest}
        told = {"reopened": why.strip()}
        audit.append(connection, at=when, by=by, action="month.reopen", about=month, before=was, after=told)


def rerun(connection: Connection, closing: Closing, zone: ZoneInfo, *, livemode: bool) -> str:
    """Return the ledger's part of a closed month, made again from the ledger: the same bytes as frozen."""
    before = [one for one in months.standing(connection, livemode=livemode) if one.month < closing.month]
    return canonical(_ledger(connection, closing.month, closing.cut, before, zone, livemode=livemode))


def adjustments(connection: Connection, zone: ZoneInfo, *, livemode: bool) -> dict[str, dict[str, Sums]]:
    """Return what changed of closed months since they were closed, by basis and month: the open month's."""
    closed = months.standing(connection, livemode=livemode)
    if not closed:
        return {"cash": {}, "cohort": {}}
    cash = _late(connection, closed, zone, None, livemode=livemode)
    last = closed[-1].month
    return {
        "cash": {month: sums for (booked_in, month), sums in cash.items() if booked_in > last},
        "cohort": _cohort_changes(connection, closed, zone, livemode=livemode),
    }


def _ledger(
    connection: Connection,
    month: str,
    cut: datetime,
    closed: Iterable[Closing],
    zone: ZoneInfo,
    *,
    livemode: bool,
) -> dict[str, Any]:
    start, end = bounds(month, zone)
    cash, cohort = (
        months.entries(connection, start, end, livemode=livemode, cohort=by_failure, until=cut)
        for by_failure in (False, True)
    )
    late = _late(connection, list(closed), zone, cut, livemode=livemode)
    return {
        "cash": _by_currency(cash),
        "cash_by_reason": _by_reason(cash),
        "cohort": _by_currency(cohort),
        "cohort_by_reason": _by_reason(cohort),
        "adjustments": {origin: sums for (place, origin), sums in late.items() if place == month},
    }


def _standing(
    connection: Connection, month: str, closed: list[Closing], zone: ZoneInfo, *, livemode: bool
) -> dict[str, Any]:
    first, last = days_of(month)
    reader = Reader(connection, zone)
    wanted = Slice(Subject.FAILURES, "all", first.isoformat(), last.isoformat(), livemode)
    found = {place[0]: measured for place, measured in sorted(reader.read(wanted).items())}
    return {
        "cohort": {currency: _some(measured, STANDING) for currency, measured in found.items()},
        "counts": {currency: _some(measured, COUNTS) for currency, measured in found.items()},
        "bridge": bridge(reader, first, last, livemode=livemode),
        "adjustments": _cohort_changes(connection, closed, zone, livemode=livemode, reader=reader),
    }


def _cohort_changes(
    connection: Connection,
    closed: list[Closing],
    zone: ZoneInfo,
    *,
    livemode: bool,
    reader: Reader | None = None,
) -> dict[str, Sums]:
    """Return, per closed month, its cohort now, less what was frozen and what later closings adjusted."""
    if not closed:
        return {}
    start, end = closed[0].month, days_of(closed[-1].month)[1]
    wanted = Slice(Subject.FAILURES, "all", f"{start}-01", end.isoformat(), livemode, by=Span.MONTH)
    live: dict[str, Sums] = {one.month: {} for one in closed}
    for (currency, _, day), measured in (reader or Reader(connection, zone)).read(wanted).items():
        if day[:7] in live:
            live[day[:7]] = plus(live[day[:7]], {currency: _some(measured, STANDING)})
    frozen: dict[str, Sums] = {}
    for closing in closed:
        told = closing.read()["standing"]
        frozen[closing.month] = told["cohort"]
        for month, sums in told["adjustments"].items():
            frozen[month] = plus(frozen.get(month, {}), sums)
    changed = {month: minus(sums, frozen[month]) for month, sums in live.items()}
    return {month: sums for month, sums in changed.items() if sums}


def _late(
    connection: Connection,
    closed: list[Closing],
    zone: ZoneInfo,
    until: datetime | None,
    *,
    livemode: bool,
) -> dict[tuple[str, str], Sums]:
    """Return late money by (the month that books it, the month it moved in)."""
    if not closed:
        return {}
    cuts = {one.month: one.cut for one in closed}
    before = bounds(closed[-1].month, zone)[1]
    found: dict[tuple[str, str], Sums] = {}
    for row in months.late(connection, before, min(cuts.values()), livemode=livemode):
        if until is not None and row["recorded_at"] > until:
            continue
        month = month_of(row["at"], zone)
        place = booked(month, row["recorded_at"], cuts)
        if place != month:
            sums = _named(row["kind"], row["currency"], row["amount"])
            found[place, month] = plus(found.get((place, month), {}), sums)
    return {key: found[key] for key in sorted(found)}


def _named(kind: Any, currency: str, amount: int) -> Sums:
    name = FIGURE[kind]
    return {currency: {name: amount if name == "recovered" else -amount, "net": amount}}


def _by_currency(rows: Iterable[RowMapping]) -> Sums:
    found: Sums = {}
    for row in rows:
        amount = int(row["total"])
        net = amount if row["figure"] == "recovered" else -amount
        found = plus(found, {row["currency"]: {row["figure"]: amount, "net": net}})
    return found


def _by_reason(rows: Iterable[RowMapping]) -> dict[str, Sums]:
    found: dict[str, Sums] = {}
    for row in rows:
        reason = str(row["reason"] or "none")
        found[reason] = plus(found.get(reason, {}), _by_currency([row]))
    return found


def _some(measured: Mapping[str, int], names: Iterable[str]) -> dict[str, int]:
    return {name: measured.get(name, 0) for name in names}
