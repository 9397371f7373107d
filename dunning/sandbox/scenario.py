"""Customers on request: one with exactly this card, this amount and this failure, now."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Annotated, Any, Final, Literal
from zoneinfo import available_timezones

from dunning.sandbox import banking, billing, population, shapes
from dunning.sandbox.charging import payment_of
from dunning.sandbox.events import emit
from dunning.sandbox.options import Amount, Hours, Share
from dunning.sandbox.state import STRIPE, Obj, Person, Trouble, World
from dunning.sandbox.wallet import add_card

_zones: Final = cache(available_timezones)  # which reads some hundred files
_DEBITED_IN = {"sepa_debit": "eur", "us_bank_account": "usd", "bacs_debit": "gbp", "au_becs_debit": "aud"}
_CAUSES = {"authentication_required": "authentication", "processing": "processing"}

_TRIAL_S = 14 * 86400


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a customer on request is like; a second bill comes only when it is asked for.

    Raises:
        ValueError: for a time zone that does not exist, or a bank debit in a currency it does not know.
    """

    email: Annotated[str | None, "the address; none: a new one"] = None
    name: Annotated[str, "the name"] = "Robin Example"
    country: Annotated[str, "of the customer and the card; cards from `IN` Stripe never retries"] = "US"
    currency: Annotated[str | None, "of the bill; none: the bank debit's own, `usd` for cards"] = None
    locale: Annotated[str, "the language they prefer"] = "en"
    zone: Annotated[str, "their IANA time zone"] = "UTC"
    reads_mail: Annotated[bool, "whether they ever follow the link of a mail"] = True
    attention: Annotated[Share, "how readily they do; at 0 it still happens"] = 1.0
    amount: Annotated[Amount, "of the bill, in minor units"] = 2900
    nickname: Annotated[str, "the plan's name"] = "Pro"
    debit: Annotated[
        Literal["sepa_debit", "us_bank_account", "bacs_debit", "au_becs_debit"] | None,
        "the bank debit they pay with, which processes for days; none: a card",
    ] = None
    brand: Annotated[str, "of the card"] = "visa"
    funding: Annotated[Literal["credit", "debit", "prepaid", "unknown"], "of the card"] = "debit"
    fail: Annotated[
        str | None, "the decline code of the card, or failure code of the debit; `processing` takes a day"
    ] = None
    clears_after_hours: Annotated[Hours | None, "when it stops failing; none: never"] = None
    network_advice_code: Annotated[str | None, "the card network's advice beside the decline"] = None
    updates_after_hours: Annotated[Hours | None, "when the network renews the card; none: never"] = None
    settles_after_hours: Annotated[Hours | None, "how long a debit processes; none: as its kind does"] = None
    returns_after_hours: Annotated[
        Hours | None, "when after its success the bank takes a debit back; none: never"
    ] = None
    return_code: Annotated[str, "why the bank takes it back"] = "insufficient_funds"
    backup: Annotated[bool, "whether there is another card, which works"] = False
    subscription_default: Annotated[bool, "whether the subscription names the card itself"] = False
    one_off: Annotated[bool, "bill without a subscription"] = False
    bill: Annotated[bool, "whether to bill at all"] = True
    card: Annotated[bool, "whether the card is anybody's default"] = True
    reason: Annotated[
        Literal[
            "subscription_create",
            "subscription_cycle",
            "subscription_update",
            "subscription_threshold",
            "manual",
        ],
        "why it is billed; `subscription_create` begins an incomplete subscription",
    ] = "subscription_cycle"
    trial: Annotated[bool, "whether a trial ends with this bill"] = False
    account: Annotated[str | None, "the connected account whose customer this is; none: your own"] = None

    def __post_init__(self) -> None:
        if self.zone not in _zones():
            raise ValueError(f"zone = {self.zone!r} is no IANA time zone: write one such as Europe/Rome")
        needed = _DEBITED_IN.get(self.debit or "", self.currency)
        if self.currency not in {None, needed}:
            raise ValueError(f"currency = {self.currency!r} does not fit: a {self.debit} is in {needed}")

    @property
    def billed_in(self) -> str:
        """The currency of the bill."""
        return self.currency or _DEBITED_IN.get(self.debit or "", "usd")


def create_customer(world: World, wanted: Wanted) -> dict[str, Any]:
    """Create a customer with a card and a subscription, bill it now, and return the ids."""
    owner = _owner(world, wanted)
    pm = _way_to_pay(world, owner, wanted)
    if wanted.card:
        owner["invoice_settings"]["default_payment_method"] = pm["id"]
    spare = add_card(world, owner, country=wanted.country, last4="5556") if wanted.backup else None
    _foretell(world, pm, wanted)
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
            email=wanted.email or f"customer{number}@{_domain(world)}",
            name=wanted.name,
            country=wanted.country,
            currency=wanted.billed_in,
            locale=wanted.locale,
        )
    )
    population.register(world, owner, _person(wanted))
    return owner


def _domain(world: World) -> str:
    name = (world.account or "").removeprefix("acct_").lower().replace("_", "-")
    return f"{name}.example.com" if name else "example.com"


def _person(wanted: Wanted) -> Person:
    return Person(zone=wanted.zone, attention=wanted.attention, reads_mail=wanted.reads_mail)


def _way_to_pay(world: World, owner: Obj, wanted: Wanted) -> Obj:
    if wanted.debit is not None:
        return banking.add_bank_account(world, owner, wanted.debit)
    return add_card(world, owner, brand=wanted.brand, funding=wanted.funding, country=wanted.country)


def _foretell(world: World, pm: Obj, wanted: Wanted) -> None:
    """Lay down what will become of the card or bank account."""
    if wanted.fail:
        _fail(world, pm, wanted.fail, wanted)
    file = world.cards[pm["id"]]
    if wanted.settles_after_hours is not None:
        file.settles = timedelta(hours=wanted.settles_after_hours)
    if wanted.returns_after_hours is not None:
        file.returns = (timedelta(hours=wanted.returns_after_hours), wanted.return_code)
    if wanted.updates_after_hours is not None and pm["type"] == "card":
        at = world.now() + timedelta(hours=wanted.updates_after_hours)
        world.schedule(at, "update_card", pm=pm["id"])


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
