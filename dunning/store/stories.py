"""The stories of recoveries, read from the rows in a few queries for many at once."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, Select, and_, exists, func, select

from dunning.core.declines import Decline
from dunning.core.network_rules import charged_after
from dunning.core.report_story import Fee, Moved, Story, Tried, Written
from dunning.store.tables import (
    attempts,
    balance_lines,
    invoices,
    ledger_entries,
    links,
    messages,
    recoveries,
)

MOST: Final = 500  # ids in one IN: SQLite takes 32,766 variables, and a plan stays small

_HEAD: Final = (
    select(
        recoveries.c.id,
        recoveries.c.livemode,
        recoveries.c.import_id,
        recoveries.c.currency,
        recoveries.c.amount,
        recoveries.c.status,
        recoveries.c.failed_at,
        recoveries.c.closed_at,
        recoveries.c.closed_reason,
        recoveries.c.reason,
        recoveries.c.decline_class,
        recoveries.c.decline_code,
        recoveries.c.invoice_class,
        recoveries.c.campaign_key,
        recoveries.c.campaign_version,
        recoveries.c.segment,
        invoices.c.plan,
    )
    .join(
        invoices,
        and_(
            invoices.c.account_id == recoveries.c.account_id,
            invoices.c.livemode == recoveries.c.livemode,
            invoices.c.id == recoveries.c.invoice_id,
        ),
        isouter=True,
    )
    .order_by(recoveries.c.id)
)


def read(connection: Connection, ids: Sequence[str]) -> dict[str, Story]:
    """Return the stories of these recoveries as they stand now, by id; one that is gone is left out."""
    found: dict[str, Story] = {}
    for start in range(0, len(ids), MOST):
        found |= _some(connection, ids[start : start + MOST])
    return found


def _some(connection: Connection, ids: Sequence[str]) -> dict[str, Story]:
    tried = _by_recovery(connection, _attempts(ids))
    moved = _by_recovery(connection, _entries(ids))
    written = _by_recovery(connection, _messages(ids))
    fees = _by_recovery(connection, _fees(ids))
    heads = connection.execute(_HEAD.where(recoveries.c.id.in_(ids))).mappings().all()
    return {
        row["id"]: _story(row, tried[row["id"]], moved[row["id"]], written[row["id"]], fees[row["id"]])
        for row in heads
    }


def _by_recovery(connection: Connection, query: Select[Any]) -> dict[str, list[Any]]:
    """Return rows by their first column, the recovery: read by place, since a report waits for thousands."""
    found: dict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(query):
        found[row[0]].append(row)
    return found


def _attempts(ids: Sequence[str]) -> Select[Any]:
    own = attempts.c
    names = (own.recovery_id, own.at, own.state, own.made_by, own.amount, own.decline_class, own.decline_code)
    more = (own.brand, own.funding, own.country, own.charge_id, own.policy_version, own.fingerprint)
    codes = (own.network_advice_code, own.network_decline_code)
    return select(*names, *more, *codes).where(own.recovery_id.in_(ids)).order_by(own.at, own.id)


def _entries(ids: Sequence[str]) -> Select[Any]:
    own = ledger_entries.c
    names = (own.recovery_id, own.at, own.kind, own.amount, own.reason, own.charge_id)
    return select(*names).where(own.recovery_id.in_(ids)).order_by(own.at, own.id)


def _messages(ids: Sequence[str]) -> Select[Any]:
    own = messages.c
    used = exists().where(links.c.message_id == own.id, links.c.used_at.is_not(None))
    at = func.coalesce(own.sent_at, own.due_at, type_=own.due_at.type).label("at")
    names = (own.recovery_id, at, own.state, own.step, own.channel, own.template, used.label("used"))
    return select(*names).where(own.recovery_id.in_(ids)).order_by("at", own.id)


def _fees(ids: Sequence[str]) -> Select[Any]:
    own = balance_lines.c
    known = and_(own.recovery_id.in_(ids), own.fee != 0, own.currency == own.paid_currency)
    return select(own.recovery_id, own.at, own.fee).where(known).order_by(own.at, own.id)


def _story(
    row: RowMapping,
    tried: Iterable[Any],
    moved: Iterable[Any],
    written: Iterable[Any],
    fees: Iterable[Any],
) -> Story:
    return Story(
        livemode=row["livemode"],
        imported=row["import_id"] is not None,
        currency=row["currency"],
        amount=row["amount"],
        status=row["status"],
        failed_at=row["failed_at"],
        closed_at=row["closed_at"],
        closed_reason=row["closed_reason"],
        reason=row["reason"],
        decline_class=row["decline_class"].value,
        decline_code=row["decline_code"],
        invoice_class=row["invoice_class"].value,
        campaign=row["campaign_key"],
        campaign_version=row["campaign_version"],
        plan=row["plan"],
        segment=row["segment"],
        attempts=tuple(_tried(one) for one in tried),
        entries=tuple(Moved(*one[1:]) for one in moved),
        messages=tuple(Written(*[*one[1:-1], bool(one[-1])]) for one in written),
        fees=tuple(Fee(*one[1:]) for one in fees),
    )


def _tried(row: Any) -> Tried:
    """Return an attempt: after the recovery come the fields of `Tried`, then the network's two codes."""
    _, at, state, made_by, amount, decline_class, code, brand, *rest = row
    *rest, advice, refusal = rest
    said = None if decline_class is None else decline_class.value
    told: list[Any] = [at, state, made_by, amount, said, code, brand, *rest, _stopped(brand, advice, refusal)]
    return Tried(*told)


@lru_cache(maxsize=4096)
def _stopped(brand: str | None, advice: str | None, refusal: str | None) -> bool:
    return charged_after(Decline(network_advice_code=advice, network_decline_code=refusal, brand=brand))
