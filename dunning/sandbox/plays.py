"""What is on the agenda, played: every entry is one function of the world and its details."""

from collections.abc import Callable
from typing import Any

from dunning.sandbox import billing, money, wallet
from dunning.sandbox.charging import attempt, payment_of, subscription_of, usable_card
from dunning.sandbox.hosted import customer_actor, pay_on_page
from dunning.sandbox.standing import cancel_subscription
from dunning.sandbox.state import Actor, Obj, World


def _open(world: World, invoice: str) -> Obj | None:
    found = world.tables["invoices"][invoice]
    return found if found["status"] == "open" else None


def _quits(world: World, invoice: str) -> None:
    if (found := _open(world, invoice)) is None:
        return
    actor = customer_actor(world, invoice)
    subscription = subscription_of(world, found)
    if subscription:
        cancel_subscription(world, subscription, actor, "cancellation_requested")
    if world.roll(invoice, "voids") < 0.5:
        billing.void(world, found, _merchant(world))


def _pays(world: World, invoice: str) -> None:
    found = _open(world, invoice)
    if found is not None:
        pay_on_page(world, found, new_card=True)


def _merchant(world: World) -> Actor:
    return Actor("merchant", world.new_id("req"), None)


def _merchant_acts(world: World, invoice: str) -> None:
    """Let somebody at the merchant's settle it by hand: money by bank, a charge, a void, a write-off."""
    if (found := _open(world, invoice)) is None:
        return
    roll, actor = world.roll(invoice, "merchant", "how"), _merchant(world)
    if roll < 0.4:
        money.pay_out_of_band(world, found, actor)
    elif roll < 0.7 and (pm := usable_card(world, found)) is not None:
        if payment_of(world, found)[1]["status"] != "processing":
            attempt(world, found, pm, actor)
    elif roll < 0.85:
        billing.void(world, found, actor)
    else:
        billing.write_off(world, found, actor, "user_forgiven")


def _aftermath(world: World, invoice: str, kind: str) -> None:
    found = world.tables["invoices"][invoice]
    _, intent = payment_of(world, found)
    charge = world.get(intent["latest_charge"])
    if charge is None or charge["status"] != "succeeded" or charge["refunded"] or charge["disputed"]:
        return
    if kind == "refund":
        amount = charge["amount"] if world.roll(invoice, "partly") < 0.7 else max(charge["amount"] // 2, 1)
        money.refund(world, charge, amount, _merchant(world), "requested_by_customer")
    elif kind == "dispute":
        money.dispute(world, charge)
    else:
        money.warn_of_fraud(world, charge)


PLAYS: dict[str, Callable[..., Any]] = {
    "bill": billing.bill,
    "first_charge": billing.charge_finalized,
    "retry": billing.retry,
    "give_up": billing.give_up,
    "settle": billing.settle_processing,
    "update_card": wallet.update_card,
    "close_dispute": money.close_dispute,
    "customer_quits": _quits,
    "customer_pays": _pays,
    "merchant_acts": _merchant_acts,
    "aftermath": _aftermath,
}
