"""Customers: who they are, and what they do on Stripe's pages."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from dunning.sandbox import hosted, session_shapes, wallet
from dunning.sandbox.action import action
from dunning.sandbox.events import emit
from dunning.sandbox.options import Amount, CustomerId, InvoiceId, Limits
from dunning.sandbox.scenario import Wanted
from dunning.sandbox.state import Actor, Obj, World

if TYPE_CHECKING:
    from dunning.sandbox.world import Sandbox


@dataclass(frozen=True, slots=True)
class _Customer(Wanted):
    deliver: Annotated[bool, "post the events of this at once"] = False


@dataclass(frozen=True, slots=True)
class _Population:
    customers: Annotated[Annotated[int, Limits(1, 100_000)], "how many"] = 50
    days: Annotated[Annotated[float, Limits(0)], "nothing is billed later than this"] = 60


@dataclass(frozen=True, slots=True)
class _CardChange:
    customer: Annotated[CustomerId, "who"]
    via: Annotated[
        Literal["portal", "checkout", "api"], "where; a card saved in Checkout is nobody's default yet"
    ] = "portal"
    fail: Annotated[str | None, "the decline code that the new card always answers"] = None
    through_link: Annotated[bool, "whether a link of ours led there: the books credit us for it"] = True


@dataclass(frozen=True, slots=True)
class _Payment:
    invoice: Annotated[InvoiceId, "which"]
    card: Annotated[
        Literal["on_file", "new"], "the card on file, confirmed in person, or another one that works"
    ] = "on_file"


@dataclass(frozen=True, slots=True)
class _Part:
    invoice: Annotated[InvoiceId, "which; it has to be open"]
    amount: Annotated[Amount, "how much of it, in minor units"]


@dataclass(frozen=True, slots=True)
class _Mail:
    to: Annotated[str, "the customer's address; others are ignored"]
    text: Annotated[str, "its text; a link to /pay/… in it may be followed"]
    subject: Annotated[str, "its subject"] = ""


@action(
    takes=_Customer, gives="customer payment_method backup_payment_method subscription invoice payment_intent"
)
def customer(sandbox: "Sandbox", asked: _Customer) -> Obj:
    """Create a customer with a card or bank account and a subscription, and bill them now."""
    wanted = asdict(asked)
    at_once = wanted.pop("deliver")
    answer = sandbox.customer(**wanted)
    return answer | ({"delivered": sandbox.deliver()} if at_once else {})


@action(takes=_Population)
def populate(sandbox: "Sandbox", asked: _Population) -> Obj:
    """Create customers with paydays, habits and troubles of their own, billed over the next thirty days."""
    sandbox.populate(asked.customers, sandbox.clock.now() + timedelta(days=asked.days))
    return {"customers": asked.customers}


@action(takes=_CardChange, gives="payment_method")
def change_card(sandbox: "Sandbox", asked: _CardChange) -> Obj:
    """Let a customer save another card and, except in Checkout, make it their default."""
    with sandbox.world.lock:
        world, owner = sandbox.accounts.holding(asked.customer)
        pm = _given_to_merchant(world, owner, asked) if asked.via == "api" else _typed(world, owner, asked)
        return {"payment_method": pm["id"]}


def _typed(world: World, owner: Obj, asked: _CardChange) -> Obj:
    make = session_shapes.portal_session if asked.via == "portal" else session_shapes.checkout_session
    session = world.add(make(world, owner["id"], {"currency": owner["currency"]}))
    if asked.through_link:
        world.link_sessions.add(session["id"])
    return hosted.change_card(world, session, trouble=asked.fail)


def _given_to_merchant(world: World, owner: Obj, asked: _CardChange) -> Obj:
    actor = Actor("merchant", world.new_id("req"))
    pm = wallet.add_card(world, owner, origin="api", trouble=asked.fail)
    emit(world, "payment_method.attached", pm, actor)
    wallet.make_default(world, owner, pm["id"], actor)
    return pm


@action(takes=_Payment)
def pay(sandbox: "Sandbox", asked: _Payment) -> Obj:
    """Let the customer pay on the hosted invoice page, where they also confirm what their bank asks."""
    with sandbox.world.lock:
        world, invoice = sandbox.accounts.holding(asked.invoice)
        if invoice["status"] not in {"open", "uncollectible"}:
            raise ValueError(f"the invoice is {invoice['status']}: it cannot be paid")
        return {"paid": hosted.pay_on_page(world, invoice, new_card=asked.card == "new")}


@action(takes=_Part)
def pay_part(sandbox: "Sandbox", asked: _Part) -> Obj:
    """Let the customer pay part of an invoice; the last part settles it."""
    with sandbox.world.lock:
        world, invoice = sandbox.accounts.holding(asked.invoice)
        return {"payment": hosted.pay_part_on_page(world, invoice, asked.amount)["id"]}


@action(takes=_Mail)
def mail(sandbox: "Sandbox", asked: _Mail) -> Obj:
    """Let a mail reach a simulated customer now, who may or may not read it and follow its link."""
    sandbox.mail(to=asked.to, subject=asked.subject, text=asked.text, at=sandbox.clock.now())
    return {"received": True}
