"""What may stand between a claimed attempt and its charge, asked once more just before it is frozen."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Invoice
from dunning.core.changes import NotAttempted
from dunning.core.vocabulary import AttemptState, MadeBy, Retries, Status
from dunning.flows.card_limits import card_obstacle
from dunning.store import switches
from dunning.store.rows import RecoveryRow

KILL_SWITCH_POLL: Final = timedelta(minutes=5)
STRIPE_TOO_NEAR: Final = timedelta(hours=6)


def obstacle(
    connection: Connection,
    recovery: RecoveryRow,
    invoice: Invoice,
    made_by: MadeBy,
    now: datetime,
) -> tuple[AttemptState, NotAttempted] | None:
    """Return why the invoice must not be charged now, with the end that this gives the attempt."""
    stripe_next = invoice.next_payment_attempt
    if invoice.status == "paid":
        return AttemptState.MOOT, NotAttempted("The invoice was paid meanwhile.", now + timedelta(hours=1))
    if not invoice.open:
        return AttemptState.CANCELLED, NotAttempted(f"The invoice is {invoice.status}.")
    unwanted = why_unwanted(recovery)
    if unwanted is not None:
        return AttemptState.CANCELLED, NotAttempted(unwanted)
    if invoice.collection_method == "send_invoice":
        wait = now + timedelta(days=1)
        return AttemptState.CANCELLED, NotAttempted("The customer now pays by an invoice that is sent.", wait)
    if switches.read(connection).paused:
        return AttemptState.CANCELLED, NotAttempted("The kill switch is on.", now + KILL_SWITCH_POLL)
    if invoice.processing:
        wait = now + timedelta(days=1)
        return AttemptState.NOT_SENT, NotAttempted("A payment of the invoice is under way.", wait)
    if recovery.retries is Retries.OWN and invoice.auto_advance:
        wait = now + timedelta(minutes=10)
        return AttemptState.NOT_SENT, NotAttempted("Stripe still collects this invoice itself.", wait)
    if stripe_next is not None and abs(stripe_next - now) < STRIPE_TOO_NEAR:
        wait = stripe_next + STRIPE_TOO_NEAR
        return AttemptState.CANCELLED, NotAttempted("Stripe's own retry is too near.", wait)
    card = card_obstacle(connection, recovery, made_by, now)
    return None if card is None else (AttemptState.CANCELLED, card)


def why_unwanted(recovery: RecoveryRow) -> str | None:
    """Return why an attempt that was claimed is not wanted any more, or None while it is."""
    if recovery.retries is Retries.WATCH:
        return "Retries were set to watch meanwhile."
    if recovery.status is not Status.ATTEMPTING:
        return f"The recovery is {recovery.status} meanwhile."
    return None
