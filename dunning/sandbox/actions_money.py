"""Banks and Stripe: what they do of their own accord."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

from dunning.sandbox import banking, billing, debits, money, retries, wallet
from dunning.sandbox.action import action
from dunning.sandbox.actions_merchant import charge_id, charge_of
from dunning.sandbox.options import Amount, Hours, InvoiceId, PaymentMethodId, Refers
from dunning.sandbox.state import Actor, Obj

if TYPE_CHECKING:
    from dunning.sandbox.world import Sandbox

DisputeId = Annotated[str, Refers("dispute")]
SubscriptionId = Annotated[str, Refers("subscription")]
RefundId = Annotated[str, Refers("refund")]


@dataclass(frozen=True, slots=True)
class _Retry:
    invoice: Annotated[InvoiceId, "which; Stripe must be retrying it"]
    hours: Annotated[Hours, "how long from now"] = 0.0


@dataclass(frozen=True, slots=True)
class _Bill:
    subscription: Annotated[SubscriptionId, "which"]


@dataclass(frozen=True, slots=True)
class _Method:
    payment_method: Annotated[PaymentMethodId, "which"]


@dataclass(frozen=True, slots=True)
class _Settled:
    invoice: Annotated[InvoiceId, "which; its payment has to be processing"]
    code: Annotated[str | None, "the failure code; none: whatever the account holds decides"] = None


@dataclass(frozen=True, slots=True)
class _Returned:
    invoice: Annotated[InvoiceId, "which; it has to be paid by a debit"]
    code: Annotated[str, "the failure code"] = "insufficient_funds"


@dataclass(frozen=True, slots=True)
class _FailedRefund:
    refund: Annotated[RefundId, "which"]
    reason: Annotated[str, "why, in Stripe's words"] = "expired_or_canceled_card"


@dataclass(frozen=True, slots=True)
class _Disputed:
    invoice: Annotated[InvoiceId, "which; it has to be paid by a charge"]
    amount: Annotated[Amount | None, "minor units; none: the whole charge"] = None
    reason: Annotated[str, "why, in Stripe's words"] = "subscription_canceled"
    inquiry: Annotated[bool, "only a question, which takes no money"] = False


@dataclass(frozen=True, slots=True)
class _Late:
    invoice: Annotated[InvoiceId, "which; it has to be paid by a charge"]


@dataclass(frozen=True, slots=True)
class _Dispute:
    dispute: Annotated[DisputeId, "which"]


@dataclass(frozen=True, slots=True)
class _Verdict(_Dispute):
    won: Annotated[bool, "whether the merchant wins it and gets the money back"] = False


@dataclass(frozen=True, slots=True)
class _Warned:
    invoice: Annotated[InvoiceId, "which; it has to be paid by a charge"]


@action(takes=_Bill, gives="invoice")
def bill(sandbox: "Sandbox", asked: _Bill) -> Obj:
    """Bill a subscription's next cycle now; while it is unpaid or paused, the bill stays a draft."""
    with sandbox.world.lock:
        world, subscription = sandbox.accounts.holding(asked.subscription)
        billing.bill(world, subscription["id"], world.now().day, again=False)
        return {"invoice": subscription["latest_invoice"]}


@action(takes=_Retry)
def stripe_retries(sandbox: "Sandbox", asked: _Retry) -> Obj:
    """Move Stripe's own next try of an invoice; with 0 hours it is made at once."""
    with sandbox.world.lock:
        world, invoice = sandbox.accounts.holding(asked.invoice)
        if invoice["next_payment_attempt"] is None:
            raise ValueError("Stripe does not retry this invoice: there is no try to move")
        retries.move_next(world, invoice, world.now() + timedelta(hours=asked.hours))
        return {"next_payment_attempt": invoice["next_payment_attempt"]}


