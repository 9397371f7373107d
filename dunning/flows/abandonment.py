"""A charge of which nobody can learn what became: it stays unfinished, and a person concludes it.

Until then the recovery is frozen, for a new charge could be the second one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.announcement import Topic
from dunning.core.billing import Invoice
from dunning.core.changes import Declined, Ended, NotAttempted
from dunning.core.ids import derive_id
from dunning.core.vocabulary import AttemptState, MadeBy
from dunning.flows import observing, settling, steer, told
from dunning.flows.announcing import announce
from dunning.flows.asked import Asked
from dunning.flows.attempting import end, hold
from dunning.flows.driver import Flow, run
from dunning.flows.following import ENDS, meet_refusal
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.flows.staff import Answer, NotFound
from dunning.store import attempts, audit, queue_items, recoveries
from dunning.store.rows import AttemptRow, RecoveryRow

LEASE: Final = timedelta(seconds=90)

log = logs.get(__name__)


class Verdict(StrEnum):
    """What Stripe's Dashboard shows of a charge."""

    PAID = "paid"  # it succeeded: the payment's idempotency key is ours
    SOMEONE_ELSE = "someone-else"  # the invoice is paid, by another charge than this
    DECLINED = "declined"  # it failed
    NEVER = "never"  # there is no trace of it


def abandon(connection: Connection, recovery: RecoveryRow, asked: Asked, now: datetime) -> None:
    """Give up looking by ourselves, and say so where people see it."""
    attempt = asked.attempt
    attempts.change(
        connection,
        attempt.id,
        asked.fence,
        state=AttemptState.UNKNOWN,
        abandoned_at=attempt.abandoned_at or now,
        lease_until=None,
        ring_at=None,
    )
    if attempt.abandoned_at is None:
        log.error("attempt_abandoned", attempt_id=attempt.id, key=attempt.idempotency_key)
        recoveries.change(connection, recovery.id, why=sentence(attempt))
        queue_items.ring(connection, [recovery.id], now)
        _note(connection, recovery, now, by="dunning", kind="decision", said=sentence(attempt))
        announce(connection, Topic.NEEDS_PERSON, recovery, now, attempt.id, sentence=sentence(attempt))


def sentence(attempt: AttemptRow) -> str:
    """Return what a person is asked to do."""
    return (
        f"Nobody knows what became of charge no. {attempt.ordinal}: look at the invoice in the Dashboard, "
        f"compare the idempotency key {attempt.idempotency_key} of its payments, and conclude it here."
    )


@dataclass(frozen=True, slots=True)
class _InHand:
    recovery: RecoveryRow
    attempt: AttemptRow
    fence: int


def conclude(house: House, recovery_id: str, verdict: Verdict, *, by: str) -> Answer:
    """End an abandoned charge as a person found it in Stripe's Dashboard; the invoice is read once more.

    Raises:
        NotFound: there is no such recovery.
        StripeError: the invoice could not be read; nothing was changed.
    """
    answers: list[Answer] = []

    def record(hand: _InHand, invoice: Invoice) -> None:
        answers[:] = [_record(house, hand, invoice, verdict, by)]

    flow = Flow(
        claim=lambda: _claim(house, recovery_id),
        ask=lambda hand: house.stripe.invoice(hand.recovery.whose, hand.recovery.invoice_id),
        record=record,
    )
    run(flow)
    nothing = Answer(
        done=False, sentence="Nothing to conclude: every charge has its outcome, or will get it."
    )
    return answers[0] if answers else nothing


def _claim(house: House, recovery_id: str) -> _InHand | None:
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        attempt = attempts.unfinished(connection, recovery.whose, recovery.invoice_id)
        if attempt is None or attempt.abandoned_at is None:
            return None
        lease_now = house.store.lease_now(connection)
        fence = attempts.claim(connection, attempt, lease_now, LEASE)
        return None if fence is None else _InHand(recovery, attempt, fence)


