"""A contradiction: the invoice is ours alone to collect, and Stripe collects it all the same.

Somebody turned its automatic collection on again, in the Dashboard or through the API. Nothing is charged
until it is mended: the invoice is taken from Stripe again, unless whoever turns it on will not stop.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Invoice
from dunning.core.ids import derive_id
from dunning.core.two_collectors import NOT_MENDED, contradicts
from dunning.store import queue_items, recoveries
from dunning.store.rows import RecoveryRow

KIND: Final = "contradiction"
A_DAY: Final = timedelta(days=1)
MOST_MENDED_A_DAY: Final = 5  # then it is a program that turns it on, and a person must find it
TAKEN_BACK: Final = "Somebody let Stripe collect this invoice again; it is taken back before any charge."
LEFT: Final = (
    "Stripe collects this invoice, however often it is taken back: we charge nothing until that ends."
)

log = logs.get(__name__)


def notice(connection: Connection, recovery: RecoveryRow, invoice: Invoice, now: datetime) -> None:
    """Compare an invoice as just read with whose it is; the recovery and its invoice are held."""
    if recovery.closed_at is not None or not recovery.taken_over:
        return
    found = invoice.open and contradicts(
        recovery.retries,
        auto_advance=invoice.auto_advance,
        stripe_next=invoice.next_payment_attempt,
        now=now,
    )
    if found:
        _mend(connection, recovery, now)
    elif recovery.contradicted_at is not None:
        recoveries.change(connection, recovery.id, contradicted_at=None)
        queue_items.ring(connection, [recovery.id], now)


def _mend(connection: Connection, recovery: RecoveryRow, now: datetime) -> None:
    """Take the invoice back from Stripe, which is always safe, while that has a chance to last."""
    since = recovery.contradicted_at or now
    queue_items.ring(connection, [recovery.id], now)
    log.error("contradiction", recovery_id=recovery.id, invoice_id=recovery.invoice_id)
    if recoveries.count_notes(connection, recovery.id, KIND, since=now - A_DAY) < MOST_MENDED_A_DAY:
        recoveries.change(connection, recovery.id, contradicted_at=since, taken_over=False, ring_at=now)
        _note(connection, recovery, now, TAKEN_BACK)
    elif recovery.contradicted_at is None:
        look_again = now + NOT_MENDED
        recoveries.change(connection, recovery.id, contradicted_at=since, ring_at=look_again)
        _note(connection, recovery, now, LEFT)


def _note(connection: Connection, recovery: RecoveryRow, now: datetime, sentence: str) -> None:
    count = recoveries.count_notes(connection, recovery.id)
    note_id = f"{derive_id('note', now, recovery.id)}{count:05d}"
    recoveries.note(connection, note_id, recovery.id, at=now, by="Stripe", kind=KIND, sentence=sentence)