@action(takes=_Method)
def update_card(sandbox: "Sandbox", asked: _Method) -> Obj:
    """Let the network renew a card: the same payment method, a new expiry, and no trouble any more."""
    with sandbox.world.lock:
        world, pm = sandbox.accounts.holding(asked.payment_method)
        if pm["type"] != "card":
            raise ValueError("only cards are renewed by their network")
        wallet.update_card(world, pm["id"])
        return {"payment_method": pm["id"]}


@action(takes=_Settled)
def settle(sandbox: "Sandbox", asked: _Settled) -> Obj:
    """Let the bank answer a processing payment now instead of in some days."""
    with sandbox.world.lock:
        world, invoice = sandbox.accounts.holding(asked.invoice)
        charged = world.get(charge_id(world, invoice))
        if charged is None or charged["status"] != "pending":
            raise ValueError("no payment of this invoice is processing")
        by = Actor("stripe")
        debits.settle_processing(world, invoice["id"], charged["payment_method"], by, code=asked.code)
        return {"status": invoice["status"]}


@action(takes=_Returned, gives="dispute")
def return_debit(sandbox: "Sandbox", asked: _Returned) -> Obj:
    """Let the bank take back a debit that had succeeded: Stripe makes a lost dispute of it."""
    with sandbox.world.lock:
        world, paid = charge_of(sandbox, asked.invoice)
        if paid["payment_method_details"]["type"] == "card":
            raise ValueError("this invoice was paid by card: only debits are returned")
        return {"dispute": debits.bank_returns(world, paid["id"], asked.code)["id"]}


@action(takes=_Method)
def revoke_mandate(sandbox: "Sandbox", asked: _Method) -> Obj:
    """End the mandate of a bank account: every later debit fails at once."""
    with sandbox.world.lock:
        world, pm = sandbox.accounts.holding(asked.payment_method)
        banking.revoke(world, pm["id"])
        return {"payment_method": pm["id"]}


@action(takes=_FailedRefund)
def fail_refund(sandbox: "Sandbox", asked: _FailedRefund) -> Obj:
    """Let a refund come back, because the customer's bank did not take it."""
    with sandbox.world.lock:
        world, found = sandbox.accounts.holding(asked.refund)
        money.fail_refund(world, found["id"], asked.reason)
        return {"status": found["status"]}


@action(takes=_Late)
def late_failure(sandbox: "Sandbox", asked: _Late) -> Obj:
    """Let the charge that paid an invoice fail after all; only Stripe's balance tells of the money."""
    with sandbox.world.lock:
        world, paid = charge_of(sandbox, asked.invoice)
        money.fail_late(world, paid)
        return {"charge": paid["id"]}


@action(takes=_Disputed, gives="dispute")
def dispute(sandbox: "Sandbox", asked: _Disputed) -> Obj:
    """Let the cardholder dispute the charge that paid an invoice; it is decided 20 days later."""
    with sandbox.world.lock:
        world, paid = charge_of(sandbox, asked.invoice)
        made = money.dispute(world, paid, asked.reason, amount=asked.amount, inquiry=asked.inquiry)
        return {"dispute": made["id"]}


@action(takes=_Dispute)
def escalate(sandbox: "Sandbox", asked: _Dispute) -> Obj:
    """Let an inquiry become a dispute: now the money goes."""
    with sandbox.world.lock:
        world, found = sandbox.accounts.holding(asked.dispute)
        money.escalate(world, found["id"])
        return {"status": found["status"]}


@action(takes=_Verdict)
def close_dispute(sandbox: "Sandbox", asked: _Verdict) -> Obj:
    """Decide a dispute now; an inquiry is closed without one."""
    with sandbox.world.lock:
        world, found = sandbox.accounts.holding(asked.dispute)
        money.close_dispute(world, found["id"], won=asked.won)
        return {"status": found["status"]}


@action(takes=_Warned)
def warning(sandbox: "Sandbox", asked: _Warned) -> Obj:
    """Let the network warn of fraud about the charge that paid an invoice."""
    with sandbox.world.lock:
        world, paid = charge_of(sandbox, asked.invoice)
        return {"warning": money.warn_of_fraud(world, paid)["id"]}
