"""Following an invoice: what Stripe says of it now, against what we have."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.core.billing import Failure, Invoice, Whose
from dunning.core.changes import Declined, Ended
from dunning.core.declines import Decline
from dunning.core.ids import pay_key
from dunning.core.vocabulary import AttemptState, ClosedReason
from dunning.flows import contradiction, observing, parts, settling, told
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.flows.opening import open_recovery
from dunning.flows.steer import steer
from dunning.store import attempts, card_rules, objects, recoveries
from dunning.store.rows import AttemptRow, RecoveryRow

NO_CARD = Failure(Decline())  # Stripe also says "failed" for the lack of any payment method
# Stripe clears the last error of a payment that succeeded since.
FORGOTTEN = Failure(Decline(failure_code="not_known_any_more"))
# How an attempt ends that, as far as we knew, never reached the network.
GIVEN_UP = frozenset({AttemptState.NOT_SENT, AttemptState.MOOT, AttemptState.CANCELLED})
ENDS = {"void": ClosedReason.VOIDED, "uncollectible": ClosedReason.UNCOLLECTIBLE}


def follow(
    connection: Connection,
    house: House,
    whose: Whose,
    invoice: Invoice,
    origin: Origin,
    *,
    failed: bool,
    overdue: bool = False,
    at: datetime,
    now: datetime,
) -> None:
    """Bring the recovery in line with its invoice as just read; open one where a payment failed.

    `origin` and `at` are of the event that made us look; `failed` says whether it told of a failed payment,
    `overdue` whether of an invoice that is past its date.
    """
    recovery = recoveries.newest_of_invoice(connection, whose, invoice.id, lock=True)
    if recovery is None:
        sent = overdue and invoice.open and invoice.collection_method == "send_invoice"
        if not (sent or (failed and _collectable(invoice))):
            return
        failure = None if sent else invoice.failure or (NO_CARD if invoice.open else FORGOTTEN)
        recovery = open_recovery(connection, house, whose, invoice, failure, failed_at=at, now=now)
    elif failed and at < recovery.failed_at:
        recovery = _failed_earlier(connection, recovery, at)
    parts.note_parts(connection, recovery, invoice, now)
    if invoice.status == "paid":
        _paid(connection, house, recovery, invoice, now=now)
    elif invoice.status in ENDS:
        steer(connection, house, recovery, Ended(ENDS[invoice.status]), now=now)
    else:
        contradiction.notice(connection, recovery, invoice, now)
        if failed and invoice.failure is not None:
            _failed(connection, house, recovery, invoice.failure, origin, at=at, now=now)


def _failed_earlier(connection: Connection, recovery: RecoveryRow, at: datetime) -> RecoveryRow:
    """The first failure was told after a later one: the window runs from it."""
    window = recovery.deadline - recovery.failed_at
    recoveries.change(connection, recovery.id, failed_at=at, deadline=at + window)
    return recoveries.by_id(connection, recovery.id, lock=True) or recovery


def meet_refusal(connection: Connection, recovery: RecoveryRow, failure: Failure) -> RecoveryRow:
    """Write down what the newest refusal said, on the recovery; a fresh card is fresh no more.

    What a backup card was refused for stays with its attempt: the invoice's own card may still be retried.
    """
    if failure.card is not None:
        objects.keep_card(connection, recovery.whose, failure.card)
    if failure.card is not None and failure.card.id == recovery.backup_card_id:
        return recovery
    recoveries.change(
        connection,
        recovery.id,
        decline_class=failure.decline_class(card_rules.newest(connection).table),
        decline_code=failure.decline.code,
        card_id=failure.card.id if failure.card else recovery.card_id,
    )
    held = recoveries.by_id(connection, recovery.id, lock=True)
    return held or recovery


def _collectable(invoice: Invoice) -> bool:
    """Return whether a failure of the invoice is ours to follow, even when it was paid before we heard."""
    wanted = invoice.open or (invoice.status == "paid" and invoice.amount_due > 0)
    return wanted and invoice.collection_method != "send_invoice"


def _paid(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    invoice: Invoice,
    *,
    now: datetime,
) -> None:
    unfinished = attempts.unfinished(connection, recovery.whose, recovery.invoice_id)
    payer = observing.payer_of(connection, recovery, invoice)
    if unfinished is not None and _was_asked(unfinished):
        if payer is None or payer[0].ordinal != unfinished.ordinal:
            attempts.change(connection, unfinished.id, unfinished.fence, ring_at=now)
            return  # our own charge may be what paid it: its flow finds out, and settles
        _ours_paid(connection, unfinished, invoice, now)
    if payer is not None:
        who, paid_at = payer
        settling.settle(
            connection, house, recovery, invoice, who, paid_at=invoice.paid_at or paid_at, now=now
        )


def _was_asked(attempt: AttemptRow) -> bool:
    return attempt.state in {AttemptState.ASKING, AttemptState.UNKNOWN, AttemptState.PROCESSING}


def _ours_paid(connection: Connection, attempt: AttemptRow, invoice: Invoice, now: datetime) -> None:
    payment = invoice.settled[-1] if invoice.settled else None
    attempts.change(
        connection,
        attempt.id,
        attempt.fence,
        state=AttemptState.PAID,
        finished_at=now,
        charge_id=payment.charge if payment else None,
        payment_intent_id=payment.payment_intent if payment else None,
        fence=attempt.fence + 1,
        ring_at=None,
    )


def _failed(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    failure: Failure,
    origin: Origin,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Count somebody's failed attempt once; our own are recorded by their flow, from Stripe's answer.

    One of ours that nobody remembers was lost with its database, and is counted as ours again.
    """
    unfinished = attempts.unfinished(connection, recovery.whose, recovery.invoice_id)
    if unfinished is not None and _was_asked(unfinished):
        attempts.change(connection, unfinished.id, unfinished.fence, ring_at=now)
        return
    ours = origin.ordinal and attempts.by_ordinal(
        connection, recovery.whose, recovery.invoice_id, origin.ordinal
    )
    if ours:
        _correct(connection, house, recovery, failure, ours, now)
        return
    if origin.ordinal:
        key = pay_key(recovery.account_id, recovery.invoice_id, origin.ordinal)
        failure = told.refusal_of_key(connection, recovery.whose, key) or failure
    if observing.keep_failure(connection, recovery, failure, origin, at) and not recovery.by_hand:
        met = meet_refusal(connection, recovery, failure)
        steer(connection, house, met, Declined(), now=now)


def _correct(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    failure: Failure,
    attempt: AttemptRow,
    now: datetime,
) -> None:
    """A charge of ours that was given up for not sent reached the network after all: it was declined."""
    known = failure.charge and attempts.by_charge(connection, recovery.whose, failure.charge)
    if attempt.state not in GIVEN_UP or known:
        return
    columns = observing.failure_columns(connection, failure)
    state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
    attempts.change(connection, attempt.id, attempt.fence, state=state, **columns)
    steer(connection, house, meet_refusal(connection, recovery, failure), Declined(), now=now)
