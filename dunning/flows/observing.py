"""Attempts that others made: Stripe's own charges and retries, the customer's, the merchant's.

They are told apart by the request behind the event: our idempotency key, no request at all (Stripe's own
automation), or somebody else's call.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from dunning.core.billing import Card, Failure, Invoice, Whose
from dunning.core.ids import derive_id, ordinal_of, pay_key
from dunning.core.vocabulary import AttemptState, MadeBy, Retries
from dunning.flows.announcing import announce_attempt
from dunning.store import attempts, card_rules, inbox, messages, objects
from dunning.store.rows import AttemptRow, RecoveryRow
from dunning.store.tables import events

PAGE_VISIT: Final = timedelta(hours=24)  # how long after a click on our link a payment page is in use
EVENTS_COME_WITHIN: Final = timedelta(days=1)
STRIPE_KEEPS: Final = timedelta(days=30)  # events, in its list
COMPARED_LATER: Final = timedelta(hours=1)  # an event may enter Stripe's list a little after it was made
PAID_TYPES: Final = ("invoice.paid", "v1.invoice.paid")


@dataclass(frozen=True, slots=True)
class Origin:
    """Who is behind an event: `ordinal` is set for the charges that we asked."""

    made_by: MadeBy
    ordinal: int | None = None
    request_id: str | None = None


def origin_of(whose: Whose, invoice_id: str, *, key: str | None, request_id: str | None) -> Origin:
    """Return who asked for what an event tells about an invoice."""
    ordinal = ordinal_of(key, whose.account_id, invoice_id)
    if ordinal is not None:
        return Origin(MadeBy.DUNNING, ordinal, request_id)
    if request_id is None:
        return Origin(MadeBy.STRIPE)
    return Origin(MadeBy.MERCHANT, None, request_id)


def payer_of(
    connection: Connection,
    recovery: RecoveryRow,
    invoice: Invoice,
) -> tuple[Origin, datetime] | None:
    """Return who paid an invoice and when, from the event that said so; None while it has not come.

    Stripe does not say whether a call came from a payment page or from the merchant. It was the customer when
    the card was used once and never saved (a merchant can only charge saved ones), or when our link had led
    to the hosted invoice shortly before.
    """
    whose = recovery.whose
    said = (
        select(events.c.idempotency_key, events.c.request_id, events.c.created_at, events.c.received_at)
        .where(
            events.c.account_id == whose.account_id,
            events.c.livemode == whose.livemode,
            events.c.object_id == invoice.id,
            events.c.type.in_(PAID_TYPES),
        )
        .order_by(events.c.created_at)
        .limit(1)
    )
    row = connection.execute(said).one_or_none()
    if row is None:
        return None
    at = row.created_at or row.received_at
    origin = origin_of(whose, invoice.id, key=row.idempotency_key, request_id=row.request_id)
    if origin.made_by is MadeBy.MERCHANT and _on_a_page(connection, recovery, invoice, at):
        origin = Origin(MadeBy.CUSTOMER, None, origin.request_id)
    return origin, at


def payer_or_presumed(
    connection: Connection,
    recovery: RecoveryRow,
    invoice: Invoice,
    now: datetime,
) -> tuple[Origin, datetime] | None:
    """Return who paid an invoice, presumed when the event that says so can come no more.

    Then it was the customer's doing where the card or our link says so, Stripe's where Stripe retries, else
    the merchant's. Only for an invoice on which no charge of ours is out.
    """
    told = payer_of(connection, recovery, invoice)
    if told is not None or invoice.paid_at is None or not overdue(connection, invoice.paid_at, now):
        return told
    presumed = MadeBy.MERCHANT if recovery.retries is Retries.OWN else MadeBy.STRIPE
    if _on_a_page(connection, recovery, invoice, invoice.paid_at):
        presumed = MadeBy.CUSTOMER
    return Origin(presumed), invoice.paid_at


def overdue(connection: Connection, at: datetime, now: datetime) -> bool:
    """Return whether the event of something that happened `at` will not come any more.

    It is a day late, and Stripe's own list of events was compared since and does not have it; or it is older
    than what that list keeps.
    """
    if now < at + EVENTS_COME_WITHIN:
        return False
    compared = inbox.reconciled(connection)
    return now >= at + STRIPE_KEEPS or (compared is not None and compared >= at + COMPARED_LATER)


def _on_a_page(connection: Connection, recovery: RecoveryRow, invoice: Invoice, at: datetime) -> bool:
    if invoice.paid_with is not None and invoice.paid_with.customer is None:
        return True
    return any(
        link.used_for == "hosted_invoice" and link.last_used_at and link.last_used_at + PAGE_VISIT >= at
        for link in messages.links_of(connection, recovery.id)
    )


def first_contact(connection: Connection, recovery: RecoveryRow) -> datetime | None:
    """Return when the customer first could have acted on something of ours: a message, or a used link."""
    sent = messages.first_sent_at(connection, recovery.id)
    visits = [link.used_at for link in messages.links_of(connection, recovery.id) if link.used_at]
    return min([*visits, *([sent] if sent else [])], default=None)


def keep_first_failure(
    connection: Connection,
    recovery: RecoveryRow,
    failure: Failure,
    at: datetime,
    origin: Origin | None = None,
) -> None:
    """Insert the failed attempt that opened the recovery; it was Stripe's own unless an event says more."""
    _keep_failure(connection, recovery, failure, origin or Origin(MadeBy.STRIPE), at)


