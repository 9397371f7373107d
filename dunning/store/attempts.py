"""Queries on attempts."""

from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from dunning.core.billing import Whose
from dunning.core.ids import charge_of, pay_key
from dunning.core.vocabulary import COSTS_BUDGET, UNFINISHED, AttemptState
from dunning.store.rows import AttemptRow
from dunning.store.tables import attempts, events
from dunning.store.upsert import insert_once

REACHES_NETWORK: Final = COSTS_BUDGET - {AttemptState.PLANNED}  # or may have, as far as we know
_UNFINISHED = sorted(UNFINISHED)
_AHEAD: Final = range(1, 101)  # how many ordinals a backup may lag behind, between two that events name


def by_id(connection: Connection, attempt_id: str, *, lock: bool = False) -> AttemptRow | None:
    """Return one attempt; `lock` holds it until the transaction ends."""
    query = select(attempts).where(attempts.c.id == attempt_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return AttemptRow.of(row) if row is not None else None


def of_recovery(connection: Connection, recovery_id: str) -> list[AttemptRow]:
    """Return the attempts of a recovery by anyone, oldest first."""
    query = (
        select(attempts).where(attempts.c.recovery_id == recovery_id).order_by(attempts.c.at, attempts.c.id)
    )
    return [AttemptRow.of(row) for row in connection.execute(query)]


def unfinished(connection: Connection, whose: Whose, invoice_id: str) -> AttemptRow | None:
    """Return the invoice's attempt that has no outcome yet; there is at most one."""
    query = select(attempts).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.invoice_id == invoice_id,
        attempts.c.state.in_(_UNFINISHED),
    )
    row = connection.execute(query.with_for_update()).one_or_none()
    return AttemptRow.of(row) if row is not None else None


def asking(connection: Connection, whose: Whose, invoice_id: str) -> AttemptRow | None:
    """Return the invoice's charge that is frozen and was not asked yet."""
    query = select(attempts).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.invoice_id == invoice_id,
        attempts.c.state == AttemptState.ASKING,
        attempts.c.asked_at.is_(None),
    )
    row = connection.execute(query).one_or_none()
    return AttemptRow.of(row) if row is not None else None


def by_ordinal(connection: Connection, whose: Whose, invoice_id: str, ordinal: int) -> AttemptRow | None:
    """Return the charge that we asked under `ordinal`, held until the transaction ends."""
    query = select(attempts).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.invoice_id == invoice_id,
        attempts.c.ordinal == ordinal,
    )
    row = connection.execute(query.with_for_update()).one_or_none()
    return AttemptRow.of(row) if row is not None else None


def by_charge(connection: Connection, whose: Whose, charge_id: str) -> AttemptRow | None:
    """Return the attempt that Stripe executed as `charge_id`."""
    query = select(attempts).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.charge_id == charge_id,
    )
    row = connection.execute(query).one_or_none()
    return AttemptRow.of(row) if row is not None else None


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
    rows = select(func.max(attempts.c.ordinal)).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.invoice_id == invoice_id,
    )
    highest = connection.execute(rows).scalar_one() or 0
    while (sent := _highest_sent(connection, whose, invoice_id, highest)) > highest:
        highest = sent
    return highest + 1


def _highest_sent(connection: Connection, whose: Whose, invoice_id: str, known: int) -> int:
    """Return the highest ordinal that Stripe sent back; whole keys compare alike in every collation."""
    keys = {pay_key(whose.account_id, invoice_id, known + step): known + step for step in _AHEAD}
    seen = select(events.c.idempotency_key).where(
        events.c.account_id == whose.account_id,
        events.c.idempotency_key.in_(keys),
    )
    return max((keys[key] for key in connection.execute(seen).scalars()), default=known)


def reached_network(connection: Connection, fingerprint: str, since: datetime) -> list[datetime]:
    """Return when a card was tried since `since`, by anyone, leaving out what never reached the network."""
    query = select(attempts.c.at).where(
        attempts.c.fingerprint == fingerprint,
        attempts.c.at >= since,
        attempts.c.state.in_(sorted(REACHES_NETWORK)),
        func.coalesce(attempts.c.network_status, "") != "not_sent_to_network",
    )
    return list(connection.execute(query.order_by(attempts.c.at)).scalars())


def declined(connection: Connection, whose: Whose, fingerprint: str) -> list[AttemptRow]:
    """Return the bank's refusals of a card, on whatever invoice, by anyone."""
    query = select(attempts).where(
        attempts.c.account_id == whose.account_id,
        attempts.c.livemode == whose.livemode,
        attempts.c.fingerprint == fingerprint,
        attempts.c.state == AttemptState.DECLINED,
    )
    return [AttemptRow.of(row) for row in connection.execute(query)]


def add(connection: Connection, values: dict[str, Any]) -> bool:
    """Insert an attempt unless a unique rule says it is known; return whether it was inserted."""
    return insert_once(connection, attempts, values)


def plan(connection: Connection, values: dict[str, Any]) -> None:
    """Insert the attempt that was just claimed; a second unfinished one of the invoice is an error."""
    connection.execute(insert(attempts).values(**values))


def change(connection: Connection, attempt_id: str, seen: int, **values: Any) -> bool:
    """Update an attempt unless a later claim outdates the fence `seen`; return whether it was ours."""
    done = connection.execute(
        update(attempts).where(attempts.c.id == attempt_id, attempts.c.fence == seen).values(values),
    )
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
    free = (attempts.c.id == attempt.id, attempts.c.fence == attempt.fence)
    done = connection.execute(update(attempts).where(*free).values(taken))
    return attempt.fence + 1 if done.rowcount == 1 else None
