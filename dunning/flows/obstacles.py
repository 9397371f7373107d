"""What may stand between a claimed attempt and its charge, asked once more just before it is frozen."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Invoice
from dunning.core.changes import NotAttempted
from dunning.core.two_collectors import stripes_turn
from dunning.core.vocabulary import AttemptState, MadeBy, Retries, Status
from dunning.flows.card_limits import card_obstacle
from dunning.store import switches
from dunning.store.rows import RecoveryRow

KILL_SWITCH_POLL: Final = timedelta(minutes=5)


def obstacle(
    connection: Connection,
    recovery: RecoveryRow,
    invoice: Invoice,
    made_by: MadeBy,
    now: datetime,
) -> tuple[AttemptState, NotAttempted] | None:
    """Return why the invoice must not be charged now, with the end that this gives the attempt."""
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
    if switches.read(connection, recovery.segment).paused:
        return AttemptState.CANCELLED, NotAttempted("The kill switch is on.", now + KILL_SWITCH_POLL)
    if invoice.processing:
        wait = now + timedelta(days=1)
        return AttemptState.NOT_SENT, NotAttempted("A payment of the invoice is under way.", wait)
    theirs = stripes_turn(
        recovery.retries,
        auto_advance=invoice.auto_advance,
        stripe_next=invoice.next_payment_attempt,
        contradicted_at=recovery.contradicted_at,
        now=now,
    )
    if theirs is not None:
        return AttemptState.CANCELLED, theirs
    card = card_obstacle(connection, recovery, made_by, now)
    return None if card is None else (AttemptState.CANCELLED, card)


def why_unwanted(recovery: RecoveryRow) -> str | None:
    """Return why an attempt that was claimed is not wanted any more, or None while it is."""
    if recovery.retries is Retries.WATCH:
        return "Retries were set to watch meanwhile."
    if recovery.status is not Status.ATTEMPTING:
        return f"The recovery is {recovery.status} meanwhile."
    return None
