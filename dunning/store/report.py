"""The sums behind the recovered-revenue report, and the rows behind each sum.

All amounts are integer minor units, summed per currency only. What a recovery has *paid* is its ledger's
`recovered` rows less `reversal` ones; what remains of its opening amount counts under its status, and
under `stopped` when it is recovered (a credit before the payment: that part was given up). So recovered,
lost, stopped and open always add up to failed, also where a payment was partial.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    Subquery,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    tuple_,
)

from dunning.core.vocabulary import OPEN, LedgerKind, Status
from dunning.store.tables import customers, ledger_entries, recoveries

MONEY_IN = (LedgerKind.RECOVERED, LedgerKind.REVERSAL)
KINDS = {
    "recovered": MONEY_IN,
    "refunded": (LedgerKind.REFUND,),
    "disputed": (LedgerKind.DISPUTE, LedgerKind.DISPUTE_REVERSAL),
    "credited": (LedgerKind.CREDIT_NOTE,),
}
COLUMNS = ("decline_class", "decline_code", "invoice_class", "campaign_key", "reason")

Edge = tuple[str, datetime]  # a period's name and its exclusive end


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted: instants in [start, end), one mode of Stripe, grouped or not.

    `by` is one of COLUMNS, or `edges` cuts the time into named periods.
    """

    start: datetime
    end: datetime
    livemode: bool
    by: str | None = None
    edges: tuple[Edge, ...] = ()
    imported: bool = False  # history from before dunning, which is never mixed with what it saw itself


def cohort_sums(connection: Connection, scope: Scope) -> Sequence[RowMapping]:
    """Return per (currency, group) what became of the recoveries that failed in the period.

    Columns: currency, grp, count, recovered_count, open_count, failed, recovered, lost, stopped, open,
    refunded, disputed, credited.
    """
    paid = _ledger_per_recovery()
    group = _group(scope, recoveries.c.failed_at, recoveries.c)
    query = (
        select(recoveries.c.currency, group.label("grp"), *_fates(paid), *_reversals(paid))
        .join(paid, paid.c.recovery_id == recoveries.c.id, isouter=True)
        .where(_within(recoveries.c.failed_at, scope), *_counted(scope))
        .group_by(recoveries.c.currency, "grp")
    )
    return connection.execute(query).mappings().all()


def cash_sums(connection: Connection, scope: Scope) -> Sequence[RowMapping]:
    """Return per (currency, group) the money that moved in the period, by figure."""
    at, amount = ledger_entries.c.at, ledger_entries.c.amount
    group = _group(scope, at, recoveries.c)
    if scope.by == "reason":
        group = cast(func.coalesce(ledger_entries.c.reason, recoveries.c.reason), Text)
    sums = [_sum(case((_kinds(name), _sign(name) * amount), else_=0), name) for name in KINDS]
    paid = case((ledger_entries.c.kind == LedgerKind.RECOVERED, recoveries.c.id))
    query = (
        select(ledger_entries.c.currency, group.label("grp"), *sums)
        .add_columns(func.count(paid).label("recovered_count"))
        .join(recoveries, recoveries.c.id == ledger_entries.c.recovery_id)
        .where(_within(at, scope), *_counted(scope))
        .group_by(ledger_entries.c.currency, "grp")
    )
    return connection.execute(query).mappings().all()


def closed_sums(connection: Connection, scope: Scope) -> Sequence[RowMapping]:
    """Return per (currency, group) what was lost and stopped by recoveries that closed in the period."""
    paid = _ledger_per_recovery()
    group = _group(scope, recoveries.c.closed_at, recoveries.c)
    fates = [column for column in _fates(paid) if column.name in {"lost", "stopped"}]
    query = (
        select(recoveries.c.currency, group.label("grp"), *fates)
        .join(paid, paid.c.recovery_id == recoveries.c.id, isouter=True)
        .where(_within(recoveries.c.closed_at, scope), *_counted(scope))
        .group_by(recoveries.c.currency, "grp")
    )
    return connection.execute(query).mappings().all()


@dataclass(frozen=True, slots=True)
class Behind:
    """Which rows are asked for: those that one figure sums, of one currency and perhaps one group."""

    figure: str
    basis: str
    currency: str | None = None
    group: str | None = None
    cursor: tuple[datetime, str] | None = None
    limit: int = 200


def rows_behind(connection: Connection, scope: Scope, behind: Behind) -> Sequence[RowMapping]:
    """Return the rows that a figure sums, newest first, one more than `limit` when there are more.

    Columns: id, at, amount (its part of the figure), currency, kind, reason, source_id, charge_id,
    recovery_id, invoice_id, customer_id, customer_name, status, decline_class.
    """
    query = _movements(scope, behind) if behind.figure in KINDS else _openings(scope, behind)
    listed = query.subquery()
    wanted = select(listed).order_by(listed.c.at.desc(), listed.c.id.desc()).limit(behind.limit + 1)
    if behind.currency:
        wanted = wanted.where(listed.c.currency == behind.currency)
    if behind.group is not None:
        wanted = wanted.where(func.coalesce(listed.c.grp, "none") == behind.group)
    if behind.cursor:
        at, key = literal(behind.cursor[0], recoveries.c.failed_at.type), literal(behind.cursor[1])
        wanted = wanted.where(tuple_(listed.c.at, listed.c.id) < tuple_(at, key))
    return connection.execute(wanted).mappings().all()


