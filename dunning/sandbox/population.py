"""An example world: customers with names, cards, pay cycles and habits, and their subscriptions."""

from datetime import timedelta

from dunning.sandbox import chance, shapes
from dunning.sandbox.names import BRANDS, FIRST, FUNDING, LAST, PLACES, PLANS
from dunning.sandbox.state import Obj, Person, World
from dunning.sandbox.wallet import add_card

_FRAGILITY = ((0.065, 0.54), (0.24, 0.27), (0.93, 0.19))
_STRETCH = ((5.5, 0.42), (2.5, 0.40), (1.4, 0.18))
_HOURS = ((0, 0.15), (3, 0.30), (6, 0.30), (9, 0.20), (17, 0.05))
_WEEKDAYS = ((0, 0.08), (1, 0.08), (2, 0.14), (3, 0.20), (4, 0.50))
_CYCLES_US = (("weekly", 0.27), ("biweekly", 0.43), ("semimonthly", 0.20), ("monthly", 0.10))
_CYCLES_EUROPE = (("monthly", 0.92), ("weekly", 0.08))
_MONTH_DAYS = ((31, 0.4), (25, 0.25), (28, 0.2), (1, 0.15))
_BACKUP_SHARE = 0.14
_SUBSCRIPTION_DEFAULT_SHARE = 0.06
_SPREAD_DAYS = 30


def populate(world: World, customers: int) -> None:
    """Create customers whose first bills spread over the thirty days from now."""
    prices: dict[tuple[str, str], Obj] = {}
    for number in range(customers):
        _settle_in(world, number, prices)


def _settle_in(world: World, number: int, prices: dict[tuple[str, str], Obj]) -> None:
    seed = (world.seed, "person", number)
    country, currency, locale, zones, _ = chance.pick([(one, one[4]) for one in PLACES], *seed, "place")
    state, _, zone = chance.pick([(one, 1.0) for one in zones], *seed, "zone").partition(":")
    first = chance.pick([(one, 1.0) for one in FIRST], *seed, "first")
    last = chance.pick([(one, 1.0) for one in LAST], *seed, "last")
    owner = world.add(
        shapes.customer(
            world,
            email=f"{first}.{last}.{number}@example.com".lower(),
            name=f"{first} {last}",
            country=country,
            currency=currency,
            locale=locale,
            state=state or None,
        )
    )
    register(world, owner, person(seed, country, zone))
    pm = _give_cards(world, owner, country, seed)
    nickname, amount, _ = chance.pick([(one, one[2]) for one in PLANS], *seed, "plan")
    price = prices.get((nickname, currency))
    if price is None:
        price = prices[nickname, currency] = world.add(
            shapes.price(world, nickname=nickname, amount=amount, currency=currency)
        )
    subscribe(world, owner, pm, price, after=chance.uniform(*seed, "billing day") * _SPREAD_DAYS)


def register(world: World, owner: Obj, who: Person) -> None:
    """Make a customer known: by id, and by the address their mail goes to."""
    world.people[owner["id"]] = who
    world.customer_by_email[owner["email"].casefold()] = owner["id"]


def person(seed: tuple[object, ...], country: str, zone: str) -> Person:
    """Return the hidden side of a customer."""
    cycle = chance.pick(_CYCLES_US if country == "US" else _CYCLES_EUROPE, *seed, "cycle")
    days = _MONTH_DAYS if cycle == "monthly" else _WEEKDAYS
    return Person(
        zone=zone,
        pay_cycle=cycle,
        pay_day=chance.pick(days, *seed, "payday"),
        pay_hour=chance.pick(_HOURS, *seed, "pay hour"),
        stretch_days=chance.pick(_STRETCH, *seed, "stretch"),
        fragility=chance.pick(_FRAGILITY, *seed, "fragility"),
        attention=chance.uniform(*seed, "attention"),
    )


def _give_cards(world: World, owner: Obj, country: str, seed: tuple[object, ...]) -> Obj:
    brand = chance.pick(BRANDS, *seed, "brand")
    funding = "credit" if brand == "amex" else chance.pick(FUNDING, *seed, "funding")
    last4 = f"{int(chance.uniform(*seed, 'last4') * 10000):04d}"
    expires = world.now().year + 1 + int(3 * chance.uniform(*seed, "expires"))
    pm = add_card(world, owner, brand=brand, funding=funding, country=country, last4=last4, exp_year=expires)
    owner["invoice_settings"]["default_payment_method"] = pm["id"]
    if chance.uniform(*seed, "backup") < _BACKUP_SHARE:
        add_card(world, owner, funding="credit", country=country, last4="5556")
    return pm


def subscribe(world: World, owner: Obj, pm: Obj, price: Obj, *, after: float) -> Obj:
    """Subscribe a customer; the next bill falls due `after` days from now and then monthly."""
    first_bill = world.now() + timedelta(days=after)
    start = int((first_bill - timedelta(days=30)).timestamp())
    subscription = world.add(
        shapes.subscription(world, owner, price, start=start, period_end=int(first_bill.timestamp()))
    )
    if world.roll(subscription["id"], "own default") < _SUBSCRIPTION_DEFAULT_SHARE and after > 0:
        subscription["default_payment_method"] = pm["id"]
    if world.bill_until is None or first_bill <= world.bill_until:
        world.schedule(first_bill, "bill", subscription_id=subscription["id"], day=first_bill.day)
    return subscription
