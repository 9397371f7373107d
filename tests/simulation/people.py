"""Who lives in the city: customers whose cards fail in every way, and what everybody does meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from dunning.errors import StripeError
from dunning.flows import card_update
from dunning.gateway.signature import sign
from dunning.sandbox import billing, hosted, money
from dunning.sandbox.charging import attempt, payment_of, usable_card
from dunning.sandbox.standing import cancel_subscription
from dunning.sandbox.state import Actor, Obj
from dunning.sandbox.wallet import update_card

if TYPE_CHECKING:
    from simulation.city import City

SECRET: Final = "whsec_city"
NEAR: Final = timedelta(hours=5)  # a stall between reading and asking may eat of the six hours
OLD: Final = timedelta(hours=2)
LEAVES_WITHIN: Final = timedelta(minutes=30)  # ten from the reading to the claim, and stalls after it
STAMPS: Final = {"paid": "paid_at", "void": "voided_at", "uncollectible": "marked_uncollectible_at"}
CODES: Final = {
    "insufficient_funds": 8,
    "do_not_honor": 4,
    "generic_decline": 3,
    "processing_error": 2,
    "issuer_not_available": 2,
    "card_velocity_exceeded": 1,
    "try_again_later": 1,
    "expired_card": 2,
    "lost_card": 1,
    "authentication_required": 2,
    "processing": 1,
}


def arrive(city: City, customers: int) -> None:
    """Bill each customer at some time of the first three days."""
    for number in range(customers):
        city.soon(lambda number=number: _bill(city, number), hours=city.dice.uniform(0, 72))


def _bill(city: City, number: int) -> None:
    dice = city.dice
    code = dice.choices(list(CODES), list(CODES.values()))[0]
    made = city.sandbox.customer(
        fail=code,
        clears_after_hours=dice.choice([None, dice.uniform(1, 60), dice.uniform(24, 200)]),
        amount=dice.randrange(500, 20_000),
        country=dice.choice(["US", "GB", "DE", "JP"]),
        brand=dice.choice(["visa", "visa", "mastercard", "amex"]),
        backup=dice.random() < 0.2,
        subscription_default=dice.random() < 0.2,
        one_off=dice.random() < 0.1,
    )
    invoice = city.sandbox.world.tables["invoices"][made["invoice"]]
    for act, share in ACTS:
        if dice.random() < share:
            city.soon(lambda act=act: act(city, invoice), hours=dice.uniform(1, 200))


def meddle(city: City, invoice_id: str) -> None:
    """In the very moment of our charge, somebody may do something."""
    invoice = city.sandbox.world.tables["invoices"].get(invoice_id)
    if invoice is None or not city.trouble:
        return
    for act in (pays_on_the_page, changes_card, merchant_charges, pays_out_of_band):
        if city.dice.random() < 0.02:
            act(city, invoice)


def theirs(city: City, invoice_id: str) -> str:
    """Return why Stripe's own retries leave no room for a charge, by Stripe's own books; '' where they do."""
    invoice = city.sandbox.world.tables["invoices"].get(invoice_id)
    if invoice is None or invoice["status"] != "open" or not city.sandbox.smart_retries:
        return ""
    planned = invoice["next_payment_attempt"]
    at = datetime.fromtimestamp(planned, UTC) if planned else None
    near = at is not None and abs(at - city.clock.now()) < NEAR
    return f"its own retry is at {at}" if near else ""


def ended(city: City, invoice_id: str) -> str:
    """Return as what an invoice has ended, if longer ago than a charge may take to leave; else ''.

    Stripe takes money for an uncollectible invoice, too, and the verdict would see nothing wrong in it.
    """
    invoice = city.sandbox.world.tables["invoices"].get(invoice_id)
    status = invoice["status"] if invoice is not None else "open"
    stamp = invoice["status_transitions"].get(STAMPS.get(status)) if invoice is not None else None
    long_ago = stamp is not None and datetime.fromtimestamp(stamp, UTC) < city.clock.now() - LEAVES_WITHIN
    return status if long_ago else ""


def _due(invoice: Obj) -> bool:
    return bool(invoice["status"] == "open" and invoice["amount_remaining"] > 0)


def _free(city: City, invoice: Obj) -> bool:
    return payment_of(city.sandbox.world, invoice)[1]["status"] != "processing"


def pays_on_the_page(city: City, invoice: Obj) -> None:
    """The customer pays the hosted invoice with a card that is used once."""
    if _due(invoice):
        hosted.pay_on_page(city.sandbox.world, invoice, new_card=True)


def changes_card(city: City, invoice: Obj) -> None:
    """The customer changes the card in the merchant's own portal."""
    if invoice["customer"] in city.sandbox.world.deleted:
        return
    session: Obj = {"id": f"bps_own{city.dice.random()}", "object": "billing_portal.session"}
    trouble = "generic_decline" if city.dice.random() < 0.2 else None
    hosted.change_card(city.sandbox.world, session | {"customer": invoice["customer"]}, trouble=trouble)


