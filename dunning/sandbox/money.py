"""Money that goes back: refunds, disputes, credit notes and fraud warnings."""

from datetime import timedelta

from dunning.sandbox import money_shapes
from dunning.sandbox.billing import write_movement
from dunning.sandbox.charging import invoice_payment_id, mark_paid, payment_of
from dunning.sandbox.events import emit
from dunning.sandbox.standing import recover_standing
from dunning.sandbox.state import STRIPE, Actor, Obj, World


def invoice_of_charge(world: World, charge: Obj) -> Obj | None:
    """Return the invoice that a charge tried to pay."""
    intent = world.get(charge["payment_intent"])
    return world.get(intent["payment_details"]["order_reference"]) if intent else None


def refund(world: World, charge: Obj, amount: int, actor: Actor, reason: str | None = None) -> Obj:
    """Refund `amount` minor units of a charge."""
    made = world.add(money_shapes.refund(world, charge, amount, reason))
    moved = world.add(money_shapes.balance_transaction(world, "refund", made, -amount))
    made["balance_transaction"] = moved["id"]
    before = _refunded(charge, amount)
    _write(world, "refund", charge, actor, amount)
    emit(world, "refund.created", made, actor)
    emit(world, "charge.refunded", charge, actor, previous=before)
    return made


def _refunded(charge: Obj, amount: int) -> Obj:
    """Add to what a charge gave back (or take from it) and return the fields as they were."""
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    return before


def fail_refund(world: World, refund: str, reason: str = "expired_or_canceled_card") -> None:
    """Let a refund come back: the customer's bank did not take it."""
    found = world.tables["refunds"][refund]
    if found["status"] == "failed":
        return
    charge = world.tables["charges"][found["charge"]]
    moved = world.add(money_shapes.balance_transaction(world, "refund_failure", found, found["amount"]))
    before = {"status": found["status"]}
    found |= {"status": "failed", "failure_reason": reason, "failure_balance_transaction": moved["id"]}
    _refunded(charge, -found["amount"])
    _write(world, "refund_failure", charge, STRIPE, found["amount"])
    emit(world, "refund.updated", found, STRIPE, previous=before)
    emit(world, "refund.failed", found, STRIPE)


def fail_late(world: World, charge: Obj) -> None:
    """Let a payment that had succeeded fail after all: the money goes, and no dispute tells of it.

    Source: https://docs.stripe.com/reports/balance-transaction-types (payment_failure_refund)
    """
    if charge["status"] != "succeeded":
        return
    kind = "payment_failure_refund"
    moved = world.add(money_shapes.balance_transaction(world, kind, charge, -charge["amount"]))
    charge |= {"status": "failed", "paid": False, "failure_balance_transaction": moved["id"]}
    _write(world, "late_failure", charge, STRIPE, charge["amount"])
    emit(world, "charge.failed", charge, STRIPE)


def dispute(
    world: World,
    charge: Obj,
    reason: str = "subscription_canceled",
    *,
    amount: int | None = None,
    inquiry: bool = False,
    code: str | None = None,
) -> Obj:
    """Let the cardholder, or their bank (`code` is its return code), dispute a charge, or ask about it.

    It is decided 20 days later. An inquiry takes no money.
    """
    made = world.add(money_shapes.dispute(world, charge, reason, amount or charge["amount"]))
    charge["disputed"] = True
    if inquiry:
        made["status"], made["is_charge_refundable"] = "warning_needs_response", True
    else:
        _take(world, made, charge, code)
    emit(world, "charge.dispute.created", made, STRIPE)
    if not inquiry:
        emit(world, "charge.dispute.funds_withdrawn", made, STRIPE)
    world.schedule(world.now() + timedelta(days=20), "close_dispute", dispute=made["id"])
    return made


def _take(world: World, dispute: Obj, charge: Obj, code: str | None = None) -> None:
    moved = world.add(money_shapes.balance_transaction(world, "dispute", dispute, -dispute["amount"]))
    dispute["balance_transactions"] = [*dispute["balance_transactions"], moved]
    _write(world, "dispute", charge, STRIPE, dispute["amount"], code)


def escalate(world: World, dispute: str) -> None:
    """Let an inquiry become a dispute: now the money goes."""
    found = world.tables["disputes"][dispute]
    if found["status"] != "warning_needs_response":
        return
    found["status"], found["is_charge_refundable"] = "needs_response", False
    _take(world, found, world.tables["charges"][found["charge"]])
    emit(world, "charge.dispute.funds_withdrawn", found, STRIPE)
    emit(world, "charge.dispute.updated", found, STRIPE, previous={"status": "warning_needs_response"})


