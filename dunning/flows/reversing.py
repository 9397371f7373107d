"""What is taken from money counted as recovered, or comes back to it: refunds, disputes, credit notes.

A reversal is a new row of the ledger, named by Stripe's own id of what moved the money.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dunning.core.effects import Effect
from dunning.core.ids import derive_id
from dunning.core.vocabulary import LedgerKind
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import instant
from dunning.store import ledger
from dunning.store.rows import EventRow


@dataclass(frozen=True, slots=True)
class Reversal:
    """What an event does to recovered money: `amount` is signed, in minor units."""

    kind: LedgerKind
    amount: int
    source_id: str


def reverse(
    connection: Connection,
    effect: Effect,
    event: EventRow,
    found: dict[str, Any],
    now: datetime,
) -> None:
    """Enter what the event takes from a payment counted as recovered; nothing where there is none."""
    reversals = [one for one in _reversals(effect, found) if one.amount != 0]
    if not reversals:
        return
    charge_id, invoice_id = object_id(found.get("charge")), object_id(found.get("invoice"))
    entry = ledger.recovered(connection, event.whose, charge_id=charge_id, invoice_id=invoice_id)
    if entry is None:
        return
    for reversal in reversals:
        ledger.append(
            connection,
            {
                "id": derive_id("led", now, event.account_id, reversal.kind, reversal.source_id),
                "account_id": event.account_id,
                "livemode": event.livemode,
                "kind": reversal.kind,
                "source_id": reversal.source_id,
                "recovery_id": entry.recovery_id,
                "invoice_id": entry.invoice_id,
                "charge_id": charge_id,
                "currency": entry.currency,
                "amount": reversal.amount,
                "at": event.created_at or instant(dig(found, "created")) or now,
                "recorded_at": now,
            },
        )


def _reversals(effect: Effect, found: dict[str, Any]) -> list[Reversal]:
    amount, source = int(found.get("amount") or 0), str(found.get("id"))
    match effect:
        case Effect.REFUNDED:
            return [Reversal(LedgerKind.REFUND, -amount, source)]
        case Effect.REFUND_FAILED:
            return [Reversal(LedgerKind.REFUND, amount, f"{source}:failed")]
        case Effect.DISPUTED | Effect.DISPUTE_CLOSED:
            return _disputed(str(found.get("status")), amount, source)
        case Effect.CREDITED:
            return [Reversal(LedgerKind.CREDIT_NOTE, -_credited(found), source)]
        case Effect.CREDIT_VOIDED:
            return [Reversal(LedgerKind.CREDIT_NOTE, _credited(found), f"{source}:voided")]
        case _:
            return []


def _disputed(status: str, amount: int, source: str) -> list[Reversal]:
    """Return what a dispute moves. An inquiry moves nothing, until it becomes a dispute: its end says so.

    Source: https://docs.stripe.com/api/disputes/object (status: warning_* is an inquiry)
    """
    if status.startswith("warning_"):
        return []
    taken = Reversal(LedgerKind.DISPUTE, -amount, source)  # entered once, whichever event comes first
    given_back = Reversal(LedgerKind.DISPUTE_REVERSAL, amount, source)
    return [taken, given_back] if status == "won" else [taken]


def _credited(note: dict[str, Any]) -> int:
    """Return what a credit note takes from money already paid, less what its refunds tell by themselves.

    Source: https://docs.stripe.com/api/credit_notes/object (post_payment_amount, refunds)
    """
    refunded = sum(int(refund.get("amount_refunded") or 0) for refund in note.get("refunds") or ())
    return int(note.get("post_payment_amount") or 0) - refunded
