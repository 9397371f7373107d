"""Part of what is owed, paid: each part is a payment of the invoice's own, beside the default one."""

from dunning.sandbox import invoice_shapes, money_shapes
from dunning.sandbox.charging import mark_paid, payment_of, write_attempt
from dunning.sandbox.declines import PAID
from dunning.sandbox.events import emit
from dunning.sandbox.standing import recover_standing
from dunning.sandbox.state import Actor, Obj, World


def pay_part(world: World, invoice: Obj, pm: Obj, amount: int, actor: Actor) -> Obj:
    """Let `amount` minor units of an open invoice be paid, and return its payment; the last part settles."""
    left = invoice["amount_remaining"] - amount
    payment, intent, charge = _collect(world, invoice, pm, amount, actor)
    emit(world, "charge.succeeded", charge, actor)
    emit(world, "payment_intent.succeeded", intent, actor)
    emit(world, "invoice_payment.paid", payment, actor)
    if left:
        _await_the_rest(world, invoice, amount, actor)
        return payment
    mark_paid(world, invoice, amount)
    payment_of(world, invoice)[0]["status"] = "canceled"
    emit(world, "invoice.paid", invoice, actor)
    emit(world, "invoice.payment_succeeded", invoice, actor)
    recover_standing(world, invoice, actor)
    return payment


def _collect(world: World, invoice: Obj, pm: Obj, amount: int, actor: Actor) -> tuple[Obj, Obj, Obj]:
    part = invoice | {"amount_due": amount, "created": world.stamp()}
    intent = world.add(invoice_shapes.payment_intent(world, part))
    payment = world.add(invoice_shapes.invoice_payment(world, part, intent))
    charge = world.add(invoice_shapes.charge(world, intent, pm, PAID))
    moved = world.add(money_shapes.balance_transaction(world, "charge", charge, amount))
    charge["balance_transaction"] = moved["id"]
    intent |= {"status": "succeeded", "amount_received": amount, "payment_method": pm["id"]}
    intent["latest_charge"] = charge["id"]
    payment |= {"is_default": False, "status": "paid", "amount_paid": amount}
    payment["status_transitions"] = {"canceled_at": None, "paid_at": world.stamp()}
    world.files[invoice["id"]].parts.append(payment["id"])
    write_attempt(world, invoice | {"amount_remaining": amount}, pm, actor, PAID)
    return payment, intent, charge


def _await_the_rest(world: World, invoice: Obj, amount: int, actor: Actor) -> None:
    before = {name: invoice[name] for name in ("amount_paid", "amount_remaining")}
    invoice["amount_paid"] += amount
    invoice["amount_remaining"] -= amount
    payment, intent = payment_of(world, invoice)
    intent["amount"] = payment["amount_requested"] = invoice["amount_remaining"]
    emit(world, "invoice.updated", invoice, actor, previous=before)
