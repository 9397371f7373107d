"""Closed months, and the ledger as it was recorded by a cut."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, case, func, insert, literal, select, text

from dunning.core.months import Closing
from dunning.core.vocabulary import LedgerKind
from dunning.store.tables import closed_months, ledger_entries, recoveries, reopened_months

FIGURE = {
    LedgerKind.RECOVERED: "recovered",
    LedgerKind.REVERSAL: "recovered",
    LedgerKind.REFUND: "refunded",
    LedgerKind.DISPUTE: "disputed",
    LedgerKind.DISPUTE_REVERSAL: "disputed",
    LedgerKind.CREDIT_NOTE: "credited",
}


def hold(connection: Connection) -> None:
    """Keep others from closing or reopening until this transaction ends."""
    if connection.dialect.name == "postgresql":  # SQLite's writers are alone anyway
        connection.execute(text("LOCK TABLE closed_months IN SHARE ROW EXCLUSIVE MODE"))


def standing(connection: Connection, *, livemode: bool) -> list[Closing]:
    """Return the closings that stand, oldest month first; those that were reopened are history."""
    own, ended = closed_months.c, reopened_months.c
    same = and_(ended.livemode == own.livemode, ended.month == own.month, ended.version == own.version)
    query = (
        select(own.month, own.version, own.cut, own.document, own.digest, own.at, own.by)
        .join(reopened_months, same, isouter=True)
        .where(own.livemode == livemode, ended.month.is_(None))
        .order_by(own.month)
    )
    return [Closing(*row) for row in connection.execute(query)]


def newest_version(connection: Connection, month: str, *, livemode: bool) -> int:
    """Return how often a month was closed."""
    own = closed_months.c
    query = select(func.count()).where(own.month == month, own.livemode == livemode)
    return int(connection.execute(query.select_from(closed_months)).scalar_one())


def keep(connection: Connection, closing: Closing, *, livemode: bool) -> None:
    """Freeze a month; the database refuses any later change of the row."""
    names = ("month", "version", "cut", "document", "digest", "at", "by")
    row = {name: getattr(closing, name) for name in names} | {"livemode": livemode}
    connection.execute(insert(closed_months).values(**row))


def reopen(
    connection: Connection, closing: Closing, why: str, *, livemode: bool, at: datetime, by: str
) -> None:
    """Keep that a closing stands no more, by whom and why."""
    row = {"livemode": livemode, "month": closing.month, "version": closing.version}
    connection.execute(insert(reopened_months).values(**row, why=why, at=at, by=by))


def history(connection: Connection, *, livemode: bool) -> Sequence[RowMapping]:
    """Return everything that was closed and reopened, newest first."""
    own, ended = closed_months.c, reopened_months.c
    shut = select(
        own.month, own.version, own.at, own.by, literal("closed").label("act"), literal("").label("why")
    )
    again = select(
        ended.month, ended.version, ended.at, ended.by, literal("reopened").label("act"), ended.why
    )
    both = shut.where(own.livemode == livemode).union_all(again.where(ended.livemode == livemode)).subquery()
    return connection.execute(select(both).order_by(both.c.at.desc(), both.c.act)).mappings().all()


def entries(
    connection: Connection,
    start: datetime,
    end: datetime,
    *,
    livemode: bool,
    cohort: bool,
    until: datetime | None = None,
    after: datetime | None = None,
) -> Sequence[RowMapping]:
    """Return the money of a time by the instants of recording: sums per currency, figure and reason.

    The time is that of the movement, or of the failure with `cohort`; `until` and `after` bound what was
    recorded. Columns: currency, figure, reason (of money that came in), total (signed as the figures are).
    """
    own = ledger_entries.c
    at = recoveries.c.failed_at if cohort else own.at
    figure = case(*((own.kind == kind, literal(name)) for kind, name in FIGURE.items()))
    sign = case((own.kind.in_([LedgerKind.RECOVERED, LedgerKind.REVERSAL]), 1), else_=-1)
    total = func.sum(sign * own.amount).label("total")
    query = (
        select(own.currency, figure.label("figure"), own.reason, total)
        .join(recoveries, recoveries.c.id == own.recovery_id)
        .where(at >= start, at < end, own.livemode == livemode, recoveries.c.import_id.is_(None))
        .group_by(own.currency, "figure", own.reason)
        .order_by(own.currency, "figure", own.reason)
    )
    if until is not None:
        query = query.where(own.recorded_at <= until)
    if after is not None:
        query = query.where(own.recorded_at > after)
    return connection.execute(query).mappings().all()


def late(
    connection: Connection, before: datetime, after: datetime, *, livemode: bool
) -> Sequence[RowMapping]:
    """Return the entries of movements before `before` that were recorded after `after`, oldest first."""
    own = ledger_entries.c
    query = (
        select(own.id, own.at, own.recorded_at, own.kind, own.currency, own.amount)
        .join(recoveries, recoveries.c.id == own.recovery_id)
        .where(own.at < before, own.recorded_at > after, own.livemode == livemode)
        .where(recoveries.c.import_id.is_(None))
        .order_by(own.recorded_at, own.id)
    )
    return connection.execute(query).mappings().all()
