"""Bank accounts coming and going, and the mandates that let them be debited."""

from datetime import timedelta

from dunning.sandbox import debit_shapes
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, CardFile, Obj, World

_CARDS_SETTLE = timedelta(hours=24)


def add_bank_account(world: World, owner: Obj, kind: str) -> Obj:
    """Give a customer a bank account of this kind, with an active mandate, without telling anyone."""
    pm = world.add(debit_shapes.bank_account(world, owner, kind))
    world.add(debit_shapes.mandate(world, pm))
    world.cards[pm["id"]] = CardFile(since=world.now())
    world.cards_of.setdefault(owner["id"], []).append(pm["id"])
    return pm


def settling_time(world: World, pm: Obj) -> timedelta:
    """Return how long a payment with this method processes."""
    told = world.cards[pm["id"]].settles
    if told is not None:
        return told
    return debit_shapes.DEBITS[pm["type"]].settles if pm["type"] in debit_shapes.DEBITS else _CARDS_SETTLE


def mandate_of(world: World, pm_id: str | None) -> Obj | None:
    """Return the mandate of a bank account, whatever its status; None for a card."""
    return next((one for one in world.tables["mandates"].values() if one["payment_method"] == pm_id), None)


def revoke(world: World, pm_id: str) -> None:
    """End the mandate of a bank account: nothing can be debited any more."""
    mandate = mandate_of(world, pm_id)
    if mandate is not None and mandate["status"] == "active":
        mandate["status"] = "inactive"
        emit(world, "mandate.updated", mandate, STRIPE, previous={"status": "active"})
