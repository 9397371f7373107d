"""Customers on request: one with exactly this card, this amount and this failure, now."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from dunning.sandbox import billing, population, shapes
from dunning.sandbox.charging import payment_of
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, Obj, Person, Trouble, World
from dunning.sandbox.wallet import add_card

_CAUSES = {"authentication_required": "authentication", "processing": "processing"}

_TRIAL_S = 14 * 86400


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a customer on request is like.

    `fail` is a decline code (or `processing`) that the card answers until `clears_after_hours` (null: for
    ever). `one_off` bills without a subscription; `bill` false bills nothing; there is no second bill.
    `card` false leaves the card without being anybody's default; `reason` is the billing reason, and
    `subscription_create` begins an incomplete subscription; with `trial` a trial ends with this bill.
    `amount` is in minor units; `attention` in 0..1 is how readily they read mail; `zone` is an IANA name.
    """

    email: str | None = None
    name: str = "Robin Example"
    country: str = "US"
    currency: str = "usd"
    locale: str = "en"
    zone: str = "UTC"
    attention: float = 1.0
    amount: int = 2900
    nickname: str = "Pro"
    brand: str = "visa"
    funding: str = "debit"
    fail: str | None = None
    clears_after_hours: float | None = None
    network_advice_code: str | None = None
    backup: bool = False
    subscription_default: bool = False
    one_off: bool = False
    bill: bool = True
    card: bool = True
    reason: str = "subscription_cycle"
    trial: bool = False


def create_customer(world: World, wanted: Wanted) -> dict[str, Any]:
    """Create a customer with a card and a subscription, bill it now, and return the ids."""
    owner = _owner(world, wanted)
    pm = add_card(world, owner, brand=wanted.brand, funding=wanted.funding, country=wanted.country)
    if wanted.card:
        owner["invoice_settings"]["default_payment_method"] = pm["id"]
    spare = add_card(world, owner, country=wanted.country, last4="5556") if wanted.backup else None
    if wanted.fail:
        _fail(world, pm, wanted.fail, wanted)
    subscription = None if wanted.one_off else _subscribe(world, owner, wanted)
    if subscription and wanted.subscription_default:
        subscription["default_payment_method"] = pm["id"]
    emit(world, "customer.created", owner, STRIPE)
    ids = {
        "customer": owner["id"],
        "email": owner["email"],
        "payment_method": pm["id"],
        "backup_payment_method": spare and spare["id"],
        "subscription": subscription and subscription["id"],
        "invoice": None,
        "payment_intent": None,
    }
    return ids | (_bill(world, owner, subscription, wanted) if wanted.bill else {})


def _owner(world: World, wanted: Wanted) -> Obj:
    number = len(world.tables["customers"]) + 1
    owner = world.add(
        shapes.customer(
            world,
            email=wanted.email or f"customer{number}@example.com",
            name=wanted.name,
            country=wanted.country,
            currency=wanted.currency,
            locale=wanted.locale,
        )
    )
    population.register(world, owner, Person(zone=wanted.zone, attention=wanted.attention))
    return owner


def _fail(world: World, pm: Obj, code: str, wanted: Wanted) -> None:
    now, hours = world.now(), wanted.clears_after_hours
    clears = None if hours is None else now + timedelta(hours=hours)
    advice = wanted.network_advice_code
    cause = _CAUSES.get(code, "scripted")
    world.cards[pm["id"]].trouble = Trouble(cause, code, now, clears, network_advice_code=advice)


def _subscribe(world: World, owner: Obj, wanted: Wanted) -> Obj:
    price = world.add(
        shapes.price(world, nickname=wanted.nickname, amount=wanted.amount, currency=owner["currency"])
    )
    now = world.now()
    start, end = int(now.timestamp()), int(billing.next_month(now, now.day).timestamp())
    made = world.add(shapes.subscription(world, owner, price, start=start, period_end=end))
    if wanted.reason == "subscription_create":
        made["status"] = "incomplete"
    if wanted.trial:
        made |= {"trial_start": start - _TRIAL_S, "trial_end": start}
    return made


def _bill(world: World, owner: Obj, subscription: Obj | None, wanted: Wanted) -> dict[str, Any]:
    invoice = billing.open_invoice(world, owner, subscription, amount=wanted.amount, reason=wanted.reason)
    billing.first_charge(world, invoice)
    _, intent = payment_of(world, invoice)
    return {"invoice": invoice["id"], "payment_intent": intent["id"]}
