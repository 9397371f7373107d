"""Cards coming and going: added, made the default, renewed by the network, removed."""

from typing import Any

from dunning.sandbox import session_shapes, shapes
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, Actor, CardFile, Obj, Trouble, World


def add_card(
    world: World, owner: Obj, *, origin: str = "original", trouble: str | None = None, **look: Any
) -> Obj:
    """Give a customer a card without telling anyone; `trouble` is a decline code it always answers."""
    return _keep(world, owner, shapes.card(world, owner, **look), origin, trouble)


def add_debit(world: World, owner: Obj, kind: str) -> Obj:
    """Give a customer a bank debit of this kind without telling anyone."""
    return _keep(world, owner, shapes.debit(world, owner, kind), "original", None)


def _keep(world: World, owner: Obj, made: Obj, origin: str, trouble: str | None) -> Obj:
    pm = world.add(made)
    file = CardFile(since=world.now(), origin=origin)
    if trouble:
        file.trouble = Trouble("scripted", trouble, since=world.now())
    world.cards[pm["id"]] = file
    world.cards_of.setdefault(owner["id"], []).append(pm["id"])
    return pm


def save_card(
    world: World, owner: Obj, actor: Actor, *, origin: str, through_link: bool, trouble: str | None = None
) -> Obj:
    """Save a card that the customer typed on a page; it is attached, but no default yet."""
    country = (owner["address"] or {}).get("country") or "US"
    pm = add_card(
        world, owner, origin=origin, trouble=trouble, funding="credit", country=country, last4="4242"
    )
    world.cards[pm["id"]].through_link = through_link
    intent = world.add(session_shapes.setup_intent(world, owner["id"], pm["id"], {}))
    emit(world, "setup_intent.succeeded", intent, actor)
    emit(world, "payment_method.attached", pm, actor)
    return pm


def make_default(world: World, owner: Obj, pm_id: str | None, actor: Actor) -> None:
    """Set the customer's default card, as the portal does; a subscription's own default still wins."""
    before = owner["invoice_settings"]["default_payment_method"]
    if before == pm_id:
        return
    owner["invoice_settings"] = owner["invoice_settings"] | {"default_payment_method": pm_id}
    previous = {"invoice_settings": {"default_payment_method": before}}
    emit(world, "customer.updated", owner, actor, previous=previous)


def update_card(world: World, pm: str) -> None:
    """Let the network renew a card: the same payment method, a new expiry, a new number."""
    found = world.tables["payment_methods"].get(pm)
    if found is None or found["customer"] is None:
        return
    before = {name: found["card"][name] for name in ("exp_month", "exp_year", "last4")}
    fresh = {
        "exp_month": 11,
        "exp_year": world.now().year + 4,
        "last4": f"{int(world.roll(pm, 'last4') * 1e4):04d}",
    }
    found["card"] = found["card"] | fresh
    world.cards[pm].updated_at = world.now()
    world.cards[pm].trouble = None
    emit(world, "payment_method.automatically_updated", found, STRIPE, previous={"card": before})


def detach_card(world: World, pm: Obj, actor: Actor) -> None:
    """Remove a card from its customer and from every default that named it."""
    owner = world.tables["customers"][pm["customer"]]
    world.cards_of[owner["id"]].remove(pm["id"])
    pm["customer"] = None
    emit(world, "payment_method.detached", pm, actor, previous={"customer": owner["id"]})
    if owner["invoice_settings"]["default_payment_method"] == pm["id"]:
        make_default(world, owner, None, actor)
    for subscription in world.tables["subscriptions"].values():
        if subscription["default_payment_method"] == pm["id"]:
            subscription["default_payment_method"] = None
