"""Queries on attempts."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from dunning.core.billing import Whose
from dunning.core.ids import charge_of, pay_key
from dunning.core.vocabulary import COSTS_BUDGET, UNFINISHED, AttemptState
from dunning.store.prepared import ITS_FENCE, ITS_ID, belongs, owner
from dunning.store.rows import AttemptRow
from dunning.store.tables import attempts, events
from dunning.store.upsert import insert_once

REACHES_NETWORK: Final = COSTS_BUDGET - {AttemptState.PLANNED}  # or may have, as far as we know
_AHEAD: Final = range(1, 101)  # how many ordinals a backup may lag behind, between two that events name
_BY_ID: Final = select(attempts).where(attempts.c.id == ITS_ID)
_HELD: Final = _BY_ID.with_for_update()
_OF_RECOVERY: Final = (
    select(attempts).where(attempts.c.recovery_id == ITS_ID).order_by(attempts.c.at, attempts.c.id)
)
_OF_INVOICE: Final = select(attempts).where(
    *belongs(attempts), attempts.c.invoice_id == bindparam("its_invoice")
)
_UNFINISHED: Final = _OF_INVOICE.where(attempts.c.state.in_(sorted(UNFINISHED))).with_for_update()
_ASKING: Final = _OF_INVOICE.where(attempts.c.state == AttemptState.ASKING, attempts.c.asked_at.is_(None))
_BY_ORDINAL: Final = _OF_INVOICE.where(attempts.c.ordinal == bindparam("its_ordinal")).with_for_update()
_BY_CHARGE: Final = select(attempts).where(
    *belongs(attempts), attempts.c.charge_id == bindparam("its_charge")
)
_DECLINED: Final = select(attempts).where(
    *belongs(attempts),
    attempts.c.fingerprint == bindparam("its_fingerprint"),
    attempts.c.state == AttemptState.DECLINED,
)
_REACHED_NETWORK: Final = (
    select(attempts.c.at)
    .where(
        *belongs(attempts),
        attempts.c.fingerprint == bindparam("its_fingerprint"),
        attempts.c.at >= bindparam("since"),
        attempts.c.state.in_(sorted(REACHES_NETWORK)),
        func.coalesce(attempts.c.network_status, "") != "not_sent_to_network",
    )
    .order_by(attempts.c.at)
)
_LAST_PAID: Final = select(func.max(attempts.c.at)).where(
    *belongs(attempts),
    attempts.c.fingerprint == bindparam("its_fingerprint"),
    attempts.c.state == AttemptState.PAID,
)
_HIGHEST: Final = select(func.max(attempts.c.ordinal)).where(
    *belongs(attempts), attempts.c.invoice_id == bindparam("its_invoice")
)
_SENT_KEYS: Final = select(events.c.idempotency_key).where(
    events.c.account_id == bindparam("its_account"),
    events.c.idempotency_key.in_(bindparam("its_keys", expanding=True)),
)
_CHANGE: Final = update(attempts).where(attempts.c.id == ITS_ID, attempts.c.fence == ITS_FENCE)


def by_id(connection: Connection, attempt_id: str, *, lock: bool = False) -> AttemptRow | None:
    """Return one attempt; `lock` holds it until the transaction ends."""
    return _one(connection, _HELD if lock else _BY_ID, {"its_id": attempt_id})


def of_recovery(connection: Connection, recovery_id: str) -> list[AttemptRow]:
    """Return the attempts of a recovery by anyone, oldest first."""
    return [AttemptRow.of(row) for row in connection.execute(_OF_RECOVERY, {"its_id": recovery_id})]


def unfinished(connection: Connection, whose: Whose, invoice_id: str) -> AttemptRow | None:
    """Return the invoice's attempt that has no outcome yet; there is at most one."""
    return _one(connection, _UNFINISHED, {**owner(whose), "its_invoice": invoice_id})


def asking(connection: Connection, whose: Whose, invoice_id: str) -> AttemptRow | None:
    """Return the invoice's charge that is frozen and was not asked yet."""
    return _one(connection, _ASKING, {**owner(whose), "its_invoice": invoice_id})


