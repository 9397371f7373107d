"""Customers on request: one with exactly this card, this amount and this failure, now."""

from datetime import timedelta
from typing import Any

from dunning.sandbox import billing, population, shapes
from dunning.sandbox.charging import payment_of
from dunning.sandbox.events import emit
from dunning.sandbox.state import STRIPE, Obj, Person, Trouble, World
from dunning.sandbox.wallet import add_card

_CAUSES = {"authentication_required": "authentication", "processing": "processing"}


def create_customer(
    world: World,
    *,
    email: str | None = None,
    name: str = "Robin Example",
    country: str = "US",
    currency: str = "usd",
    amount: int = 2900,
    fail: str | None = None,
    clears_after_hours: float | None = None,
    brand: str = "visa",
    funding: str = "debit",
    backup: bool = False,
    subscription_default: bool = False,
    one_off: bool = False,
    bill: bool = True,
    zone: str = "UTC",
    attention: float = 1.0,
    network_advice_code: str | None = None,
    nickname: str = "Pro",
    locale: str = "en",
) -> dict[str, Any]:
    """Create a customer with a card and a subscription, bill it now, and return the ids.

    `fail` is a decline code (or `processing`) that the card answers until `clears_after_hours` (null: for
    ever). `one_off` bills without a subscription; `bill=False` bills nothing. `amount` is in minor units.

    Raises:
        TypeError: for an option that does not exist.
    """
    number = len(world.tables["customers"]) + 1
    owner = world.add(
        shapes.customer(
            world,
            email=email or f"customer{number}@example.com",
            name=name,
            country=country,
            currency=currency,
            locale=locale,
        )
    )
    population.register(world, owner, Person(zone=zone, attention=attention))
    pm = add_card(world, owner, brand=brand, funding=funding, country=country)
    owner["invoice_settings"]["default_payment_method"] = pm["id"]
    spare = add_card(world, owner, country=country, last4="5556") if backup else None
    if fail:
        _fail(world, pm, fail, clears_after_hours, network_advice_code)
    subscription = None if one_off else _subscribe(world, owner, amount, nickname)
    if subscription and subscription_default:
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
    return ids | (_bill(world, owner, subscription, amount) if bill else {})


def _fail(world: World, pm: Obj, code: str, clears_after_hours: float | None, advice: str | None) -> None:
    now = world.now()
    clears = None if clears_after_hours is None else now + timedelta(hours=clears_after_hours)
    cause = _CAUSES.get(code, "scripted")
    world.cards[pm["id"]].trouble = Trouble(cause, code, now, clears, network_advice_code=advice)


def _subscribe(world: World, owner: Obj, amount: int, nickname: str) -> Obj:
    price = world.add(shapes.price(world, nickname=nickname, amount=amount, currency=owner["currency"]))
    now = world.now()
    end = billing.next_month(now, now.day)
    return world.add(
        shapes.subscription(world, owner, price, start=int(now.timestamp()), period_end=int(end.timestamp()))
    )


def _bill(world: World, owner: Obj, subscription: Obj | None, amount: int) -> dict[str, Any]:
    invoice = billing.open_invoice(world, owner, subscription, amount=amount)
    billing.first_charge(world, invoice)
    _, intent = payment_of(world, invoice)
    return {"invoice": invoice["id"], "payment_intent": intent["id"]}