def _movements(scope: Scope, behind: Behind) -> Select[Any]:
    entry = ledger_entries.c
    at = entry.at if behind.basis == "cash" else recoveries.c.failed_at
    group = _group(scope, at, recoveries.c)
    if scope.by == "reason" and behind.basis == "cash":
        group = cast(func.coalesce(entry.reason, recoveries.c.reason), Text)
    return _with_customer(
        select(
            entry.id,
            entry.at,
            (_sign(behind.figure) * entry.amount).label("amount"),
            entry.currency,
            entry.kind,
            func.coalesce(entry.reason, recoveries.c.reason).label("reason"),
            entry.source_id,
            entry.charge_id,
            *_recovery_columns(),
            group.label("grp"),
        )
        .join(recoveries, recoveries.c.id == entry.recovery_id)
        .where(_kinds(behind.figure), _within(at, scope), *_counted(scope)),
    )


def _openings(scope: Scope, behind: Behind) -> Select[Any]:
    paid = _ledger_per_recovery()
    by_closing = behind.basis == "cash" and behind.figure in {"lost", "stopped"}
    at = recoveries.c.closed_at if by_closing else recoveries.c.failed_at
    part = _parts(paid)[behind.figure]
    nothing = null()
    return _with_customer(
        select(
            recoveries.c.id,
            at.label("at"),
            part.label("amount"),
            recoveries.c.currency,
            nothing.label("kind"),
            recoveries.c.reason,
            nothing.label("source_id"),
            nothing.label("charge_id"),
            *_recovery_columns(),
            _group(scope, at, recoveries.c).label("grp"),
        )
        .join(paid, paid.c.recovery_id == recoveries.c.id, isouter=True)
        .where(_within(at, scope), *_counted(scope), part != 0),
    )


def _recovery_columns() -> tuple[ColumnElement[Any], ...]:
    own = recoveries.c
    names = (own.invoice_id, own.customer_id, own.status, own.decline_class)
    return (own.id.label("recovery_id"), *names, customers.c.name.label("customer_name"))


def _with_customer(query: Select[Any]) -> Select[Any]:
    own = recoveries.c
    same = and_(
        customers.c.account_id == own.account_id,
        customers.c.livemode == own.livemode,
        customers.c.id == own.customer_id,
    )
    return query.join(customers, same, isouter=True)


def _ledger_per_recovery() -> Subquery:
    """Per recovery: what was paid, and what went back, as positive numbers."""
    amount = ledger_entries.c.amount
    sums = [_sum(case((_kinds(name), _sign(name) * amount), else_=0), name) for name in KINDS]
    return select(ledger_entries.c.recovery_id, *sums).group_by(ledger_entries.c.recovery_id).subquery()


def _parts(paid: Subquery) -> dict[str, ColumnElement[Any]]:
    """How one recovery's opening amount is shared out."""
    own = recoveries.c
    money = func.coalesce(paid.c.recovered, 0)
    rest = own.amount - money
    given_up = or_(own.status == Status.STOPPED, own.status == Status.RECOVERED)
    return {
        "failed": own.amount,
        "recovered": money,
        "lost": case((own.status == Status.LOST, rest), else_=0),
        "stopped": case((given_up, rest), else_=0),
        "open": case((own.status.in_(OPEN), rest), else_=0),
    }


def _fates(paid: Subquery) -> list[ColumnElement[Any]]:
    settled = case((recoveries.c.status == Status.RECOVERED, recoveries.c.id))
    counts = {
        "count": func.count(),
        "recovered_count": func.count(settled),
        "open_count": func.count(case((recoveries.c.status.in_(OPEN), recoveries.c.id))),
    }
    sums = [_sum(part, name) for name, part in _parts(paid).items()]
    return [*(column.label(name) for name, column in counts.items()), *sums]


def _reversals(paid: Subquery) -> list[ColumnElement[Any]]:
    names = ("refunded", "disputed", "credited")
    return [_sum(func.coalesce(paid.c[name], 0), name) for name in names]


def _sum(expression: ColumnElement[Any], name: str) -> ColumnElement[Any]:
    """A sum that is an integer on both databases (PostgreSQL makes sums of bigint numeric)."""
    return func.coalesce(func.sum(expression), 0).label(name)


def _sign(figure: str) -> int:
    """Ledger rows of reversals are negative; the figures name them as positive amounts."""
    return 1 if figure == "recovered" else -1


def _kinds(figure: str) -> ColumnElement[bool]:
    return ledger_entries.c.kind.in_(KINDS[figure])


def _within(column: Any, scope: Scope) -> ColumnElement[bool]:
    return and_(column >= scope.start, column < scope.end)


def _counted(scope: Scope) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    imported = recoveries.c.import_id
    return recoveries.c.livemode == scope.livemode, (
        imported.is_not(None) if scope.imported else imported.is_(None)
    )


def _group(scope: Scope, at: Any, columns: Any) -> ColumnElement[Any]:
    if scope.edges:
        return case(*((at < end, literal(name)) for name, end in scope.edges))
    if scope.by is None:
        return cast(null(), Text)
    return cast(columns[scope.by], Text)
