"""What events about cards, customers, subscriptions, refunds and disputes do to recoveries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Card, Customer, Whose
from dunning.core.effects import Effect
from dunning.core.ids import derive_id
from dunning.core.vocabulary import ClosedReason
from dunning.flows import own_refusal, reversing, waking
from dunning.flows.house import House
from dunning.gateway.listen_shapes import dig, object_id
from dunning.store import attempts, ledger, objects, recoveries
from dunning.store.rows import EventRow

log = logs.get(__name__)


def follow_event(  # noqa: C901 - one arm an effect
    connection: Connection,
    house: House,
    effect: Effect,
    event: EventRow,
    found: dict[str, Any],
    card: Card | None,
    now: datetime,
) -> None:
    """Apply an event that is not about an invoice; `found` is its object."""
    at = event.created_at or event.received_at
    whose = event.whose
    match effect:
        case Effect.CARD_ADDED | Effect.CARD_RENEWED if card is not None:
            renewed = at if effect is Effect.CARD_RENEWED else None
            added = at if effect is Effect.CARD_ADDED else None
            waking.wake_with_card(connection, house, whose, card, renewed_at=renewed, added_at=added, now=now)
        case Effect.CARD_CHOSEN if card is not None:
            waking.wake_with_card(connection, house, whose, card, renewed_at=None, added_at=None, now=now)
        case Effect.CARD_EDITED if card is not None:
            _follow_edit(connection, house, whose, card, at, now)
        case Effect.OWN_REFUSED:
            own_refusal.follow_refusal(connection, house, event, now)
        case Effect.ACCOUNT_LEFT:
            _leave_account(connection, house, whose, now)
        case Effect.CARD_REMOVED if card is not None:
            objects.keep_card(connection, whose, card, detached_at=at)
        case Effect.CUSTOMER_DELETED:
            gone = recoveries.open_of_customer(connection, whose, event.object_id or "")
            objects.keep_customer(connection, whose, Customer(event.object_id or "", deleted=True), now)
            waking.end_all(connection, house, gone, ClosedReason.CUSTOMER_DELETED, now)
        case Effect.SUBSCRIPTION_ENDED:
            ended = recoveries.open_of_subscription(connection, whose, event.object_id or "")
            waking.end_all(connection, house, ended, ClosedReason.SUBSCRIPTION_CANCELLED, now)
        case Effect.DISPUTED:
            _stop_customer_of(connection, house, event, found, ClosedReason.DISPUTED, now)
            reversing.reverse(connection, effect, event, found, now)
        case Effect.FRAUD_WARNED:
            _stop_customer_of(connection, house, event, found, ClosedReason.FRAUD_WARNING, now)
        case _:
            reversing.reverse(connection, effect, event, found, now)


def _follow_edit(
    connection: Connection, house: House, whose: Whose, card: Card, at: datetime, now: datetime
) -> None:
    """A card whose expiry was corrected may work again; any other edit leaves it as it was."""
    if card.customer is not None:
        recoveries.open_of_customer(connection, whose, card.customer)
    known = objects.card(connection, whose, card.id, lock=True)
    if known is None or (known.exp_month, known.exp_year) == (card.exp_month, card.exp_year):
        return
    waking.wake_with_card(
        connection, house, whose, card, renewed_at=None, added_at=known.added_at, edited_at=at, now=now
    )


def _leave_account(connection: Connection, house: House, whose: Whose, now: datetime) -> None:
    """A connected account that left lets us read and charge nothing any more: what is open is closed."""
    left = recoveries.open_of_account(connection, whose)
    waking.end_all(connection, house, left, ClosedReason.WRITTEN_OFF, now)
    for recovery in left:
        recoveries.note(
            connection,
            derive_id("note", now, recovery.id, "left"),
            recovery.id,
            at=now,
            by="stripe",
            kind="decision",
            sentence="The connected account has disconnected itself: nothing can be collected for it here.",
        )


def _stop_customer_of(
    connection: Connection,
    house: House,
    event: EventRow,
    found: dict[str, Any],
    reason: ClosedReason,
    now: datetime,
) -> None:
    """Stop collecting from the customer whose payment was disputed or warned of."""
    customer_id = _payer(connection, event, found)
    if customer_id is None:
        log.warning("payer_not_known", event_id=event.id, charge_id=object_id(found.get("charge")))
        return
    open_ones = recoveries.open_of_customer(connection, event.whose, customer_id)
    waking.end_all(connection, house, open_ones, reason, now)


def _payer(connection: Connection, event: EventRow, found: dict[str, Any]) -> str | None:
    """Return who paid the charge that an event names: it says so, or the ledger or an attempt knows."""
    named = object_id(found.get("customer")) or object_id(dig(found, "charge", "customer"))
    charge_id = object_id(found.get("charge"))
    if named is not None or charge_id is None:
        return named
    known = ledger.recovered(connection, event.whose, charge_id=charge_id) or attempts.by_charge(
        connection, event.whose, charge_id
    )
    source = recoveries.by_id(connection, known.recovery_id) if known else None
    return source.customer_id if source else None
