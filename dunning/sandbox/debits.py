"""What the bank answers to a debit, days later; and what it takes back after it said yes."""

from dunning.sandbox import banking, invoice_shapes, money
from dunning.sandbox.charging import decline, payment_of, settle, write_attempt
from dunning.sandbox.declines import PAID, Verdict
from dunning.sandbox.issuer import helped, undebited
from dunning.sandbox.state import Actor, Obj, World

# What a failure that comes after the success is called as a dispute; such a dispute is final.
# Source: https://docs.stripe.com/payments/ach-direct-debit (a failure after success becomes a dispute)
_RETURNS = {
    "insufficient_funds": "insufficient_funds",
    "account_closed": "incorrect_account_details",
    "no_account": "incorrect_account_details",
    "debit_not_authorized": "debit_not_authorized",
}


def settle_processing(
    world: World, invoice: str, pm: str, actor: Actor, *, automatic: bool = False, code: str | None = None
) -> None:
    """Let a payment that was processing succeed or fail; `code` says no, whatever the account holds."""
    found, account = world.tables["invoices"][invoice], world.tables["payment_methods"][pm]
    _, intent = payment_of(world, found)
    if intent["status"] != "processing":
        return
    charge, by = world.tables["charges"][intent["latest_charge"]], Actor(actor.made_by)
    verdict = undebited(code) if code else _answer(world, account)
    write_attempt(world, found, account, actor, verdict, kind="settlement")
    charge |= invoice_shapes.answered(verdict, charge["amount"])
    if verdict is not PAID:
        decline(world, found, charge, account, verdict, actor=by, automatic=automatic)
        return
    settle(world, found, charge, account, by)
    returns = world.cards[pm].returns
    if returns is not None:
        world.schedule(world.now() + returns[0], "bank_returns", charge=charge["id"], code=returns[1])


def _answer(world: World, pm: Obj) -> Verdict:
    trouble = world.cards[pm["id"]].trouble
    if trouble is None or helped(trouble, world.now()):
        return PAID
    return undebited(trouble.decline_code)


def bank_returns(world: World, charge: str, code: str) -> Obj:
    """Let the bank take back a debit that had succeeded: a dispute nobody can win, and no mandate left."""
    found = world.tables["charges"][charge]
    made = money.dispute(world, found, _RETURNS.get(code, "bank_cannot_process"), code=code)
    money.close_dispute(world, made["id"], won=False)
    banking.revoke(world, found["payment_method"])
    return made
