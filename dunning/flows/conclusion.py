"""Concluding an attempt from a read of its invoice, when its own answer is lost or says nothing."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Failure, Invoice
from dunning.core.changes import Declined, Ended, NotAttempted
from dunning.core.vocabulary import AttemptState, MadeBy
from dunning.flows import observing, parts, settling, steer, told
from dunning.flows.asked import Asked
from dunning.flows.attempting import end
from dunning.flows.following import ENDS, FORGOTTEN, meet_refusal
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.store import attempts, objects
from dunning.store.rows import AttemptRow, RecoveryRow

LATE_EFFECTS: Final = timedelta(minutes=15)  # "it never happened" is not concluded before


def conclude(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    asked: Asked,
    invoice: Invoice,
    *,
    never_executed: str | None,
    now: datetime,
) -> bool:
    """End the attempt if the invoice, read under its ticket, tells how; return whether it did.

    `never_executed`: Stripe itself said that it would not take the charge, and why. Otherwise the key is
    looked for among the events that came, and only silence for 15 minutes counts as "it never happened".
    The reading is kept, since the event of a charge whose end is recorded is not followed by another one.
    """
    attempt, fence = asked.attempt, asked.fence
    if not _concluded(connection, house, recovery, attempt, fence, invoice, never_executed, now):
        return False
    if objects.apply_read(connection, recovery.whose, invoice, asked.ticket):
        parts.note_parts(connection, recovery, invoice, now)
    return True


def _concluded(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    fence: int,
    invoice: Invoice,
    never_executed: str | None,
    now: datetime,
) -> bool:
    said = told.outcome(connection, attempt)
    if said == "failed":
        return _refused(connection, house, recovery, attempt, fence, invoice, now)
    paid = invoice.status == "paid"
    payer = observing.payer_of(connection, recovery, invoice) if paid else None
    if paid and never_executed is None and (said == "paid" or _cleared(attempt, invoice, payer)):
        ended = _end(connection, attempt, fence, AttemptState.PAID, "Paid, as Stripe shows.", now)
        ours = Origin(MadeBy.DUNNING, attempt.ordinal), now
        return ended and _settle(connection, house, recovery, invoice, ours, now)
    if paid and payer is None and never_executed is None:
        return False  # perhaps by this very charge: Stripe's event will say by whom
    if paid:
        ended = _end(connection, attempt, fence, AttemptState.MOOT, "Settled by someone else.", now)
        return ended and _settle(connection, house, recovery, invoice, payer, now)
    if invoice.status in ENDS:
        ended = _end(connection, attempt, fence, AttemptState.CANCELLED, f"Invoice {invoice.status}.", now)
        return ended and _tell(connection, house, recovery, Ended(ENDS[invoice.status]), now)
    if never_executed is not None:
        ended = _end(connection, attempt, fence, AttemptState.NOT_SENT, never_executed, now)
        change = NotAttempted(never_executed, now + timedelta(days=1))
        return ended and _tell(connection, house, recovery, change, now)
    return _open_still(connection, house, recovery, attempt, fence, invoice, now)


def _refused(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    fence: int,
    invoice: Invoice,
    now: datetime,
) -> bool:
    """End an attempt that the bank refused, as an event tells, whatever became of the invoice since."""
    failure = told.refusal(connection, attempt) or invoice.failure or FORGOTTEN
    ended = _decline(connection, attempt, fence, failure, now)
    if invoice.status == "paid":
        payer = observing.payer_of(connection, recovery, invoice)
        return ended and _settle(connection, house, recovery, invoice, payer, now)
    if invoice.status in ENDS:
        return ended and _tell(connection, house, recovery, Ended(ENDS[invoice.status]), now)
    met = meet_refusal(connection, recovery, failure) if ended else recovery
    return ended and _tell(connection, house, met, Declined(), now)


def _open_still(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    fence: int,
    invoice: Invoice,
    now: datetime,
) -> bool:
    """End an attempt of which no event tells: a debit that bounced, a charge that was never executed."""
    asked_at = attempt.last_asked_at or now
    bounced = attempt.state is AttemptState.PROCESSING and not invoice.processing
    unheard_of = _unheard_of(connection, recovery, attempt, invoice)
    ours = bounced or (unheard_of and observing.overdue(connection, asked_at, now))
    if invoice.failure is not None and ours:
        ended = _decline(connection, attempt, fence, invoice.failure, now)
        met = meet_refusal(connection, recovery, invoice.failure) if ended else recovery
        return ended and _tell(connection, house, met, Declined(), now)
    if invoice.processing or unheard_of or now < asked_at + LATE_EFFECTS:
        return False
    why = "Stripe never executed the charge."
    ended = _end(connection, attempt, fence, AttemptState.NOT_SENT, why, now)
    return ended and _tell(connection, house, recovery, NotAttempted(why), now)


def _unheard_of(connection: Connection, recovery: RecoveryRow, attempt: AttemptRow, invoice: Invoice) -> bool:
    """Return whether the last refusal is of a charge that we never saw, while Stripe does not collect.

    It may be this very attempt's: the event that names the charge tells; where none comes, it is.
    """
    failure = invoice.failure
    if failure is None or failure.charge is None or not recovery.taken_over:
        return False
    known = attempts.by_charge(connection, recovery.whose, failure.charge)
    return known is None and not told.asked_by_another(connection, attempt, failure)


def _decline(
    connection: Connection, attempt: AttemptRow, fence: int, failure: Failure, now: datetime
) -> bool:
    """End an attempt that was refused, in the bank's own words."""
    columns = observing.refusal_columns(connection, attempt, failure)
    state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
    return _end(connection, attempt, fence, state, "Declined.", now, **columns)


def _cleared(attempt: AttemptRow, invoice: Invoice, payer: tuple[Origin, datetime] | None) -> bool:
    """Return whether a bank debit of ours arrived: Stripe says so days later, without our key."""
    if attempt.state is not AttemptState.PROCESSING or not invoice.settled:
        return False
    return payer is None or payer[0].made_by is MadeBy.STRIPE


def _end(
    connection: Connection,
    attempt: AttemptRow,
    fence: int,
    state: AttemptState,
    why: str,
    now: datetime,
    **more: object,
) -> bool:
    return end(connection, attempt.id, fence, state, now, why, **more)


def _tell(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    change: Ended | NotAttempted | Declined,
    now: datetime,
) -> bool:
    steer.steer(connection, house, recovery, change, now=now)
    return True


def _settle(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    invoice: Invoice,
    payer: tuple[Origin, datetime] | None,
    now: datetime,
) -> bool:
    if payer is None:
        why = "The invoice is paid; Stripe's event will say by whom."
        return _tell(connection, house, recovery, NotAttempted(why, now + timedelta(hours=1)), now)
    who, at = payer
    settling.settle(connection, house, recovery, invoice, who, paid_at=invoice.paid_at or at, now=now)
    return True
