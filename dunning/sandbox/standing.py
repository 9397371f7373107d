"""Whether a customer is behind: subscription status and the delinquent flag."""

from dunning.sandbox.events import emit
from dunning.sandbox.state import Actor, Obj, World


def fall_behind(world: World, invoice: Obj, actor: Actor) -> None:
    """Mark subscription and customer after a failed attempt."""
    subscription = _subscription(world, invoice)
    if subscription and subscription["status"] == "active":
        subscription["status"] = "past_due"
        emit(world, "customer.subscription.updated", subscription, actor, previous={"status": "active"})
    owner = world.tables["customers"][invoice["customer"]]
    if not owner["delinquent"]:
        owner["delinquent"] = True
        emit(world, "customer.updated", owner, actor, previous={"delinquent": False})


def recover_standing(world: World, invoice: Obj, actor: Actor) -> None:
    """Clear the marks once nothing attempted is left open."""
    if _still_owing(world, invoice["customer"]):
        return
    subscription = _subscription(world, invoice)
    if subscription and subscription["status"] in {"past_due", "incomplete", "unpaid"}:
        previous = {"status": subscription["status"]}
        subscription["status"] = "active"
        emit(world, "customer.subscription.updated", subscription, actor, previous=previous)
    owner = world.tables["customers"][invoice["customer"]]
    if owner["delinquent"]:
        owner["delinquent"] = False
        emit(world, "customer.updated", owner, actor, previous={"delinquent": True})


def stop_service(world: World, subscription: Obj, actor: Actor) -> None:
    """Mark a subscription unpaid after the last retry: from now on its bills stay drafts."""
    if subscription["status"] != "past_due":
        return
    subscription["status"] = "unpaid"
    emit(world, "customer.subscription.updated", subscription, actor, previous={"status": "past_due"})


def cancel_subscription(world: World, subscription: Obj, actor: Actor, reason: str) -> None:
    """Cancel at once; Stripe then stops collecting the subscription's finalized invoices."""
    if subscription["status"] == "canceled":
        return
    now = world.stamp()
    subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
    subscription["cancellation_details"] = subscription["cancellation_details"] | {"reason": reason}
    for invoice_id in world.invoices_of.get(subscription["customer"], ()):
        invoice = world.tables["invoices"][invoice_id]
        if invoice["status"] == "open" and _subscription(world, invoice) is subscription:
            hand_over(world, invoice, actor)
    emit(world, "customer.subscription.deleted", subscription, actor)


def hand_over(world: World, invoice: Obj, actor: Actor) -> None:
    """Switch Stripe's own collection of an invoice off."""
    changed = {
        name: invoice[name]
        for name, value in (("auto_advance", False), ("next_payment_attempt", None))
        if invoice[name] != value
    }
    if changed:
        invoice |= {"auto_advance": False, "next_payment_attempt": None}
        emit(world, "invoice.updated", invoice, actor, previous=changed)


def _subscription(world: World, invoice: Obj) -> Obj | None:
    parent = invoice["parent"]
    return world.get(parent["subscription_details"]["subscription"]) if parent else None


def _still_owing(world: World, customer: str) -> bool:
    invoices = (world.tables["invoices"][one] for one in world.invoices_of.get(customer, ()))
    return any(one["status"] == "open" and one["attempted"] for one in invoices)