def _record(house: House, hand: _InHand, invoice: Invoice, verdict: Verdict, by: str) -> Answer:
    contrary = _contrary(invoice, verdict)
    with house.store.write() as connection:
        now = house.clock.now()
        recovery = hold(connection, hand.recovery.id)
        if recovery is None:
            raise NotFound(hand.recovery.id)
        if contrary is not None:
            attempts.change(connection, hand.attempt.id, hand.fence, lease_until=None)
            return Answer(done=False, sentence=contrary)
        if not _end(connection, house, recovery, hand, invoice, verdict, now):
            return Answer(done=False, sentence="Its outcome has just come in by itself.")
        queue_items.ring(connection, [recovery.id], now)
        said = f"Charge no. {hand.attempt.ordinal} was concluded as {verdict.replace('-', ' ')}."
        _note(connection, recovery, now, by=by, kind="staff", said=said)
        after = {"attempt": hand.attempt.id, "verdict": verdict}
        audit.append(connection, at=now, by=by, action="recovery.conclude", about=recovery.id, after=after)
        return Answer(done=True, sentence=said)


def _contrary(invoice: Invoice, verdict: Verdict) -> str | None:
    """Return what Stripe shows against a verdict."""
    says_paid = verdict in {Verdict.PAID, Verdict.SOMEONE_ELSE}
    if says_paid and invoice.status != "paid":
        return f"Stripe shows the invoice as {invoice.status}: it was not paid, so say declined or never."
    if not says_paid and invoice.status == "paid":
        return "Stripe shows the invoice as paid: say paid (by this charge) or someone-else."
    if verdict is Verdict.DECLINED and invoice.failure is None:
        return "Stripe shows no failed payment of the invoice: say never."
    if verdict is Verdict.NEVER and invoice.processing:
        return "Stripe shows a payment of the invoice that is under way: wait for its end."
    return None


def _end(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    hand: _InHand,
    invoice: Invoice,
    verdict: Verdict,
    now: datetime,
) -> bool:
    if verdict in {Verdict.PAID, Verdict.SOMEONE_ELSE}:
        return _paid(connection, house, recovery, hand, invoice, ours=verdict is Verdict.PAID, now=now)
    declined = verdict is Verdict.DECLINED and invoice.failure is not None
    failure = (told.refusal(connection, hand.attempt) or invoice.failure) if declined else None
    state = AttemptState.DECLINED if declined else AttemptState.NOT_SENT
    more = observing.refusal_columns(connection, hand.attempt, failure) if failure else {}
    if not end(connection, hand.attempt.id, hand.fence, state, now, "As staff found it.", **more):
        return False
    met = meet_refusal(connection, recovery, failure) if failure else recovery
    following: Declined | Ended | NotAttempted = NotAttempted("Stripe never executed the charge.")
    if invoice.status in ENDS:
        following = Ended(ENDS[invoice.status])
    elif declined:
        following = Declined()
    steer.steer(connection, house, met, following, now=now)
    return True


def _paid(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    hand: _InHand,
    invoice: Invoice,
    *,
    ours: bool,
    now: datetime,
) -> bool:
    state = AttemptState.PAID if ours else AttemptState.MOOT
    if not end(connection, hand.attempt.id, hand.fence, state, now, "As staff found it."):
        return False
    payer = observing.payer_of(connection, recovery, invoice)
    others = payer[0] if payer else Origin(MadeBy.MERCHANT)
    origin = Origin(MadeBy.DUNNING, hand.attempt.ordinal) if ours else others
    settling.settle(connection, house, recovery, invoice, origin, paid_at=invoice.paid_at or now, now=now)
    return True


def _note(
    connection: Connection, recovery: RecoveryRow, now: datetime, *, by: str, kind: str, said: str
) -> None:
    count = recoveries.count_notes(connection, recovery.id)
    note_id = f"{derive_id('note', now, recovery.id)}{count:05d}"
    recoveries.note(connection, note_id, recovery.id, at=now, by=by, kind=kind, sentence=said)
