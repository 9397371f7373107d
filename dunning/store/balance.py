"""Stripe's balance beside the ledger: the lines that concern it, the proofs, and the differences."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, and_, delete, func, or_, select

from dunning.core.balance import Break, Claim, Line, Moved, claim_of
from dunning.core.billing import Whose
from dunning.core.vocabulary import AttemptState, LedgerKind
from dunning.store.stories import MOST
from dunning.store.tables import (
    attempts,
    balance_breaks,
    balance_lines,
    balance_proofs,
    ledger_entries,
    recoveries,
)
from dunning.store.upsert import insert_all_once, upsert, upsert_all

BREAK: Final = ("account_id", "livemode", "source_id", "direction", "currency")


def accounts(connection: Connection, *, livemode: bool) -> list[Whose]:
    """Return the accounts that have money in the ledger."""
    query = select(ledger_entries.c.account_id).where(ledger_entries.c.livemode == livemode).distinct()
    return [Whose(name, livemode) for name in sorted(connection.execute(query).scalars())]


def recoveries_of(connection: Connection, whose: Whose, charges: Iterable[str]) -> dict[str, str]:
    """Return the recovery of each charge that counts as recovered, or that paid one by an attempt."""
    wanted, found = sorted(set(charges)), dict[str, str]()
    for start in range(0, len(wanted), MOST):
        some = wanted[start : start + MOST]
        own, tried = ledger_entries.c, attempts.c
        entered = and_(_of(own, whose), own.kind == LedgerKind.RECOVERED, own.charge_id.in_(some))
        paid = and_(_of(tried, whose), tried.state == AttemptState.PAID, tried.charge_id.in_(some))
        seen_by_us = and_(recoveries.c.id == tried.recovery_id, recoveries.c.import_id.is_(None))
        queries = (
            select(tried.charge_id, tried.recovery_id).join(recoveries, seen_by_us).where(paid),
            select(own.charge_id, own.recovery_id)
            .join(recoveries, recoveries.c.id == own.recovery_id)
            .where(entered, recoveries.c.import_id.is_(None)),
        )
        for query in queries:
            found |= {row.charge_id: row.recovery_id for row in connection.execute(query)}
    return found


def keep_lines(connection: Connection, whose: Whose, lines: Mapping[Line, str]) -> None:
    """Keep balance transactions with the recovery that each concerns; each is kept once."""
    rows = [
        {
            "account_id": whose.account_id,
            "livemode": whose.livemode,
            "recovery_id": recovery_id,
            **{name: getattr(line, name) for name in Line.__dataclass_fields__ if name != "charge_id"},
        }
        for line, recovery_id in lines.items()
    ]
    insert_all_once(connection, balance_lines, rows)


def lines_between(connection: Connection, whose: Whose, start: datetime, end: datetime) -> list[Line]:
    """Return the kept lines of a time, end exclusive."""
    own = balance_lines.c
    return _lines(connection, and_(_of(own, whose), own.at >= start, own.at < end))


def lines_of(connection: Connection, whose: Whose, sources: Iterable[str]) -> list[Line]:
    """Return every kept line about these Stripe objects."""
    wanted, own = sorted(set(sources)), balance_lines.c
    found: list[Line] = []
    for start in range(0, len(wanted), MOST):
        some = own.source_id.in_(wanted[start : start + MOST])
        found += _lines(connection, and_(_of(own, whose), some))
    return found


def claims_between(connection: Connection, whose: Whose, start: datetime, end: datetime) -> list[Claim]:
    """Return what the ledger says that Stripe moved in a time, end exclusive; imported history apart."""
    own = ledger_entries.c
    return _claims(connection, and_(_of(own, whose), own.at >= start, own.at < end))


def claims_of(connection: Connection, whose: Whose, sources: Iterable[str]) -> list[Claim]:
    """Return everything that the ledger says of these Stripe objects."""
    wanted, own = sorted(set(sources)), ledger_entries.c
    found: list[Claim] = []
    for start in range(0, len(wanted), MOST // 3):
        some = wanted[start : start + MOST // 3]
        names = [*some, *(f"{name}:failed" for name in some)]
        about = or_(own.charge_id.in_(some), own.source_id.in_(names))
        found += _claims(connection, and_(_of(own, whose), about))
    return [claim for claim in found if claim.moved.source_id in set(wanted)]


def keep_proof(
    connection: Connection, whose: Whose, day: str, *, read: int, compared: int, totals: Any, now: datetime
) -> None:
    """Keep that a day was compared, and what both sides say of it."""
    row = {"account_id": whose.account_id, "livemode": whose.livemode, "day": day, "proved_at": now}
    row |= {"read": read, "compared": compared, "totals": totals}
    upsert(connection, balance_proofs, ("account_id", "livemode", "day"), row)


def keep_breaks(
    connection: Connection,
    whose: Whose,
    day: str,
    compared: Iterable[Moved],
    found: Sequence[Break],
    now: datetime,
) -> None:
    """Replace what was known of the compared objects by the differences that there are now."""
    own = balance_breaks.c
    for moved in compared:
        gone = and_(_of(own, whose), own.source_id == moved.source_id, own.direction == moved.direction.value)
        connection.execute(delete(balance_breaks).where(gone))
    rows = [
        {
            "account_id": whose.account_id,
            "livemode": whose.livemode,
            "source_id": one.moved.source_id,
            "direction": one.moved.direction.value,
            "day": day,
            "currency": one.currency,
            "ledger": one.ledger,
            "stripe": one.stripe,
            "recovery_id": one.recovery_id,
            "found_at": now,
        }
        for one in found
    ]
    upsert_all(connection, balance_breaks, BREAK, rows)


def all_breaks(connection: Connection, *, livemode: bool) -> Sequence[RowMapping]:
    """Return every difference, oldest day first."""
    query = select(balance_breaks).where(balance_breaks.c.livemode == livemode)
    order = (balance_breaks.c.day, balance_breaks.c.source_id)
    return connection.execute(query.order_by(*order)).mappings().all()


def proofs(connection: Connection, *, livemode: bool, most: int = 62) -> Sequence[RowMapping]:
    """Return the newest proofs, newest day first."""
    query = select(balance_proofs).where(balance_proofs.c.livemode == livemode)
    order = (balance_proofs.c.day.desc(), balance_proofs.c.account_id)
    return connection.execute(query.order_by(*order).limit(most)).mappings().all()


def last_proof(connection: Connection, whose: Whose) -> str | None:
    """Return the newest day that was proved."""
    own = balance_proofs.c
    found: str | None = connection.execute(select(func.max(own.day)).where(_of(own, whose))).scalar_one()
    return found


def first_entry(connection: Connection, whose: Whose) -> datetime | None:
    """Return when the ledger begins."""
    own = ledger_entries.c
    query = select(func.min(own.at)).where(_of(own, whose))
    found: datetime | None = connection.execute(query).scalar_one()
    return found


def _of(columns: Any, whose: Whose) -> Any:
    return and_(columns.account_id == whose.account_id, columns.livemode == whose.livemode)


def _lines(connection: Connection, which: Any) -> list[Line]:
    names = [name for name in Line.__dataclass_fields__ if name != "charge_id"]
    query = select(*(balance_lines.c[name] for name in names)).where(which).order_by(balance_lines.c.id)
    return [Line(**row, charge_id="") for row in connection.execute(query).mappings()]


def _claims(connection: Connection, which: Any) -> list[Claim]:
    own = ledger_entries.c
    query = (
        select(own.kind, own.source_id, own.charge_id, own.currency, own.amount, own.recovery_id)
        .join(recoveries, recoveries.c.id == own.recovery_id)
        .where(which, recoveries.c.import_id.is_(None))
        .order_by(own.id)
    )
    found = (claim_of(*row) for row in connection.execute(query))
    return [claim for claim in found if claim is not None]
