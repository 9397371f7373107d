"""Waking recoveries: a card that came wakes all the customer's open ones; an end stops them."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Card, Customer, Invoice, Whose
from dunning.core.changes import CardChanged, Ended, NotAttempted
from dunning.core.declines import DeclineClass
from dunning.core.effects import plain_type
from dunning.core.vocabulary import ClosedReason, Reason
from dunning.flows import errands
from dunning.flows.announcing import announce_card
from dunning.flows.card_limits import card_stopped
from dunning.flows.house import House
from dunning.flows.steer import facts_of, steer
from dunning.gateway.listen import parse
from dunning.gateway.listen_shapes import dig
from dunning.store import attempts, objects, recoveries
from dunning.store.rows import EventRow, RecoveryRow

# Stripe does not tell a saved card that is used on its page from one that the merchant charges.
ON_A_PAGE: Final = frozenset({Reason.CUSTOMER_PAYMENT, Reason.CUSTOMER_CARD_UPDATE, Reason.MERCHANT})
# How an event says that a card was chosen: among what changed, or by its very type.
NAMES_A_CARD: Final = (
    ("default_payment_method",),
    ("invoice_settings", "default_payment_method"),
    ("default_source",),
)
CHOSEN: Final = "customer.subscription.default_payment_method_changed"


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
    errands.replace_card(connection, open_ones, card.id, added_at or card.created, now)
    woken = 0
    for recovery in open_ones:
        if not _met_since(connection, recovery, card.id, renewed_at or edited_at):
            announce_card(connection, recovery, card, now, by_network=renewed_at is not None)
            woken += _wake(connection, house, recovery, card.id, now)
    return woken


def was_chosen(event: EventRow, card: Card | None, before: str | None, *, known: bool) -> bool:
    """Return whether an event tells that a card was made somebody's default.

    Any other news leaves their cards alone: whether another one is charged is for the policy to say. A thin
    notification does not tell what changed; then `before`, the default that we last read, does, if `known`.
    """
    changed = dig(parse(event.payload), "data", "previous_attributes")
    if card is None or plain_type(event.type) == CHOSEN:
        return card is not None
    if isinstance(changed, dict):
        return any(_names(changed, path) for path in NAMES_A_CARD)
    return known and before != card.id


def _names(changed: object, path: tuple[str, ...]) -> bool:
    inside = dig(changed, *path[:-1]) if path[1:] else changed
    return isinstance(inside, dict) and path[-1] in inside


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


def wake_after_payment(
    connection: Connection, house: House, whose: Whose, invoice: Invoice, card: Card, now: datetime
) -> int:
    """Retry at once what else a customer owes, with the saved card that just paid; return how many woke.

    Where the customer must confirm a payment with that very card, no retry without them can help.
    """
    paid = recoveries.newest_of_invoice(connection, whose, invoice.id)
    if paid is None or paid.reason not in ON_A_PAGE or card.customer is None or card.type != "card":
        return 0
    since = invoice.paid_at or now
    woken = 0
    for recovery in recoveries.open_of_customer(connection, whose, card.customer):
        confirms = recovery.decline_class is DeclineClass.NEEDS_AUTHENTICATION
        if (confirms and recovery.card_id == card.id) or _met_since(connection, recovery, card.id, since):
            continue
        woken += _wake(connection, house, recovery, card.id, now)
    return woken


def forget_card(
    connection: Connection, house: House, whose: Whose, card: Card, *, at: datetime, now: datetime
) -> None:
    """A card was removed from its customer: it is not tried any more, whoever waited for it."""
    owner = card.customer or _former_owner(connection, whose, card.id)
    waiting = recoveries.open_of_customer(connection, whose, owner) if owner else []
    objects.keep_card(connection, whose, card, detached_at=at)
    for recovery in waiting:
        if recovery.fresh_card_id != card.id or facts_of(connection, recovery).unfinished:
            continue
        recoveries.change(connection, recovery.id, fresh_card_id=None)
        held = recoveries.by_id(connection, recovery.id, lock=True)
        if held is not None:
            steer(connection, house, held, NotAttempted("The customer's new card was removed."), now=now)


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


def _former_owner(connection: Connection, whose: Whose, card_id: str) -> str | None:
    known = objects.card(connection, whose, card_id)
    return known.customer_id if known is not None else None


def _wake(connection: Connection, house: House, recovery: RecoveryRow, card_id: str, now: datetime) -> int:
    """Note the fresh card, whatever the state, and try it now unless an attempt or a pause comes first."""
    recoveries.change(connection, recovery.id, fresh_card_id=card_id)
    held = recoveries.by_id(connection, recovery.id, lock=True)
    if held is None or facts_of(connection, held).unfinished:
        return 0
    return 1 if steer(connection, house, held, CardChanged(), now=now) else 0
