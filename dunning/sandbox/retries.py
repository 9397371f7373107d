"""Stripe's own Smart Retries: up to eight tries within two weeks of the first failure."""

from datetime import datetime, timedelta

from dunning.sandbox.declines import NEVER_RETRIED_BY_STRIPE
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, Obj, World, from_stamp

# Days after the first failure; Stripe recommends eight tries in two weeks and publishes no times.
_DAYS = (1.4, 3.0, 4.8, 6.6, 8.4, 10.2, 12.0, 13.8)


def plan_next(world: World, invoice: Obj, *, automatic: bool) -> None:
    """Set `next_payment_attempt` after a failure; only Stripe's own tries move the plan forward."""
    file = world.files[invoice["id"]]
    if not (world.smart_retries and invoice["auto_advance"]) or _issued_in_india(world, file.last_card):
        invoice["next_payment_attempt"] = None
        return
    if not automatic:
        return
    if file.stripe_tries >= len(_DAYS):
        invoice["next_payment_attempt"] = None
        world.schedule(world.now(), "give_up", invoice=invoice["id"])
        return
    begun = file.failed_at or world.now()
    jitter = world.roll(invoice["id"], "retry", file.stripe_tries) * 0.6
    at = max(
        begun + timedelta(days=_DAYS[file.stripe_tries] - 0.3 + jitter), world.now() + timedelta(hours=6)
    )
    file.stripe_tries += 1
    invoice["next_payment_attempt"] = int(at.timestamp())
    world.schedule(from_stamp(invoice["next_payment_attempt"]), "retry", invoice=invoice["id"])


def _issued_in_india(world: World, pm_id: str | None) -> bool:
    """Say whether Stripe leaves this card alone: each of its charges needs the holder's consent.

    Source: https://docs.stripe.com/billing/revenue-recovery/smart-retries
    """
    pm = world.get(pm_id)
    return pm is not None and pm["type"] == "card" and pm["card"]["country"] == "IN"


def move_next(world: World, invoice: Obj, at: datetime) -> None:
    """Move Stripe's next try, as Smart Retries do when they learn something; `at` is aware."""
    before = invoice["next_payment_attempt"]
    invoice["next_payment_attempt"] = int(at.timestamp())
    world.schedule(from_stamp(invoice["next_payment_attempt"]), "retry", invoice=invoice["id"])
    emit(world, "invoice.updated", invoice, STRIPE, previous={"next_payment_attempt": before})


def is_due(world: World, invoice: Obj) -> bool:
    """Say whether an agenda entry still stands; the invoice may have been paid or taken over since."""
    planned = invoice["next_payment_attempt"]
    return invoice["status"] == "open" and planned is not None and planned <= world.stamp()


def stripe_would_send(world: World, invoice: Obj, pm: Obj | None) -> bool:
    """Say whether a due try reaches the network: never again for a hard code on the same card."""
    if pm is None:
        return False
    file = world.files[invoice["id"]]
    return pm["id"] != file.last_card or file.last_decline not in NEVER_RETRIED_BY_STRIPE
