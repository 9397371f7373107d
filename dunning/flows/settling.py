"""What follows when an invoice is paid: the reason, the ledger, the end of the recovery."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.attribution import PaymentFacts, attribute
from dunning.core.billing import Card, Invoice, Payment
from dunning.core.changes import Ended, Paid
from dunning.core.effects import RULES, Effect
from dunning.core.notices import NoticeKind, deserves_thanks
from dunning.core.vocabulary import (
    UNFINISHED,
    AttemptState,
    ClosedReason,
    Reason,
    Status,
)
from dunning.flows import notice_plan, observing, parts
from dunning.flows.announcing import announce_attempt
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.flows.steer import steer
from dunning.store import attempts, inbox, ledger, objects
from dunning.store.rows import AttemptRow, RecoveryRow

TAKES_BACK: Final = {Effect.REFUNDED, Effect.REFUND_FAILED, Effect.DISPUTED, Effect.DISPUTE_MOVED}
REVERSALS: Final = tuple(name for name, rule in RULES.items() if rule.effect in TAKES_BACK)
CREDITS: Final = ("credit_note.created", "credit_note.voided")


def settle(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    invoice: Invoice,
    origin: Origin,
    *,
    paid_at: datetime,
    now: datetime,
) -> None:
    """Credit a paid invoice to its one reason, write the money into the ledger and end the recovery.

    May be called any number of times for one invoice: the ledger keeps each payment once.
    """
    if invoice.paid_with is not None:
        _keep_paying_card(connection, recovery, invoice.paid_with, invoice.charged_as, paid_at)
    attempt = _our_attempt(connection, recovery, origin)
    if attempt is None:
        observing.keep_payment(connection, recovery, invoice, origin, paid_at)
    elif attempt.state not in {AttemptState.PAID, *UNFINISHED}:
        # Given up for not sent, and paid after all: the truth came late.
        charge = invoice.settled[-1].charge if invoice.settled else None
        known = charge is not None and attempts.by_charge(connection, recovery.whose, charge)
        named = {} if known else {"charge_id": charge}
        attempts.change(connection, attempt.id, attempt.fence, state=AttemptState.PAID, **named)
        announce_attempt(connection, attempt.id, AttemptState.PAID, now)
    if recovery.status is Status.RECOVERED:
        return
    paid = parts.paid_since_failure(recovery, invoice)
    outside = parts.paid_outside(recovery, invoice)
    if not paid and outside <= 0:
        steer(connection, house, recovery, Ended(ClosedReason.CREDITED), now=now)
        return
    credited = _reason(connection, recovery, invoice, origin, attempt, paid_at)
    reason = min([credited, *ledger.reasons(connection, recovery.id)], key=list(Reason).index)
    for payment in paid:
        at = payment.paid_at if payment is not paid[0] and payment.paid_at else paid_at
        parts.enter(connection, recovery, reason, payment.id, payment.amount_paid, at, now, payment.charge)
        _reopen_reversals(connection, recovery, payment, now)
    if outside > 0:
        parts.enter(connection, recovery, reason, invoice.id, outside, paid_at, now, None)
    steer(connection, house, recovery, Paid(), now=now, reason=reason, fresh_card_id=None)
    if deserves_thanks(reason, imported=recovery.import_id is not None):
        notice_plan.plan_for(connection, recovery, NoticeKind.THANK_YOU, about=recovery.id, now=now)


def _keep_paying_card(
    connection: Connection, recovery: RecoveryRow, card: Card, charged_as: Card | None, paid_at: datetime
) -> None:
    """Keep the card that paid; charged with other details than we knew, the network had renewed it before."""
    known = objects.card(connection, recovery.whose, card.id, lock=True)
    used = charged_as or card  # without a charge to look at, as it is now
    were = (known.last4, known.exp_month, known.exp_year) if known is not None else ()
    digits = used.last4 if were and known is not None and known.last4 else None  # of the erased none are kept
    renewed_since = known is not None and (known.network_updated_at or paid_at) > paid_at
    renewed = any(were) and were != (digits, used.exp_month, used.exp_year) and not renewed_since
    objects.keep_card(connection, recovery.whose, card, network_updated_at=paid_at if renewed else None)


def _reopen_reversals(connection: Connection, recovery: RecoveryRow, payment: Payment, now: datetime) -> None:
    """A refund, dispute or credit note may be told before the payment that it reverses."""
    since = recovery.failed_at
    inbox.reopen(connection, recovery.whose, CREDITS, since=since, naming=recovery.invoice_id, now=now)
    if payment.charge is not None:
        inbox.reopen(connection, recovery.whose, REVERSALS, since=since, naming=payment.charge, now=now)


def _our_attempt(connection: Connection, recovery: RecoveryRow, origin: Origin) -> AttemptRow | None:
    if origin.ordinal is None:
        return None
    return attempts.by_ordinal(connection, recovery.whose, recovery.invoice_id, origin.ordinal)


def _reason(
    connection: Connection,
    recovery: RecoveryRow,
    invoice: Invoice,
    origin: Origin,
    attempt: AttemptRow | None,
    paid_at: datetime,
) -> Reason:
    payment = invoice.settled[-1] if invoice.settled else None
    card_id = (payment.card_id if payment else None) or (attempt.card_id if attempt else None)
    card = objects.card(connection, recovery.whose, card_id)
    made_by = attempt.made_by if attempt else origin.made_by
    renewed_at = card.network_updated_at if card else None
    return attribute(
        PaymentFacts(
            failed_at=recovery.failed_at,
            made_by=made_by if payment or attempt else None,
            first_contact_at=observing.first_contact(connection, recovery),
            card_added_at=card.added_at if card and card.customer_id else None,
            card_updated_by_network_at=renewed_at if renewed_at and renewed_at <= paid_at else None,
            other_card_passed=bool(attempt and attempt.other_card_passed),
        ),
    )
