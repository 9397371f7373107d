"""What events about cards, customers, subscriptions, refunds and disputes do to recoveries."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dunning.core.billing import Card, Customer
from dunning.core.effects import Effect
from dunning.core.ids import derive_id
from dunning.core.vocabulary import ClosedReason, LedgerKind
from dunning.flows import waking
from dunning.flows.house import House
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import instant
from dunning.store import ledger, objects, recoveries
from dunning.store.rows import EventRow, RecoveryRow


def follow_event(
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
        case Effect.CARD_REMOVED if card is not None:
            objects.keep_card(connection, whose, card, detached_at=at)
        case Effect.CUSTOMER_DELETED:
            objects.keep_customer(connection, whose, Customer(event.object_id or "", deleted=True), now)
            gone = recoveries.open_of_customer(connection, whose, event.object_id or "")
            waking.end_all(connection, house, gone, ClosedReason.CUSTOMER_DELETED, now)
        case Effect.SUBSCRIPTION_ENDED:
            ended = recoveries.open_of_subscription(connection, whose, event.object_id or "")
            waking.end_all(connection, house, ended, ClosedReason.SUBSCRIPTION_CANCELLED, now)
        case Effect.REFUNDED:
            _reverse(connection, event, found, LedgerKind.REFUND, -_amount(found), now)
        case Effect.DISPUTED:
            _reverse(connection, event, found, LedgerKind.DISPUTE, -_amount(found), now)
            _stop_customer_of(connection, house, event, found, ClosedReason.DISPUTED, now)
        case Effect.DISPUTE_CLOSED if found.get("status") == "won":
            _reverse(connection, event, found, LedgerKind.DISPUTE_REVERSAL, _amount(found), now)
        case Effect.FRAUD_WARNED:
            _stop_customer_of(connection, house, event, found, ClosedReason.FRAUD_WARNING, now)
        case _:
            return


def _amount(found: dict[str, Any]) -> int:
    return int(found.get("amount") or 0)


def _reverse(
    connection: Connection,
    event: EventRow,
    found: dict[str, Any],
    kind: LedgerKind,
    amount: int,
    now: datetime,
) -> None:
    """Enter what a refund or a dispute takes from (or brings back to) a payment counted as recovered."""
    charge_id = object_id(found.get("charge"))
    entry = ledger.recovered_by_charge(connection, event.whose, charge_id) if charge_id else None
    if entry is None or amount == 0:
        return
    source = str(found.get("id"))
    ledger.append(
        connection,
        {
            "id": derive_id("led", now, event.account_id, kind, source),
            "account_id": event.account_id,
            "livemode": event.livemode,
            "kind": kind,
            "source_id": source,
            "recovery_id": entry.recovery_id,
            "invoice_id": entry.invoice_id,
            "charge_id": charge_id,
            "currency": entry.currency,
            "amount": amount,
            "at": instant(dig(found, "created")) or event.created_at or now,
            "recorded_at": now,
        },
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
    charge_id = object_id(found.get("charge"))
    entry = ledger.recovered_by_charge(connection, event.whose, charge_id) if charge_id else None
    source: RecoveryRow | None = recoveries.by_id(connection, entry.recovery_id) if entry else None
    customer_id = object_id(found.get("customer")) or (source.customer_id if source else None)
    if customer_id is not None:
        open_ones = recoveries.open_of_customer(connection, event.whose, customer_id)
        waking.end_all(connection, house, open_ones, reason, now)
