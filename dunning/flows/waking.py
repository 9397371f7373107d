"""Waking recoveries: a card that came wakes all the customer's open ones; an end stops them."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.core.billing import Card, Customer, Whose
from dunning.core.changes import CardChanged, Ended
from dunning.core.vocabulary import ClosedReason
from dunning.flows.card_limits import card_stopped
from dunning.flows.house import House
from dunning.flows.steer import facts_of, steer
from dunning.store import attempts, objects, recoveries
from dunning.store.rows import RecoveryRow


def wake_with_card(
    connection: Connection,
    house: House,
    whose: Whose,
    card: Card,
    *,
    renewed_at: datetime | None,
    added_at: datetime | None,
    edited_at: datetime | None = None,
    now: datetime,
) -> int:
    """Keep a card and retry at once, with it, every open recovery of its customer; return how many woke.

    `renewed_at` is when the card network replaced its details under the same id, `edited_at` when a person
    corrected them.
    """
    # Recoveries are held before the card: the order of everybody who holds both.
    open_ones = recoveries.open_of_customer(connection, whose, card.customer) if card.customer else []
    objects.keep_card(
        connection,
        whose,
        card,
        network_updated_at=renewed_at,
        added_at=added_at or card.created,
    )
    if card.type != "card" or card_stopped(connection, whose, card.id):
        return 0
    woken = 0
    for recovery in open_ones:
        if not _met_since(connection, recovery, card.id, renewed_at or edited_at):
            woken += _wake(connection, house, recovery, card.id, now)
    return woken


def wake_with_default(
    connection: Connection,
    house: House,
    whose: Whose,
    customer: Customer,
    *,
    now: datetime,
) -> int:
    """Retry at once with a customer's default card, where an invoice has not met it; return how many woke."""
    card = customer.default_card
    if card is None or not recoveries.open_of_customer(connection, whose, customer.id):
        return 0
    return wake_with_card(connection, house, whose, card, renewed_at=None, added_at=None, now=now)


def end_all(
    connection: Connection,
    house: House,
    open_ones: list[RecoveryRow],
    reason: ClosedReason,
    now: datetime,
) -> None:
    """Stop recoveries for one reason."""
    for recovery in open_ones:
        steer(connection, house, recovery, Ended(reason), now=now)


def _met_since(connection: Connection, recovery: RecoveryRow, card_id: str, since: datetime | None) -> bool:
    """Return whether an attempt with the card reached the network already (since it was renewed)."""
    if recovery.fresh_card_id == card_id and since is None:
        return True
    used = (a for a in attempts.of_recovery(connection, recovery.id) if a.card_id == card_id)
    return any(a.state in attempts.REACHES_NETWORK and (since is None or a.at >= since) for a in used)


def _wake(connection: Connection, house: House, recovery: RecoveryRow, card_id: str, now: datetime) -> int:
    """Note the fresh card, whatever the state, and try it now unless an attempt or a pause comes first."""
    recoveries.change(connection, recovery.id, fresh_card_id=card_id)
    held = recoveries.by_id(connection, recovery.id, lock=True)
    if held is None or facts_of(connection, held).unfinished:
        return 0
    return 1 if steer(connection, house, held, CardChanged(), now=now) else 0
