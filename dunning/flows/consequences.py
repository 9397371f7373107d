"""What events about cards, customers, subscriptions, refunds and disputes do to recoveries."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Card, Customer, Subscription, Whose
from dunning.core.changes import subscription_ended
from dunning.core.effects import Effect
from dunning.core.vocabulary import ClosedReason, ErrandKind
from dunning.flows import own_refusal, reversing, waking
from dunning.flows.errand import errand_behind
from dunning.flows.errands import BY_POLICY
from dunning.flows.house import House
from dunning.flows.steer import steer
from dunning.flows.telling import tell
from dunning.gateway.listen_shapes import dig, object_id
from dunning.store import attempts, breakers, errands, ledger, objects, recoveries, wallets
from dunning.store.rows import EventRow

ACCOUNT_LEFT: Final = "The connected account has disconnected itself: nothing can be collected for it here."

log = logs.get(__name__)


def follow_event(  # noqa: C901 - one arm an effect
    connection: Connection,
    house: House,
    effect: Effect,
    event: EventRow,
    found: dict[str, Any],
    card: Card | None,
    now: datetime,
    *,
    read: Subscription | None = None,
) -> None:
    """Apply an event that is not about an invoice; `found` is its object, `read` its subscription."""
    at = event.created_at or event.received_at
    whose = event.whose
    match effect:
        case Effect.CARD_ADDED | Effect.CARD_RENEWED if card is not None:
            renewed = at if effect is Effect.CARD_RENEWED else None
            added = at if effect is Effect.CARD_ADDED else None
            waking.wake_with_card(connection, house, whose, card, renewed_at=renewed, added_at=added, now=now)
        case Effect.READ_SUBSCRIPTION if read is not None:
            _follow_choice(connection, house, event, read, card, now)
        case Effect.CARD_EDITED if card is not None:
            _follow_edit(connection, house, whose, card, at, now)
        case Effect.OWN_REFUSED:
            own_refusal.follow_refusal(connection, house, event, now)
        case Effect.ACCOUNT_LEFT:
            _leave_account(connection, house, whose, now)
        case Effect.CARD_REMOVED if card is not None:
            waking.forget_card(connection, house, whose, card, at=at, now=now)
        case Effect.CUSTOMER_DELETED:
            gone = recoveries.open_of_customer(connection, whose, event.object_id or "")
            objects.keep_customer(connection, whose, Customer(event.object_id or "", deleted=True), now)
            waking.end_all(connection, house, gone, ClosedReason.CUSTOMER_DELETED, now)
        case Effect.SUBSCRIPTION_ENDED if read is not None:
            wallets.keep_subscription(connection, whose, read, now)
            _end_subscription(connection, house, event, read, now)
        case Effect.DISPUTED:
            _stop_customer_of(connection, house, event, found, ClosedReason.DISPUTED, now)
            reversing.reverse(connection, effect, event, found, now)
        case Effect.FRAUD_WARNED:
            _stop_customer_of(connection, house, event, found, ClosedReason.FRAUD_WARNING, now)
        case _:
            reversing.reverse(connection, effect, event, found, now)


def _follow_choice(
    connection: Connection,
    house: House,
    event: EventRow,
    read: Subscription,
    card: Card | None,
    now: datetime,
) -> None:
    """Keep a subscription as read; a card that was chosen for it is tried at once."""
    known = wallets.subscription(connection, event.whose, read.id)
    chosen = waking.was_chosen(event, card, known.default_card if known else None, known=known is not None)
    wallets.keep_subscription(connection, event.whose, read, now)
    if chosen and card is not None:
        waking.wake_with_card(connection, house, event.whose, card, renewed_at=None, added_at=None, now=now)


def _end_subscription(
    connection: Connection, house: House, event: EventRow, subscription: Subscription, now: datetime
) -> None:
    """End what a cancelled subscription still owes: stopped or lost, by why it was cancelled."""
    errand_id = errand_behind(event.idempotency_key)
    errand = errands.by_id(connection, errand_id) if errand_id else None
    by_policy = errand is not None and errand.by == BY_POLICY
    change = subscription_ended(subscription.cancelled_for, by_policy=by_policy)
    for recovery in recoveries.open_of_subscription(connection, event.whose, event.object_id or ""):
        steer(connection, house, recovery, change, now=now)


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
        tell(connection, recovery.id, ACCOUNT_LEFT, now=now, by="stripe")
    breakers.close(connection, whose.account_id, now)  # there is no door to try any more


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
    why = f"Not carried out: {reason.replace('_', ' ')}."
    drafts = [ErrandKind.COLLECT_DRAFTS]
    errands.drop_of_customer(connection, event.whose, customer_id, drafts, why, now)


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
