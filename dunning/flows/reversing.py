"""What is taken from money counted as recovered, or comes back to it: refunds, disputes, credit notes.

A reversal is a new row of the ledger, named by Stripe's own id of what moved the money.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.effects import Effect
from dunning.core.ids import derive_id
from dunning.core.vocabulary import LedgerKind
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import instant
from dunning.store import ledger
from dunning.store.rows import EventRow

CAME_BACK: Final = frozenset({"failed", "canceled"})  # a refund that never reached the customer


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


def told_about(found: dict[str, Any]) -> str:
    """Return what an object that had to be asked for is about; its event is found again by these words."""
    names = (object_id(found.get(name)) for name in ("charge", "invoice"))
    return f"About {', '.join(filter(None, names)) or 'nothing of ours'}."


def _reversals(effect: Effect, found: dict[str, Any]) -> list[Reversal]:
    amount, source = int(found.get("amount") or 0), str(found.get("id"))
    match effect:
        case Effect.REFUNDED:
            return [Reversal(LedgerKind.REFUND, -amount, source)]
        case Effect.REFUND_FAILED:
            came_back = found.get("status") in CAME_BACK
            return [Reversal(LedgerKind.REFUND, amount, f"{source}:failed")] if came_back else []
        case Effect.DISPUTED | Effect.DISPUTE_MOVED:
            return _disputed(found, amount, source)
        case Effect.CREDITED:
            return [Reversal(LedgerKind.CREDIT_NOTE, -_credited(found), source)]
        case Effect.CREDIT_VOIDED:
            return [Reversal(LedgerKind.CREDIT_NOTE, _credited(found), f"{source}:voided")]
        case _:
            return []


def _disputed(found: dict[str, Any], amount: int, source: str) -> list[Reversal]:
    """Return what a dispute has moved so far: its balance transactions tell, else its status.

    An inquiry moves nothing. A dispute that is won moves money back only when Stripe reinstates the funds.
    Source: https://docs.stripe.com/api/disputes/object (balance_transactions; warning_* is an inquiry)
    """
    moved = [int(dig(one, "amount") or 0) for one in found.get("balance_transactions") or ()]
    status = str(found.get("status"))
    taken = Reversal(LedgerKind.DISPUTE, -amount, source)  # entered once, whichever event comes first
    given_back = Reversal(LedgerKind.DISPUTE_REVERSAL, amount, source)
    if not moved:
        return [] if status.startswith("warning_") else [taken, given_back] if status == "won" else [taken]
    signs = {one > 0 for one in moved if one != 0}
    return [*([taken] if False in signs or True in signs else []), *([given_back] if True in signs else [])]


def _credited(note: dict[str, Any]) -> int:
    """Return what a credit note takes from money already paid, less what its refunds tell by themselves.

    Source: https://docs.stripe.com/api/credit_notes/object (post_payment_amount, refunds)
    """
    refunded = sum(int(refund.get("amount_refunded") or 0) for refund in note.get("refunds") or ())
    return int(note.get("post_payment_amount") or 0) - refunded
