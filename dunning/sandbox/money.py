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
    made["balance_transaction"] = world.add(money_shapes.balance_transaction(world, "refund", made, -amount))[
        "id"
    ]
    before = {"amount_refunded": charge["amount_refunded"], "refunded": charge["refunded"]}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] >= charge["amount"]
    _write(world, "refund", charge, actor, amount)
    emit(world, "refund.created", made, actor)
    emit(world, "charge.refunded", charge, actor, previous=before)
    return made


def dispute(world: World, charge: Obj, reason: str = "subscription_canceled") -> Obj:
    """Let the cardholder dispute a charge; it is decided 20 days later."""
    made = world.add(money_shapes.dispute(world, charge, reason))
    charge["disputed"] = True
    world.add(money_shapes.balance_transaction(world, "dispute", made, -charge["amount"]))
    _write(world, "dispute", charge, STRIPE, charge["amount"])
    emit(world, "charge.dispute.created", made, STRIPE)
    world.schedule(world.now() + timedelta(days=20), "close_dispute", dispute=made["id"])
    return made


def close_dispute(world: World, dispute: str, *, won: bool | None = None) -> None:
    """Decide a dispute; a won one brings the money back."""
    found = world.tables["disputes"][dispute]
    if found["status"] != "needs_response":
        return
    wins = world.roll(dispute, "verdict") < 0.3 if won is None else won
    found["status"] = "won" if wins else "lost"
    charge = world.tables["charges"][found["charge"]]
    if wins:
        world.add(money_shapes.balance_transaction(world, "dispute", found, found["amount"]))
        _write(world, "dispute_reversal", charge, STRIPE, found["amount"])
    emit(world, "charge.dispute.closed", found, STRIPE, previous={"status": "needs_response"})


def warn_of_fraud(world: World, charge: Obj) -> Obj:
    """Let the network warn that a charge will probably be called fraud."""
    made = world.add(money_shapes.fraud_warning(world, charge))
    emit(world, "radar.early_fraud_warning.created", made, STRIPE)
    return made


def credit(world: World, invoice: Obj, amount: int, actor: Actor, reason: str | None = None) -> Obj:
    """Write a credit note; on an open invoice it lowers, or settles, what is still due."""
    note = world.add(money_shapes.credit_note(world, invoice, amount, reason))
    if invoice["status"] == "open":
        invoice["amount_remaining"] -= amount
        invoice["amount_due"] -= amount
        invoice["pre_payment_credit_notes_amount"] += amount
        payment, intent = payment_of(world, invoice)
        intent["amount"] = payment["amount_requested"] = invoice["amount_remaining"]
    else:
        invoice["post_payment_credit_notes_amount"] += amount
    write_movement(world, "credit_note", invoice, actor, amount=amount)
    emit(world, "credit_note.created", note, actor)
    if invoice["status"] == "open" and invoice["amount_remaining"] == 0:
        mark_paid(world, invoice, invoice["amount_paid"])
        emit(world, "invoice.paid", invoice, actor)
        recover_standing(world, invoice, actor)
    return note


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


def _write(world: World, kind: str, charge: Obj, actor: Actor, amount: int) -> None:
    invoice = invoice_of_charge(world, charge)
    if invoice is not None:
        paid_with = charge["payment_method"]
        write_movement(world, kind, invoice, actor, amount=amount, payment_method=paid_with)
