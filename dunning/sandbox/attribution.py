"""Who deserves the credit for a recovered invoice: the sandbox knows, the product has to find out."""

from datetime import datetime

from dunning.sandbox.state import Actor, CardFile, Obj, World


def card_source(world: World, invoice: Obj, pm: Obj) -> str:
    """Return where the card of an attempt came from, seen from the invoice's first failure."""
    file = world.files[invoice["id"]]
    card = world.cards[pm["id"]]
    if pm["customer"] is None:
        return "hosted"
    if file.failed_at is None:
        return "original"
    if card.since >= file.failed_at and card.origin != "original":
        return card.origin
    if card.updated_at is not None and card.updated_at >= file.failed_at:
        return "updater"
    return "original" if pm["id"] == file.failed_card else "backup"


def credited_to(world: World, invoice: Obj, pm: Obj, actor: Actor) -> str | None:
    """Return the reason that a payment by card deserves; null when the invoice never failed.

    The order is the product's own: the first reason that holds.
    """
    failed_at = world.files[invoice["id"]].failed_at
    if failed_at is None:
        return None
    source = card_source(world, invoice, pm)
    if source in {"portal", "api"} and _came_after_us(world, invoice, world.cards[pm["id"]], failed_at):
        return "customer_card_update"
    if actor.made_by == "customer":
        return "customer_payment"
    if source == "updater":
        return "account_updater"
    if source == "backup" and actor.made_by == "dunning":
        return "backup_card"
    return {"dunning": "our_retry", "stripe": "stripe_retry"}.get(actor.made_by, "merchant")


def _came_after_us(world: World, invoice: Obj, card: CardFile, failed_at: datetime) -> bool:
    mails = world.people[invoice["customer"]].mailed
    return card.through_link or any(failed_at <= mail <= card.since for mail in mails)
