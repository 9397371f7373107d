"""Payments of a part of an invoice: each is a payment of its own beside the default one."""

from dunning.sandbox import invoice_shapes, money_shapes
from dunning.sandbox.charging import mark_paid, payment_of, write_attempt
from dunning.sandbox.declines import PAID
from dunning.sandbox.events import emit
from dunning.sandbox.standing import recover_standing
from dunning.sandbox.state import Actor, Obj, World


def pay_part(world: World, invoice: Obj, pm: Obj, amount: int, actor: Actor) -> Obj:
    """Let `amount` minor units of an open invoice be paid; what is left stays due.

    Raises:
        ValueError: for more than what is due, or an invoice that is not open.
    """
    if invoice["status"] != "open" or not 0 < amount <= invoice["amount_remaining"]:
        raise ValueError("a part is more than nothing and at most what is due on an open invoice")
    payment, intent = _add_payment(world, invoice, amount)
    write_attempt(world, invoice, pm, actor, PAID, amount=amount)
    charge = _charge(world, intent, pm)
    payment |= {"status": "paid", "amount_paid": amount}
    payment["status_transitions"] = {"canceled_at": None, "paid_at": world.stamp()}
    before = {name: invoice[name] for name in ("amount_paid", "amount_remaining")}
    _lower(world, invoice, amount)
    emit(world, "charge.succeeded", charge, actor)
    emit(world, "payment_intent.succeeded", intent, actor)
    emit(world, "invoice_payment.paid", payment, actor)
    emit(world, "invoice.updated", invoice, actor, previous=before)
    if invoice["amount_remaining"] == 0:
        mark_paid(world, invoice, invoice["amount_paid"])
        emit(world, "invoice.paid", invoice, actor)
        recover_standing(world, invoice, actor)
    return payment


def _add_payment(world: World, invoice: Obj, amount: int) -> tuple[Obj, Obj]:
    part = invoice | {"amount_due": amount, "created": world.stamp()}
    intent = world.add(invoice_shapes.payment_intent(world, part))
    payment = world.add(invoice_shapes.invoice_payment(world, part, intent))
    payment["is_default"] = False
    world.parts_of.setdefault(invoice["id"], []).append(payment["id"])
    return payment, intent


def _charge(world: World, intent: Obj, pm: Obj) -> Obj:
    charge = world.add(invoice_shapes.charge(world, intent, pm, PAID))
    entry = world.add(money_shapes.balance_transaction(world, "charge", charge, charge["amount"]))
    charge["balance_transaction"] = entry["id"]
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "payment_method": pm["id"],
        "latest_charge": charge["id"],
    }
    return charge


def _lower(world: World, invoice: Obj, amount: int) -> None:
    """Take a part from what is due, and from what the default payment asks for."""
    invoice["amount_paid"] += amount
    invoice["amount_remaining"] -= amount
    payment, intent = payment_of(world, invoice)
    intent["amount"] = payment["amount_requested"] = invoice["amount_remaining"]
