"""Stripe's own Smart Retries: up to eight tries within two weeks of the first failure."""

from datetime import timedelta

from dunning.sandbox.declines import NEVER_RETRIED_BY_STRIPE
from dunning.sandbox.state import Obj, World, from_stamp

# Days after the first failure; Stripe recommends eight tries in two weeks and publishes no times.
_DAYS = (1.4, 3.0, 4.8, 6.6, 8.4, 10.2, 12.0, 13.8)


def plan_next(world: World, invoice: Obj, *, automatic: bool) -> None:
    """Set `next_payment_attempt` after a failure; only Stripe's own tries move the plan forward."""
    file = world.files[invoice["id"]]
    if not (world.smart_retries and invoice["auto_advance"]):
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
