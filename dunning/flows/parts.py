"""What an invoice took since it failed: at once or in parts, through Stripe or outside it, less credits."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.core.attribution import PaymentFacts, attribute
from dunning.core.billing import Invoice, Payment
from dunning.core.ids import derive_id
from dunning.core.money import Money
from dunning.core.vocabulary import LedgerKind, MadeBy, Reason
from dunning.flows import observing
from dunning.flows.telling import tell
from dunning.store import ledger, objects
from dunning.store.rows import RecoveryRow


def note_parts(connection: Connection, recovery: RecoveryRow, invoice: Invoice, now: datetime) -> None:
    """Enter what was paid of an invoice that is still open; each part once, however often it is seen.

    A part is credited to whoever paid it. What is left stays to be collected, and may be lost.
    """
    if not invoice.open or recovery.closed_at is not None:
        return
    for payment in paid_since_failure(recovery, invoice):
        reason, at = _reason(connection, recovery, payment), payment.paid_at or now
        if enter(connection, recovery, reason, payment.id, payment.amount_paid, at, now, payment.charge):
            paid = Money(payment.amount_paid, recovery.currency)
            left = Money(invoice.amount_remaining, recovery.currency)
            tell(connection, recovery.id, f"{paid} was paid; {left} is still due.", now=now, by="dunning")


def paid_since_failure(recovery: RecoveryRow, invoice: Invoice) -> list[Payment]:
    """Return the payments that count as recovered, newest first; what came before was never at risk.

    `recovery.amount` was unpaid at opening: of it, what is neither due nor credited since was paid.
    """
    left = recovery.amount - _credited_since(recovery, invoice) - invoice.amount_remaining
    counted = []
    for payment in reversed(invoice.settled):
        before = payment.paid_at is not None and payment.paid_at < recovery.failed_at
        if left <= 0 or before:
            break
        counted.append(payment)
        left -= payment.amount_paid
    return counted


def paid_outside(recovery: RecoveryRow, invoice: Invoice) -> int:
    """Return what a paid invoice took outside Stripe since it failed, in minor units."""
    paid = sum(payment.amount_paid for payment in paid_since_failure(recovery, invoice))
    return recovery.amount - _credited_since(recovery, invoice) - paid


def _credited_since(recovery: RecoveryRow, invoice: Invoice) -> int:
    return max(invoice.amount_credited - recovery.credited_before, 0)


def _reason(connection: Connection, recovery: RecoveryRow, payment: Payment) -> Reason:
    """Return whom a part is credited to: never us, and a card that is not saved was typed on a page."""
    card = objects.card(connection, recovery.whose, payment.card_id)
    saved = card is not None and card.customer_id is not None
    return attribute(
        PaymentFacts(
            failed_at=recovery.failed_at,
            made_by=MadeBy.MERCHANT if saved else MadeBy.CUSTOMER,
            first_contact_at=observing.first_contact(connection, recovery),
            card_added_at=card.added_at if card and saved else None,
            card_updated_by_network_at=card.network_updated_at if card else None,
        ),
    )


def enter(
    connection: Connection,
    recovery: RecoveryRow,
    reason: Reason,
    source_id: str,
    amount: int,
    at: datetime,
    now: datetime,
    charge_id: str | None,
) -> bool:
    """Enter recovered minor units, named by Stripe's id of what brought them; return whether that is new."""
    return ledger.append(
        connection,
        {
            "id": derive_id("led", now, recovery.account_id, LedgerKind.RECOVERED, source_id),
            "account_id": recovery.account_id,
            "livemode": recovery.livemode,
            "kind": LedgerKind.RECOVERED,
            "source_id": source_id,
            "recovery_id": recovery.id,
            "invoice_id": recovery.invoice_id,
            "charge_id": charge_id,
            "currency": recovery.currency,
            "amount": amount,
            "reason": reason,
            "at": at,
            "recorded_at": now,
        },
    )
