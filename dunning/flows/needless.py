"""Why an event needs nothing: most of an account's events are none of ours, and cost no call to Stripe."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.effects import Effect, plain_type
from dunning.core.ids import charge_of, ordinal_of
from dunning.core.vocabulary import AttemptState, Retries, Status
from dunning.gateway.listen_shapes import customer_of, dig, subject
from dunning.store import inbox, objects, recoveries
from dunning.store.rows import EventRow, RecoveryRow

# What opens a recovery: a failed payment, or an invoice sent by hand that is past its date.
OVERDUE: Final = "invoice.overdue"
OPENING: Final = frozenset({"invoice.payment_failed", "invoice.payment_action_required", OVERDUE})
# What we keep of a customer; any other change is nothing to us.
CUSTOMER_FACTS: Final = frozenset(
    {"email", "name", "address", "preferred_locales", "invoice_settings", "default_source", "metadata"},
)
SUBSCRIPTION_FACTS: Final = frozenset({"default_payment_method", "status", "pause_collection"})
REFUSED: Final = frozenset({AttemptState.DECLINED, AttemptState.NEEDS_ACTION})
Body = dict[str, Any]


def why_nothing(connection: Connection, event: EventRow, effect: Effect, body: Body) -> str | None:
    """Return why an event with an effect needs nothing after all, or None when it does."""
    if event.object_id is None:
        return "The event names no object."
    look = LOOKS.get(effect)
    return look(connection, event, body) if look is not None else None


def _invoice(connection: Connection, event: EventRow, body: Body) -> str | None:
    recovery = recoveries.newest_of_invoice(connection, event.whose, event.object_id or "")
    if recovery is None:
        return None if plain_type(event.type) in OPENING else "The invoice has not failed."
    changed = dig(body, "data", "previous_attributes") or {}
    taken_back = recovery.taken_over and subject(body).get("auto_advance") is True
    news = "amount_paid" in changed or taken_back
    if plain_type(event.type) == "invoice.updated" and recovery.retries is Retries.OWN and not news:
        return "The invoice is ours to collect, and is read again before every attempt."
    ordinal = ordinal_of(event.idempotency_key, event.account_id, event.object_id or "")
    ours = inbox.state_of_charge(connection, event.whose, recovery.invoice_id, ordinal) if ordinal else None
    if ours is not None and _was_followed(ours, recovery):
        return "Our own attempt; Stripe's answer to it was recorded."
    return None


def _was_followed(ours: AttemptState, recovery: RecoveryRow) -> bool:
    """Return whether what follows from the answer to our charge was recorded, too."""
    if ours is AttemptState.PAID:
        return recovery.status is Status.RECOVERED
    return ours in REFUSED and recovery.status is not Status.ATTEMPTING


def _refusal(_connection: Connection, event: EventRow, _body: Body) -> str | None:
    ours = charge_of(event.idempotency_key, event.account_id)
    return None if ours else "Not a charge of ours: the invoice's own event says more."


def _customer(connection: Connection, event: EventRow, body: Body) -> str | None:
    changed = dig(body, "data", "previous_attributes")
    if isinstance(changed, dict) and not CUSTOMER_FACTS & changed.keys():
        return "Nothing that we keep has changed."
    known = objects.customer(connection, event.whose, event.object_id)
    return None if known else "The customer has no recovery."


def _subscription(connection: Connection, event: EventRow, body: Body) -> str | None:
    changed = dig(body, "data", "previous_attributes")
    if isinstance(changed, dict) and not SUBSCRIPTION_FACTS & changed.keys():
        return "Nothing that we keep of the subscription has changed; what is owed, its invoices tell."
    waiting = recoveries.waits(
        connection, event.whose, customer_id=customer_of(body), subscription_id=event.object_id
    )
    return None if waiting else "No recovery waits for this subscription."


def _edited(connection: Connection, event: EventRow, _body: Body) -> str | None:
    known = objects.card(connection, event.whose, event.object_id)
    return None if known else "The card has met no recovery."


def _left(_connection: Connection, event: EventRow, _body: Body) -> str | None:
    return "An application left our own account." if event.account_id == "self" else None


LOOKS: Final[dict[Effect, Callable[[Connection, EventRow, Body], str | None]]] = {
    Effect.READ_INVOICE: _invoice,
    Effect.OWN_REFUSED: _refusal,
    Effect.READ_CUSTOMER: _customer,
    Effect.READ_SUBSCRIPTION: _subscription,
    Effect.CARD_EDITED: _edited,
    Effect.ACCOUNT_LEFT: _left,
}