def by_ordinal(connection: Connection, whose: Whose, invoice_id: str, ordinal: int) -> AttemptRow | None:
    """Return the charge that we asked under `ordinal`, held until the transaction ends."""
    given = {**owner(whose), "its_invoice": invoice_id, "its_ordinal": ordinal}
    return _one(connection, _BY_ORDINAL, given)


def by_charge(connection: Connection, whose: Whose, charge_id: str) -> AttemptRow | None:
    """Return the attempt that Stripe executed as `charge_id`."""
    return _one(connection, _BY_CHARGE, {**owner(whose), "its_charge": charge_id})


def by_key(connection: Connection, whose: Whose, key: str) -> AttemptRow | None:
    """Return the charge that we asked under an idempotency key; only a look, nothing is held."""
    named = charge_of(key, whose.account_id)
    if named is None:
        return None
    invoice_id, ordinal = named
    query = select(attempts).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.invoice_id == invoice_id,
        attempts.c.ordinal == ordinal,
    )
    row = connection.execute(query).one_or_none()
    return AttemptRow.of(row) if row is not None else None


def next_ordinal(connection: Connection, whose: Whose, invoice_id: str) -> int:
    """Return the ordinal of the next charge that we ask.

    After a restore from an old backup it jumps past every key that Stripe has sent back in events.
    """
    given = {**owner(whose), "its_invoice": invoice_id}
    highest = connection.execute(_HIGHEST, given).scalar_one() or 0
    while (sent := _highest_sent(connection, whose, invoice_id, highest)) > highest:
        highest = sent
    return highest + 1


def _highest_sent(connection: Connection, whose: Whose, invoice_id: str, known: int) -> int:
    """Return the highest ordinal that Stripe sent back; whole keys compare alike in every collation."""
    keys = {pay_key(whose.account_id, invoice_id, known + step): known + step for step in _AHEAD}
    seen = connection.execute(_SENT_KEYS, {"its_account": whose.account_id, "its_keys": list(keys)})
    return max((keys[key] for key in seen.scalars()), default=known)


def reached_network(
    connection: Connection, whose: Whose, fingerprint: str, since: datetime
) -> list[datetime]:
    """Return when a merchant's card was tried since `since`, by anyone, as far as it reached the network."""
    given = {**owner(whose), "its_fingerprint": fingerprint, "since": since}
    return list(connection.execute(_REACHED_NETWORK, given).scalars())


def last_paid(connection: Connection, whose: Whose, fingerprint: str) -> datetime | None:
    """Return when a merchant's card last paid anything, asked by anyone."""
    given = {**owner(whose), "its_fingerprint": fingerprint}
    paid: datetime | None = connection.execute(_LAST_PAID, given).scalar_one()
    return paid


def declined(connection: Connection, whose: Whose, fingerprint: str) -> list[AttemptRow]:
    """Return the bank's refusals of a card, on whatever invoice, by anyone."""
    given = {**owner(whose), "its_fingerprint": fingerprint}
    return [AttemptRow.of(row) for row in connection.execute(_DECLINED, given)]


def add(connection: Connection, values: dict[str, Any]) -> bool:
    """Insert an attempt unless a unique rule says it is known; return whether it was inserted."""
    return insert_once(connection, attempts, values)


def plan(connection: Connection, values: dict[str, Any]) -> None:
    """Insert the attempt that was just claimed; a second unfinished one of the invoice is an error."""
    connection.execute(insert(attempts), values)


def change(connection: Connection, attempt_id: str, seen: int, **values: Any) -> bool:
    """Update an attempt unless a later claim outdates the fence `seen`; return whether it was ours."""
    done = connection.execute(_CHANGE, {"its_id": attempt_id, "its_fence": seen, **values})
    return done.rowcount == 1


def claim(
    connection: Connection,
    attempt: AttemptRow,
    now: datetime,
    lease: timedelta,
    **values: Any,
) -> int | None:
    """Take an attempt whose lease is over; return the new fence, or None when somebody else holds it."""
    if attempt.lease_until is not None and attempt.lease_until > now:
        return None
    taken = {**values, "fence": attempt.fence + 1, "lease_until": now + lease}
    return attempt.fence + 1 if change(connection, attempt.id, attempt.fence, **taken) else None


def _one(connection: Connection, query: Select[Any], given: dict[str, Any]) -> AttemptRow | None:
    row = connection.execute(query, given).one_or_none()
    return AttemptRow.of(row) if row is not None else None