def keep_failure(
    connection: Connection,
    recovery: RecoveryRow,
    failure: Failure,
    origin: Origin,
    at: datetime,
) -> bool:
    """Insert somebody's failed attempt; return False when that charge is known already."""
    kept = _keep_failure(connection, recovery, failure, origin, at)
    if kept is not None:
        announce_attempt(connection, *kept, at)
    return kept is not None


def _keep_failure(
    connection: Connection,
    recovery: RecoveryRow,
    failure: Failure,
    origin: Origin,
    at: datetime,
) -> tuple[str, AttemptState] | None:
    if failure.charge and attempts.by_charge(connection, recovery.whose, failure.charge):
        return None
    natural = failure.charge or failure.payment_intent or f"{recovery.id}:{at.isoformat()}"
    state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
    base = _base(recovery, origin, natural, at)
    row = {**base, "state": state, **failure_columns(connection, failure)}
    return (base["id"], state) if attempts.add(connection, row) else None


def keep_payment(
    connection: Connection,
    recovery: RecoveryRow,
    invoice: Invoice,
    origin: Origin,
    at: datetime,
) -> None:
    """Insert somebody's successful attempt, once."""
    payment = invoice.settled[-1] if invoice.settled else None
    if payment is None:
        return
    natural = payment.charge or payment.id
    values = {
        **_base(recovery, origin, natural, at),
        "state": AttemptState.PAID,
        "amount": payment.amount_paid,
        "charge_id": payment.charge,
        "payment_intent_id": payment.payment_intent,
        "card_id": payment.card_id,
        **_known_facts(connection, recovery.whose, payment.card_id),
    }
    if attempts.add(connection, values):
        announce_attempt(connection, values["id"], AttemptState.PAID, at)


def _known_facts(connection: Connection, whose: Whose, card_id: str | None) -> dict[str, Any]:
    """Return what we know of the card that paid: its payments count in its budgets as well."""
    card = objects.card(connection, whose, card_id)
    names = ("fingerprint", "brand", "funding", "country")
    return {name: getattr(card, name) for name in names} if card is not None else {}


def failure_columns(connection: Connection, failure: Failure) -> dict[str, Any]:
    """Return what a failure says, as columns of an attempt: its class by the card rules in force."""
    decline, rules = failure.decline, card_rules.newest(connection)
    return {
        "decline_class": failure.decline_class(rules.table),
        "rules_version": rules.version,
        "decline_code": decline.code,
        "advice_code": decline.advice_code,
        "network_advice_code": decline.network_advice_code,
        "network_decline_code": decline.network_decline_code,
        "network_status": decline.network_status,
        "outcome_type": decline.outcome_type,
        "outcome_reason": decline.outcome_reason,
        "charge_id": failure.charge,
        "payment_intent_id": failure.payment_intent,
        **(card_columns(failure.card) if failure.card else {}),
    }


def refusal_columns(connection: Connection, attempt: AttemptRow, failure: Failure) -> dict[str, Any]:
    """Return what a failure says as columns of an attempt of ours; a charge is named by one attempt only."""
    columns = failure_columns(connection, failure)
    known = attempts.by_charge(connection, attempt.whose, failure.charge) if failure.charge else None
    return columns if known is None or known.id == attempt.id else {**columns, "charge_id": None}


def card_columns(card: Card) -> dict[str, Any]:
    """Return what tells a card apart, as columns of an attempt."""
    return {
        "card_id": card.id,
        "fingerprint": card.fingerprint,
        "brand": card.brand,
        "funding": card.funding,
        "country": card.country,
    }


def _base(recovery: RecoveryRow, origin: Origin, natural: str, at: datetime) -> dict[str, Any]:
    return {
        "id": derive_id("att", at, recovery.account_id, recovery.invoice_id, natural),
        "account_id": recovery.account_id,
        "livemode": recovery.livemode,
        "recovery_id": recovery.id,
        "invoice_id": recovery.invoice_id,
        "customer_id": recovery.customer_id,
        "made_by": origin.made_by,
        "request_id": origin.request_id,
        "at": at,
        "finished_at": at,
        "currency": recovery.currency,
        "amount": recovery.amount,
        **lost_key(recovery, origin),
    }


def lost_key(recovery: RecoveryRow, origin: Origin) -> dict[str, Any]:
    """Return the key of a charge of ours whose row was lost with a database: it counts as ours again."""
    if origin.ordinal is None:
        return {}
    key = pay_key(recovery.account_id, recovery.invoice_id, origin.ordinal)
    return {"ordinal": origin.ordinal, "idempotency_key": key}
