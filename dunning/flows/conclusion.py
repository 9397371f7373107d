"""Concluding an attempt from a read of its invoice, when its own answer is lost or says nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
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
from dunning.store.rows import RecoveryRow

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
    look = _Look(connection, house, recovery, asked, invoice, now)
    if not _concluded(look, never_executed):
        return False
    if objects.apply_read(connection, recovery.whose, invoice, asked.ticket):
        parts.note_parts(connection, recovery, invoice, now)
    return True


@dataclass(frozen=True)
class _Look:
    """One look at an attempt and its invoice, and what can be concluded from it."""

    connection: Connection
    house: House
    recovery: RecoveryRow
    asked: Asked
    invoice: Invoice
    now: datetime

    @cached_property
    def payer(self) -> tuple[Origin, datetime] | None:
        """Who paid the invoice, and when, as far as is known."""
        return observing.payer_of(self.connection, self.recovery, self.invoice)

    def end(self, state: AttemptState, why: str, **more: object) -> bool:
        """End the attempt; return whether it was still ours to end."""
        return end(self.connection, self.asked.attempt.id, self.asked.fence, state, self.now, why, **more)

    def tell(self, change: Ended | NotAttempted | Declined) -> bool:
        """Tell the recovery what became of the attempt."""
        steer.steer(self.connection, self.house, self.recovery, change, now=self.now)
        return True

    def decline(self, failure: Failure) -> bool:
        """End an attempt that was refused, in the bank's own words."""
        columns = observing.refusal_columns(self.connection, self.asked.attempt, failure)
        state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
        return self.end(state, "Declined.", **columns)

    def meet(self, failure: Failure) -> bool:
        """Tell the recovery of a refusal, with what the refusal says of the card."""
        met = meet_refusal(self.connection, self.recovery, failure)
        steer.steer(self.connection, self.house, met, Declined(), now=self.now)
        return True

    def settle(self, payer: tuple[Origin, datetime] | None) -> bool:
        """Settle the recovery as paid by the payer; where none is known, wait for the event that tells."""
        if payer is None:
            why = "The invoice is paid; Stripe's event will say by whom."
            return self.tell(NotAttempted(why, self.now + timedelta(hours=1)))
        who, at = payer
        paid_at = self.invoice.paid_at or at
        settling.settle(
            self.connection, self.house, self.recovery, self.invoice, who, paid_at=paid_at, now=self.now
        )
        return True


def _concluded(look: _Look, never_executed: str | None) -> bool:
    said, invoice = told.outcome(look.connection, look.asked.attempt), look.invoice
    if said == "failed":
        return _refused(look)
    if invoice.status == "paid":
        return _paid(look, said, never_executed)
    if invoice.status in ENDS:
        ended = look.end(AttemptState.CANCELLED, f"Invoice {invoice.status}.")
        return ended and look.tell(Ended(ENDS[invoice.status]))
    if never_executed is not None:
        ended = look.end(AttemptState.NOT_SENT, never_executed)
        return ended and look.tell(NotAttempted(never_executed, look.now + timedelta(days=1)))
    return _open_still(look)


def _paid(look: _Look, said: str | None, never_executed: str | None) -> bool:
    """End the attempt of a paid invoice: it was ours, or somebody else's, or is not known yet."""
    if never_executed is None and (said == "paid" or _cleared(look)):
        ours = Origin(MadeBy.DUNNING, look.asked.attempt.ordinal), look.now
        return look.end(AttemptState.PAID, "Paid, as Stripe shows.") and look.settle(ours)
    if look.payer is None and never_executed is None:
        return False  # perhaps by this very charge: Stripe's event will say by whom
    return look.end(AttemptState.MOOT, "Settled by someone else.") and look.settle(look.payer)


def _refused(look: _Look) -> bool:
    """End an attempt that the bank refused, as an event tells, whatever became of the invoice since."""
    invoice = look.invoice
    failure = told.refusal(look.connection, look.asked.attempt) or invoice.failure or FORGOTTEN
    if not look.decline(failure):
        return False
    if invoice.status == "paid":
        return look.settle(look.payer)
    if invoice.status in ENDS:
        return look.tell(Ended(ENDS[invoice.status]))
    return look.meet(failure)


def _open_still(look: _Look) -> bool:
    """End an attempt of which no event tells: a debit that bounced, a charge that was never executed."""
    attempt, invoice, now = look.asked.attempt, look.invoice, look.now
    asked_at = attempt.last_asked_at or now
    bounced = attempt.state is AttemptState.PROCESSING and not invoice.processing
    unheard_of = _unheard_of(look)
    ours = bounced or (unheard_of and observing.overdue(look.connection, asked_at, now))
    if invoice.failure is not None and ours:
        return look.decline(invoice.failure) and look.meet(invoice.failure)
    if invoice.processing or unheard_of or now < asked_at + LATE_EFFECTS:
        return False
    why = "Stripe never executed the charge."
    return look.end(AttemptState.NOT_SENT, why) and look.tell(NotAttempted(why))


def _unheard_of(look: _Look) -> bool:
    """Return whether the last refusal is of a charge that we never saw, while Stripe does not collect.

    It may be this very attempt's: the event that names the charge tells; where none comes, it is.
    """
    failure = look.invoice.failure
    if failure is None or failure.charge is None or not look.recovery.taken_over:
        return False
    known = attempts.by_charge(look.connection, look.recovery.whose, failure.charge)
    return known is None and not told.asked_by_another(look.connection, look.asked.attempt, failure)


def _cleared(look: _Look) -> bool:
    """Return whether a bank debit of ours arrived: Stripe says so days later, without our key."""
    if look.asked.attempt.state is not AttemptState.PROCESSING or not look.invoice.settled:
        return False
    return look.payer is None or look.payer[0].made_by is MadeBy.STRIPE