def follows_our_link(city: City, invoice: Obj) -> None:
    """The customer clicks the button of our newest mail and does what the page asks."""
    world = city.sandbox.world
    address = world.tables["customers"][invoice["customer"]]["email"]
    mails = [mail for _, mail in city.house.mailer.sent if mail.recipient == address]  # type: ignore[attr-defined]  # the stage's mailer
    sent = [mail for mail in mails if "/pay/" in mail.text]
    if not sent:
        return
    token = sent[-1].text.split("/pay/")[1].split()[0].rstrip(".,)")
    try:
        target = card_update.mint(city.house, token)
    except StripeError:
        return
    if target is None:
        return
    found = world.get(target.rpartition("/")[2])
    if found is not None and found["object"] == "invoice":
        if _due(found):
            hosted.pay_on_page(world, found, new_card=False)
    elif found is not None:
        hosted.change_card(world, found)


def merchant_charges(city: City, invoice: Obj) -> None:
    """Somebody presses "charge" in the Dashboard."""
    world = city.sandbox.world
    card = usable_card(world, invoice)
    if _due(invoice) and card is not None and _free(city, invoice):
        attempt(world, invoice, card, _merchant(city))


def pays_out_of_band(city: City, invoice: Obj) -> None:
    """The money comes by bank."""
    if _due(invoice) and _free(city, invoice):
        money.pay_out_of_band(city.sandbox.world, invoice, _merchant(city))


def voids(city: City, invoice: Obj) -> None:
    """The merchant voids the invoice."""
    if _due(invoice) and _free(city, invoice):
        billing.void(city.sandbox.world, invoice, _merchant(city))


def writes_off(city: City, invoice: Obj) -> None:
    """The merchant gives the invoice up."""
    if _due(invoice) and _free(city, invoice):
        billing.write_off(city.sandbox.world, invoice, _merchant(city), "user_forgiven")


def cancels(city: City, invoice: Obj) -> None:
    """The customer cancels the subscription."""
    parent: Any = invoice["parent"]
    if parent:
        found = city.sandbox.world.get(parent["subscription_details"]["subscription"])
        if found is not None:
            cancel_subscription(city.sandbox.world, found, _merchant(city), "cancellation_requested")


def network_renews(city: City, invoice: Obj) -> None:
    """The card network replaces the card's number."""
    for card in city.sandbox.world.cards_of.get(invoice["customer"], [])[:1]:
        update_card(city.sandbox.world, card)


def takes_money_back(city: City, invoice: Obj) -> None:
    """A payment is refunded, or disputed and decided."""
    world = city.sandbox.world
    charge = world.get(payment_of(world, invoice)[1]["latest_charge"])
    if invoice["status"] == "open":  # as soon as there is something to take back
        city.soon(lambda: takes_money_back(city, invoice), hours=1)
    if invoice["status"] != "paid" or charge is None or charge["status"] != "succeeded":
        return
    if city.dice.random() < 0.5:
        money.refund(world, charge, max(charge["amount"] // 2, 1), _merchant(city))
    else:
        money.dispute(world, charge)


def forges(city: City, invoice: Obj) -> None:
    """Who does not know the secret tells of a refund, and a post that was caught is sent again later."""
    world = city.sandbox.world
    charge = payment_of(world, invoice)[1]["latest_charge"]
    refund = {"id": "re_forged", "object": "refund", "charge": charge, "amount": 7, "status": "succeeded"}
    event = {"id": f"evt_forged_{invoice['id']}", "object": "event", "type": "refund.created"}
    event |= {"livemode": False, "created": int(city.clock.now().timestamp()), "data": {"object": refund}}
    body = json.dumps(event).encode()
    city.listen(body, sign(body, "whsec_guessed", city.clock.now()))
    city.soon(lambda: city.listen(body, sign(body, SECRET, city.clock.now() - OLD)), hours=1)


def _merchant(city: City) -> Actor:
    return Actor("merchant", city.sandbox.world.new_id("req"))


ACTS: Final = (
    (pays_on_the_page, 0.06),
    (changes_card, 0.08),
    (follows_our_link, 0.25),
    (merchant_charges, 0.05),
    (pays_out_of_band, 0.03),
    (voids, 0.03),
    (writes_off, 0.03),
    (cancels, 0.03),
    (network_renews, 0.08),
    (takes_money_back, 0.2),
    (forges, 0.3),
)
