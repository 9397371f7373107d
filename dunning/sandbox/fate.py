"""What will happen to an invoice without anybody's help; decided when it is first charged."""

from datetime import timedelta

from dunning.sandbox import chance
from dunning.sandbox.state import Obj, World

_PATIENCE = 21.0  # days a customer who is behind thinks about leaving at all
_QUITS_AFTER = 100.0  # mean days: one per cent a day
_PAYS_UNASKED_AFTER = 220.0
_MERCHANT_SHARE = 0.03
_REFUND_SHARE = 0.012
_DISPUTE_SHARE = 0.006
_WARNING_SHARE = 0.002


def foresee(world: World, invoice: Obj) -> None:
    """Put on the agenda what this invoice's customer, or the merchant, will do of their own accord."""
    if world.people[invoice["customer"]].fragility <= 0:
        return
    if invoice["status"] == "open":
        _foresee_open(world, invoice["id"])
        return
    roll = world.roll(invoice["id"], "aftermath")
    for kind, share in (("refund", _REFUND_SHARE), ("dispute", _DISPUTE_SHARE), ("warning", _WARNING_SHARE)):
        if roll < share:
            days = 1 + 14 * world.roll(invoice["id"], "aftermath", "days")
            world.schedule(world.now() + timedelta(days=days), "aftermath", invoice=invoice["id"], kind=kind)
            return
        roll -= share


def _foresee_open(world: World, invoice: str) -> None:
    quits = chance.exponential(_QUITS_AFTER, world.seed, invoice, "quits")
    pays = chance.exponential(_PAYS_UNASKED_AFTER, world.seed, invoice, "pays unasked")
    for days, what in ((quits, "customer_quits"), (pays, "customer_pays")):
        if days < _PATIENCE:
            world.schedule(world.now() + timedelta(days=0.2 + days), what, invoice=invoice)
    if world.roll(invoice, "merchant") < _MERCHANT_SHARE:
        days = 1 + 9 * world.roll(invoice, "merchant", "days")
        world.schedule(world.now() + timedelta(days=days), "merchant_acts", invoice=invoice)
    if world.roll(invoice, "late refund") < _REFUND_SHARE * 2:
        world.schedule(world.now() + timedelta(days=24), "aftermath", invoice=invoice, kind="refund")