def close_dispute(world: World, dispute: str, *, won: bool | None = None) -> None:
    """Decide a dispute; a won one brings the money back, an inquiry just ends."""
    found = world.tables["disputes"][dispute]
    before = {"status": found["status"]}
    if found["status"] not in {"needs_response", "warning_needs_response"}:
        return
    inquiry = found["status"] == "warning_needs_response"
    wins = world.roll(dispute, "verdict") < 0.3 if won is None else won
    found["status"] = "warning_closed" if inquiry else "won" if wins else "lost"
    charge = world.tables["charges"][found["charge"]]
    if found["status"] == "won":
        moved = world.add(money_shapes.balance_transaction(world, "dispute_reversal", found, found["amount"]))
        found["balance_transactions"] = [*found["balance_transactions"], moved]
        _write(world, "dispute_reversal", charge, STRIPE, found["amount"])
        emit(world, "charge.dispute.funds_reinstated", found, STRIPE)
    emit(world, "charge.dispute.closed", found, STRIPE, previous=before)


def warn_of_fraud(world: World, charge: Obj) -> Obj:
    """Let the network warn that a charge will probably be called fraud."""
    made = world.add(money_shapes.fraud_warning(world, charge))
    emit(world, "radar.early_fraud_warning.created", made, STRIPE)
    return made


def credit(
    world: World, invoice: Obj, amount: int, actor: Actor, reason: str | None = None, refunds: int = 0
) -> Obj:
    """Write a credit note; on an open invoice it lowers, or settles, what is still due.

    On a paid one `refunds` minor units of it go back to the card, and the rest to the customer's balance.
    """
    note = world.add(money_shapes.credit_note(world, invoice, amount, reason))
    if invoice["status"] == "open":
        _lower(world, invoice, amount)
    else:
        invoice["post_payment_credit_notes_amount"] += amount
        _give_back(world, invoice, note, refunds, actor)
    if amount > refunds:
        write_movement(world, "credit_note", invoice, actor, amount=amount - refunds)
    emit(world, "credit_note.created", note, actor)
    if invoice["status"] == "open" and invoice["amount_remaining"] == 0:
        mark_paid(world, invoice, invoice["amount_paid"])
        emit(world, "invoice.paid", invoice, actor)
        recover_standing(world, invoice, actor)
    return note


def _lower(world: World, invoice: Obj, amount: int) -> None:
    invoice["amount_remaining"] -= amount
    invoice["amount_due"] -= amount
    invoice["pre_payment_credit_notes_amount"] += amount
    payment, intent = payment_of(world, invoice)
    intent["amount"] = payment["amount_requested"] = invoice["amount_remaining"]


def _give_back(world: World, invoice: Obj, note: Obj, amount: int, actor: Actor) -> None:
    charge = world.get(payment_of(world, invoice)[1]["latest_charge"])
    if not amount or charge is None:
        return
    made = refund(world, charge, amount, actor)
    note["refunds"] = [{"amount_refunded": amount, "refund": made["id"], "type": "refund"}]


def void_credit_note(world: World, note: Obj, actor: Actor) -> None:
    """Void a credit note written after payment, or before it while the invoice is open."""
    invoice = world.tables["invoices"][note["invoice"]]
    if note["type"] == "pre_payment":
        _lower(world, invoice, -note["amount"])
    else:
        invoice["post_payment_credit_notes_amount"] -= note["amount"]
    note |= {"status": "void", "voided_at": world.stamp()}
    kept = sum(one["amount_refunded"] for one in note["refunds"])
    if note["amount"] > kept:
        write_movement(world, "credit_note_void", invoice, actor, amount=note["amount"] - kept)
    emit(world, "credit_note.voided", note, actor)


def pay_out_of_band(world: World, invoice: Obj, actor: Actor) -> None:
    """Mark an invoice paid by money that Stripe never saw."""
    amount = invoice["amount_remaining"]
    failed = world.files[invoice["id"]].failed_at is not None
    write_movement(
        world,
        "out_of_band",
        invoice,
        actor,
        amount=amount,
        outcome="paid",
        credited_to="out_of_band" if failed else None,
    )
    mark_paid(world, invoice, invoice["amount_paid"] + amount)
    invoice["amount_paid_off_stripe"] = amount
    payment = world.tables["invoice_payments"][invoice_payment_id(invoice)]
    payment["status"] = "canceled"
    emit(world, "invoice.paid", invoice, actor)
    recover_standing(world, invoice, actor)


def _write(world: World, kind: str, charge: Obj, actor: Actor, amount: int, code: str | None = None) -> None:
    invoice = invoice_of_charge(world, charge)
    if invoice is not None:
        how = {"payment_method": charge["payment_method"], "decline_code": code}
        write_movement(world, kind, invoice, actor, amount=amount, **how)
