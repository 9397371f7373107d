"""The billing engine: a new invoice each month, its first charge, and Stripe's own retries."""

import calendar
from datetime import datetime

from dunning.sandbox import invoice_shapes
from dunning.sandbox.charging import (
    attempt,
    invoice_payment_id,
    payment_of,
    settle,
    subscription_of,
    usable_card,
    write_attempt,
)
from dunning.sandbox.declines import PAID
from dunning.sandbox.events import emit
from dunning.sandbox.fate import foresee
from dunning.sandbox.retries import is_due, plan_next, stripe_would_send
from dunning.sandbox.standing import cancel_subscription, fall_behind, recover_standing, stop_service
from dunning.sandbox.state import STRIPE, Actor, InvoiceFile, Obj, World
from dunning.sandbox.troubles import strike


def next_month(at: datetime, day: int) -> datetime:
    """Return the same time a month later, on `day` or the month's last day."""
    year, month = (at.year + at.month // 12, at.month % 12 + 1)
    return at.replace(year=year, month=month, day=min(day, calendar.monthrange(year, month)[1]))


def bill(world: World, subscription_id: str, day: int, *, again: bool = True) -> None:
    """Bill one subscription for the month that begins now, charge it, and plan the next month if `again`."""
    subscription = world.tables["subscriptions"].get(subscription_id)
    if subscription is None or subscription["status"] == "canceled":
        return
    following = next_month(world.now(), day)
    if again and (world.bill_until is None or following <= world.bill_until):
        world.schedule(following, "bill", subscription_id=subscription_id, day=day)
    item = subscription["items"]["data"][0]
    item["current_period_start"], item["current_period_end"] = world.stamp(), int(following.timestamp())
    owner = world.tables["customers"][subscription["customer"]]
    if subscription["status"] == "unpaid" or _keeps_drafts(subscription):
        begin_draft(world, owner, subscription, amount=item["price"]["unit_amount"])
        return
    if subscription["pause_collection"]:
        return
    invoice = open_invoice(world, owner, subscription, amount=item["price"]["unit_amount"])
    first_charge(world, invoice)


def _keeps_drafts(subscription: Obj) -> bool:
    return (subscription["pause_collection"] or {}).get("behavior") == "keep_as_draft"


def open_invoice(
    world: World, owner: Obj, subscription: Obj | None, *, amount: int, reason: str = "subscription_cycle"
) -> Obj:
    """Create and finalize an invoice with its default payment; `amount` in minor units."""
    invoice = _new_invoice(world, owner, subscription, amount=amount, reason=reason)
    _make_payable(world, invoice)
    if subscription:
        subscription["latest_invoice"] = invoice["id"]
    emit(world, "invoice.created", invoice, STRIPE)
    emit(world, "invoice.finalized", invoice, STRIPE)
    return invoice


def begin_draft(
    world: World,
    owner: Obj,
    subscription: Obj | None,
    *,
    amount: int,
    reason: str = "subscription_cycle",
    auto_advance: bool = False,
) -> Obj:
    """Create an invoice that stays a draft until it is finalized; `amount` in minor units."""
    invoice = _new_invoice(world, owner, subscription, amount=amount, reason=reason)
    owner["next_invoice_sequence"] -= 1
    unset = ("number", "hosted_invoice_url", "invoice_pdf", "effective_at")
    invoice |= {"status": "draft", "auto_advance": auto_advance, **dict.fromkeys(unset)}
    invoice["status_transitions"] = invoice["status_transitions"] | {"finalized_at": None}
    if subscription:
        subscription["latest_invoice"] = invoice["id"]
    emit(world, "invoice.created", invoice, STRIPE)
    return invoice


def finalize(world: World, invoice: Obj, actor: Actor, *, auto_advance: bool) -> None:
    """Make a draft final; with `auto_advance` Stripe charges it as soon as the agenda is played."""
    owner = world.tables["customers"][invoice["customer"]]
    sequence = owner["next_invoice_sequence"]
    owner["next_invoice_sequence"] = sequence + 1
    url = f"{world.base_url}/invoice/{invoice['id']}"
    invoice |= {
        "status": "open",
        "auto_advance": auto_advance,
        "number": f"{owner['invoice_prefix']}-{sequence:04d}",
        "hosted_invoice_url": url,
        "invoice_pdf": f"{url}/pdf",
        "effective_at": world.stamp(),
    }
    invoice["status_transitions"] = invoice["status_transitions"] | {"finalized_at": world.stamp()}
    _make_payable(world, invoice)
    emit(world, "invoice.finalized", invoice, actor)
    if auto_advance:
        world.schedule(world.now(), "first_charge", invoice=invoice["id"])


def charge_finalized(world: World, invoice: str) -> None:
    """Play the first charge of a draft that was finalized, if it is still open."""
    found = world.tables["invoices"][invoice]
    if found["status"] == "open" and found["auto_advance"] and not found["attempted"]:
        first_charge(world, found)


def _new_invoice(world: World, owner: Obj, subscription: Obj | None, *, amount: int, reason: str) -> Obj:
    item = subscription["items"]["data"][0] if subscription else None
    now = world.stamp()
    invoice = world.add(
        invoice_shapes.invoice(
            world,
            owner,
            subscription,
            amount=amount,
            currency=owner["currency"],
            period=(now, item["current_period_end"]) if item else (now, now),
            reason=reason if subscription else "manual",
        )
    )
    world.invoices_of.setdefault(owner["id"], []).append(invoice["id"])
    return invoice


def _make_payable(world: World, invoice: Obj) -> None:
    intent = world.add(invoice_shapes.payment_intent(world, invoice))
    payment = invoice_shapes.invoice_payment(world, invoice, intent)
    payment["id"] = invoice_payment_id(invoice)
    world.add(payment)
    world.files[invoice["id"]] = InvoiceFile()


def first_charge(world: World, invoice: Obj) -> None:
    """Make the automatic first charge; trouble with the card begins here or not at all."""
    pm = usable_card(world, invoice)
    if pm is None:
        invoice |= {"attempted": True, "attempt_count": 1}
        world.files[invoice["id"]].failed_at = world.now()
        emit(world, "invoice.payment_failed", invoice, STRIPE)
        fall_behind(world, invoice, STRIPE)
        return
    strike(world, invoice, pm)
    attempt(world, invoice, pm, STRIPE, automatic=True)
    foresee(world, invoice)


def retry(world: World, invoice: str) -> None:
    """Play one of Stripe's own retries, if it still stands."""
    found = world.tables["invoices"][invoice]
    if not is_due(world, found) or payment_of(world, found)[1]["status"] == "processing":
        return
    pm = usable_card(world, found)
    if pm is not None and stripe_would_send(world, found, pm):
        attempt(world, found, pm, STRIPE, automatic=True)
        return
    before = found["next_payment_attempt"]
    found["attempt_count"] += 1
    plan_next(world, found, automatic=True)
    emit(world, "invoice.updated", found, STRIPE, previous={"next_payment_attempt": before})


def give_up(world: World, invoice: str) -> None:
    """Do what the account does after the last retry: cancel, and leave or write off the invoice."""
    found = world.tables["invoices"][invoice]
    if found["status"] != "open" or not found["auto_advance"]:
        return
    subscription = subscription_of(world, found)
    if subscription and world.final_subscription == "canceled":
        cancel_subscription(world, subscription, STRIPE, "payment_failed")
    elif subscription and world.final_subscription == "unpaid":
        stop_service(world, subscription, STRIPE)
    if world.final_invoice == "uncollectible":
        write_off(world, found, STRIPE, "max_payment_attempts")


def write_off(world: World, invoice: Obj, actor: Actor, reason: str) -> None:
    """Mark an open invoice uncollectible, for a reason in Stripe's words."""
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    invoice["status_transitions"] = invoice["status_transitions"] | {"marked_uncollectible_at": world.stamp()}
    emit(world, "invoice.marked_uncollectible", invoice, actor)
    recover_standing(world, invoice, actor)


def void(world: World, invoice: Obj, actor: Actor) -> None:
    """Void an open invoice, which cannot be undone."""
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"] = invoice["status_transitions"] | {"voided_at": world.stamp()}
    payment, intent = payment_of(world, invoice)
    payment |= {"status": "canceled"}
    payment["status_transitions"] = {"canceled_at": world.stamp(), "paid_at": None}
    intent |= {
        "status": "canceled",
        "cancellation_reason": "void_invoice",
        "canceled_at": world.stamp(),
    }
    write_movement(world, "void", invoice, actor, amount=invoice["amount_remaining"])
    emit(world, "invoice.voided", invoice, actor)
    recover_standing(world, invoice, actor)


def write_movement(
    world: World, kind: str, invoice: Obj, actor: Actor, *, amount: int, **more: object
) -> None:
    """Write a book line that is not an attempt; `amount` in minor units."""
    world.books.write(
        kind,
        world.now(),
        invoice=invoice["id"],
        customer=invoice["customer"],
        amount=amount,
        currency=invoice["currency"],
        idempotency_key=actor.key,
        made_by=actor.made_by,
        **more,
    )


def settle_processing(world: World, invoice: str, pm: str, actor: Actor) -> None:
    """Let a payment that was processing succeed."""
    found, card = world.tables["invoices"][invoice], world.tables["payment_methods"][pm]
    _, intent = payment_of(world, found)
    if found["status"] != "open" or intent["status"] != "processing":
        return
    write_attempt(world, found, card, actor, PAID)
    charge = world.add(invoice_shapes.charge(world, intent, card, PAID))
    intent["latest_charge"] = charge["id"]
    settle(world, found, charge, card, Actor(actor.made_by))
