"""Queries on the cards of a customer, and on what a subscription names as its own."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select, update

from dunning.core.billing import Card, Subscription, Whose
from dunning.store import objects
from dunning.store.rows import CardRow
from dunning.store.tables import cards, subscriptions
from dunning.store.upsert import upsert

_KEY = ("account_id", "livemode", "id")


def cards_of(connection: Connection, whose: Whose, customer_id: str) -> list[CardRow]:
    """Return every card that a customer has or had, oldest first."""
    query = select(cards).where(*_of(whose, customer_id)).order_by(cards.c.added_at, cards.c.id)
    return [CardRow.of(row) for row in connection.execute(query)]


def keep_all(
    connection: Connection,
    whose: Whose,
    customer_id: str,
    listed: Collection[Card],
    asked_at: datetime,
) -> None:
    """Keep the cards that Stripe listed for a customer; an older one that is not among them is gone."""
    ids = sorted(card.id for card in listed)
    for card in sorted(listed, key=lambda card: card.id):
        objects.keep_card(connection, whose, card)
    kept = update(cards).where(*_of(whose, customer_id))
    connection.execute(kept.where(cards.c.id.in_(ids)).values(detached_at=None))
    before = or_(cards.c.added_at.is_(None), cards.c.added_at < asked_at)
    gone = kept.where(cards.c.id.not_in(ids), cards.c.detached_at.is_(None), before)
    connection.execute(gone.values(detached_at=asked_at))


def keep_subscription(connection: Connection, whose: Whose, found: Subscription, read_at: datetime) -> None:
    """Insert or update a subscription as read at `read_at`."""
    values = {
        "account_id": whose.account_id,
        "livemode": whose.livemode,
        "id": found.id,
        "customer_id": found.customer,
        "status": found.status,
        "default_card_id": found.default_card,
        "trial_end_at": found.trial_end,
        "ended_at": found.ended_at,
        "cancelled_for": found.cancelled_for,
        "collection_paused": found.collection_paused,
        "read_at": read_at,
    }
    upsert(connection, subscriptions, _KEY, values)


def subscription(connection: Connection, whose: Whose, subscription_id: str | None) -> Subscription | None:
    """Return what we last read of a subscription, if anything."""
    query = select(subscriptions).where(
        subscriptions.c.account_id == whose.account_id,
        subscriptions.c.livemode == whose.livemode,
        subscriptions.c.id == subscription_id,
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Subscription(
        id=row.id,
        status=row.status,
        customer=row.customer_id,
        default_card=row.default_card_id,
        trial_end=row.trial_end_at,
        ended_at=row.ended_at,
        cancelled_for=row.cancelled_for,
        collection_paused=row.collection_paused,
    )


def _of(whose: Whose, customer_id: str) -> tuple[Any, ...]:
    return (
        cards.c.account_id == whose.account_id,
        cards.c.livemode == whose.livemode,
        cards.c.customer_id == customer_id,
    )
