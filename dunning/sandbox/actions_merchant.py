"""The merchant: what somebody does in the Dashboard or over the API."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from dunning.sandbox import billing, charging, money, standing
from dunning.sandbox.action import action
from dunning.sandbox.events import emit
from dunning.sandbox.options import Amount, CustomerId, Hours, InvoiceId, Refers
from dunning.sandbox.state import Actor, Obj, World

if TYPE_CHECKING:
    from dunning.sandbox.world import Sandbox

CreditNoteId = Annotated[str, Refers("credit_note")]


@dataclass(frozen=True, slots=True)
class _Invoice:
    invoice: Annotated[InvoiceId, "which; it has to be open"]


@dataclass(frozen=True, slots=True)
class _Customer:
    customer: Annotated[CustomerId, "who"]


@dataclass(frozen=True, slots=True)
class _Refund:
    invoice: Annotated[InvoiceId, "which; it has to be paid by a charge"]
    amount: Annotated[Amount | None, "minor units; none: all that is left"] = None
    fails_after_hours: Annotated[Hours | None, "when the refund comes back; none: never"] = None


@dataclass(frozen=True, slots=True)
class _Credit:
    invoice: Annotated[InvoiceId, "which; open or paid"]
    amount: Annotated[Amount, "minor units"]
    reason: Annotated[
        Literal["duplicate", "fraudulent", "order_change", "product_unsatisfactory"] | None, "why"
    ] = None
    refund: Annotated[Amount | None, "how much of it goes back to the card of a paid invoice"] = None


@dataclass(frozen=True, slots=True)
class _Note:
    credit_note: Annotated[CreditNoteId, "which"]


def _open(sandbox: "Sandbox", invoice_id: str) -> tuple[World, Obj]:
    world, invoice = sandbox.accounts.holding(invoice_id)
    if invoice["status"] != "open":
        raise ValueError(f"the invoice is {invoice['status']}, not open")
    return world, invoice


def _merchant(world: World) -> Actor:
    return Actor("merchant", world.new_id("req"))


@action(takes=_Invoice)
def charge(sandbox: "Sandbox", asked: _Invoice) -> Obj:
    """Charge the customer's usual card, as "Charge customer" in the Dashboard does."""
    with sandbox.world.lock:
        world, invoice = _open(sandbox, asked.invoice)
        pm = charging.usable_card(world, invoice)
        if pm is None or charging.payment_of(world, invoice)[1]["status"] == "processing":
            raise ValueError("there is no card to charge, or a payment is still processing")
        verdict, _ = charging.attempt(world, invoice, pm, _merchant(world))
        return {"outcome": verdict.outcome}


@action(takes=_Invoice)
def void(sandbox: "Sandbox", asked: _Invoice) -> Obj:
    """Void an open invoice, which cannot be undone."""
    with sandbox.world.lock:
        world, invoice = _open(sandbox, asked.invoice)
        billing.void(world, invoice, _merchant(world))
        return {"status": invoice["status"]}


@action(takes=_Invoice)
def write_off(sandbox: "Sandbox", asked: _Invoice) -> Obj:
    """Mark an open invoice uncollectible; it can still be paid."""
    with sandbox.world.lock:
        world, invoice = _open(sandbox, asked.invoice)
        billing.write_off(world, invoice, _merchant(world), "user_forgiven")
        return {"status": invoice["status"]}


@action(takes=_Invoice)
def pay_out_of_band(sandbox: "Sandbox", asked: _Invoice) -> Obj:
    """Mark an open invoice as paid by money that Stripe never saw."""
    with sandbox.world.lock:
        world, invoice = _open(sandbox, asked.invoice)
        money.pay_out_of_band(world, invoice, _merchant(world))
        return {"status": invoice["status"]}


@action(takes=_Customer)
def cancel(sandbox: "Sandbox", asked: _Customer) -> Obj:
    """Cancel the customer's subscriptions at once."""
    with sandbox.world.lock:
        world, owner = sandbox.accounts.holding(asked.customer)
        owned = [one for one in world.tables["subscriptions"].values() if one["customer"] == owner["id"]]
        for subscription in owned:
            standing.cancel_subscription(world, subscription, _merchant(world), "cancellation_requested")
        return {"cancelled": len(owned)}


@action(takes=_Customer)
def delete_customer(sandbox: "Sandbox", asked: _Customer) -> Obj:
    """Delete a customer, which cancels their subscriptions."""
    with sandbox.world.lock:
        cancel(sandbox, {"customer": asked.customer})
        world, owner = sandbox.accounts.holding(asked.customer)
        emit(world, "customer.deleted", owner, _merchant(world))
        world.deleted.add(owner["id"])
        return {"deleted": True}


@action(takes=_Refund, gives="refund")
def refund(sandbox: "Sandbox", asked: _Refund) -> Obj:
    """Refund the charge that paid an invoice, wholly or in part."""
    with sandbox.world.lock:
        world, paid = charge_of(sandbox, asked.invoice)
        left = paid["amount"] - paid["amount_refunded"]
        amount = asked.amount or left
        if not 0 < amount <= left:
            raise ValueError(f"{left} of this charge are left to refund")
        made = money.refund(world, paid, amount, _merchant(world))
        if asked.fails_after_hours is not None:
            at = world.now() + timedelta(hours=asked.fails_after_hours)
            world.schedule(at, "fail_refund", refund=made["id"])
        return {"refund": made["id"]}


def charge_of(sandbox: "Sandbox", invoice_id: str) -> tuple[World, Obj]:
    """Return the charge that paid an invoice, and whose it is.

    Raises:
        ValueError: if it was not paid by a charge.
    """
    world, invoice = sandbox.accounts.holding(invoice_id)
    found = world.get(charge_id(world, invoice))
    if found is None or found["status"] != "succeeded":
        raise ValueError("this invoice was not paid by a charge")
    return world, found


def charge_id(world: World, invoice: Obj) -> str | None:
    """Return the last charge of an invoice's default payment; None while it is a draft."""
    if invoice["status"] == "draft":
        return None
    latest: str | None = charging.payment_of(world, invoice)[1]["latest_charge"]
    return latest


@action(takes=_Credit, gives="credit_note")
def credit(sandbox: "Sandbox", asked: _Credit) -> Obj:
    """Write a credit note: before payment it lowers what is due, after it something is given back."""
    with sandbox.world.lock:
        world, invoice = sandbox.accounts.holding(asked.invoice)
        limit = invoice["amount_remaining"] if invoice["status"] == "open" else invoice["amount_paid"]
        if asked.amount > limit or (asked.refund or 0) > asked.amount:
            raise ValueError(f"amount = {asked.amount} does not fit: the invoice still bears {limit}")
        if asked.refund and invoice["status"] == "paid":
            charge_of(sandbox, asked.invoice)
        made = money.credit(world, invoice, asked.amount, _merchant(world), asked.reason, asked.refund or 0)
        return {"credit_note": made["id"]}


@action(takes=_Note)
def void_credit(sandbox: "Sandbox", asked: _Note) -> Obj:
    """Void a credit note."""
    with sandbox.world.lock:
        world, note = sandbox.accounts.holding(asked.credit_note)
        money.void_credit_note(world, note, _merchant(world))
        return {"status": note["status"]}
