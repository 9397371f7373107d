"""The nightly proof: the ledger of each day against Stripe's own balance transactions, to the minor unit.

What differs is kept as a row; there must be none. A payment that failed after it had succeeded, which only
the balance tells, is entered as a reversing row.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.balance import LATE_FAILURE, Line, breaks, totals
from dunning.core.billing import Whose
from dunning.core.ids import derive_id
from dunning.core.vocabulary import LedgerKind
from dunning.flows.house import House
from dunning.flows.pacing import Pace
from dunning.gateway.balance import balance_transactions
from dunning.gateway.lists import Asked
from dunning.store import balance, ledger

AGAIN: Final = 3  # days proved again each night: their last webhooks may have come late
MOST_DAYS: Final = 92  # back, the first time or after a silence
EDGE: Final = timedelta(hours=1)  # the balance and the payment may disagree by seconds about the day

log = logs.get(__name__)


def prove_all(house: House, *, since: date | None = None, pace: Pace | None = None) -> int:
    """Prove every day that ended, of every account, and return how many differences there are now.

    `since` (a day in UTC) proves from there; without it each run begins some days before the last one ended,
    and at every day that still has a difference.

    Raises:
        StripeError: a list could not be read; the days before it are proved.
    """
    pace, livemode = pace or Pace.fit_for(house), house.settings.livemode
    with house.store.read() as connection:
        found = balance.accounts(connection, livemode=livemode)
        days = {whose: _days(connection, whose, house.clock.now(), since) for whose in found}
    for whose, wanted in days.items():
        for day in wanted:
            prove(house, whose, day, pace=pace)
    with house.store.read() as connection:
        left = balance.all_breaks(connection, livemode=livemode)
    if left:
        log.warning("ledger_differs", count=len(left), first=left[0]["source_id"])
    return len(left)


def prove(house: House, whose: Whose, day: date, *, pace: Pace) -> None:
    """Prove one day (UTC): read Stripe's balance, enter what only it tells, compare, keep what differs."""
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    read = _read(house, whose, start - EDGE, end + EDGE, pace)
    now = house.clock.now()
    with house.store.write() as connection:
        known = balance.recoveries_of(connection, whose, (line.charge_id for line in read))
        ours = {line: known[line.charge_id] for line in read if line.charge_id in known}
        balance.keep_lines(connection, whose, ours)
        for line in ours:
            if line.kind == LATE_FAILURE:
                _enter_failure(connection, whose, line, now)
        _compare(connection, whose, day, start, end, len(read), now)


def _compare(
    connection: Connection, whose: Whose, day: date, start: datetime, end: datetime, read: int, now: datetime
) -> None:
    lines = balance.lines_between(connection, whose, start, end)
    claims = balance.claims_between(connection, whose, start, end)
    touched = {line.moved for line in lines} | {claim.moved for claim in claims}
    names = {moved.source_id for moved in touched}
    all_claims = [one for one in balance.claims_of(connection, whose, names) if one.moved in touched]
    all_lines = [one for one in balance.lines_of(connection, whose, names) if one.moved in touched]
    found = breaks(all_claims, all_lines)
    balance.keep_breaks(connection, whose, day.isoformat(), touched, found, now)
    both = totals(claims, lines)
    balance.keep_proof(
        connection, whose, day.isoformat(), read=read, compared=len(touched), totals=both, now=now
    )


def _read(house: House, whose: Whose, start: datetime, end: datetime, pace: Pace) -> list[Line]:
    found: list[Line] = []
    asked: Asked | None = Asked(start, end)
    while asked is not None:
        page = pace.ask(partial(balance_transactions, house.stripe, whose, asked))
        found += page.items
        asked = Asked(start, end, after=page.last_id) if page.more else None
    return found


def _enter_failure(connection: Connection, whose: Whose, line: Line, now: datetime) -> None:
    entry = ledger.recovered(connection, whose, charge_id=line.charge_id)
    if entry is None:
        return
    ledger.append(
        connection,
        {
            "id": derive_id("led", now, whose.account_id, LedgerKind.REVERSAL, line.id),
            "account_id": whose.account_id,
            "livemode": whose.livemode,
            "kind": LedgerKind.REVERSAL,
            "source_id": line.id,
            "recovery_id": entry.recovery_id,
            "invoice_id": entry.invoice_id,
            "charge_id": line.charge_id,
            "currency": entry.currency,
            "amount": line.paid_amount,
            "at": line.at,
            "recorded_at": now,
        },
    )


def _days(connection: Connection, whose: Whose, now: datetime, since: date | None) -> Sequence[date]:
    """Return the days to prove, oldest first: those that ended since the last proof, and some before."""
    yesterday = now.astimezone(UTC).date() - timedelta(days=1)
    last, first = balance.last_proof(connection, whose), balance.first_entry(connection, whose)
    if first is None:
        return []
    start = since or max(first.date(), yesterday - timedelta(days=MOST_DAYS))
    if since is None and last is not None:
        start = max(date.fromisoformat(last) - timedelta(days=AGAIN - 1), start)
    differ = {
        date.fromisoformat(row["day"])
        for row in balance.all_breaks(connection, livemode=whose.livemode)
        if row["account_id"] == whose.account_id
    }
    whole = {start + timedelta(days=n) for n in range((yesterday - start).days + 1)}
    return sorted(whole | {day for day in differ if day <= yesterday})
