"""The objects of a past bill in Stripe's shape, rendered from its outline."""

from functools import lru_cache
from typing import Final

from dunning.core.clock import VirtualClock
from dunning.sandbox import chance, invoice_shapes, shapes
from dunning.sandbox.books import Books
from dunning.sandbox.charging import payment_error
from dunning.sandbox.declines import PAID, Verdict, declined
from dunning.sandbox.names import BRANDS, FUNDING
from dunning.sandbox.past import Story
from dunning.sandbox.state import Obj, World, from_stamp

_COUNTRIES: Final = (("US", 0.7), ("GB", 0.12), ("DE", 0.1), ("FR", 0.08))
_MONTH: Final = 30 * 86400
_INTENT: Final = {"paid": "succeeded", "void": "canceled"}


class Painter:
    """Renders the objects of past bills for one world; the same bill always looks the same."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._roots = lru_cache(maxsize=1024)(self._root)

    def object_id(self, prefix: str, *parts: object) -> str:
        """Return the id of a past object; no living one has it."""
        return f"{prefix}_{chance.digest(self._world.seed, 'past id', *parts)}"

    def customer(self, owner: int, born: int) -> Obj:
        """Return who owed."""
        return self._roots(owner, born)[0]

    def card(self, owner: int, born: int) -> Obj:
        """Return the card that they have now."""
        return self._roots(owner, born)[1]

    def _root(self, owner: int, born: int) -> tuple[Obj, Obj]:
        seed, then = (self._world.seed, "past owner", owner), self._then(born)
        country = chance.pick(_COUNTRIES, *seed, "country")
        made = shapes.customer(
            then, email=f"past{owner}@example.com", name=f"Past {owner}", country=country, currency="usd"
        )
        made["id"] = self.object_id("cus", owner)
        made["invoice_prefix"] = made["id"][-8:].upper()
        brand = chance.pick(BRANDS, *seed, "brand")
        funding = "credit" if brand == "amex" else chance.pick(FUNDING, *seed, "funding")
        pm = shapes.card(then, made, brand=brand, funding=funding, country=country, exp_year=2031)
        pm["id"] = self.object_id("pm", owner)
        pm["card"] |= {"fingerprint": "fp" + pm["id"][-14:], "last4": f"{4242 + owner % 5000:04d}"}
        made["invoice_settings"]["default_payment_method"] = pm["id"]
        return made, pm

    def subscription(self, story: Story, owner: Obj) -> tuple[Obj, Obj]:
        """Return the price and the subscription that the bill is of."""
        then = self._then(story.created)
        price = shapes.price(then, nickname="Pro", amount=story.amount, currency="usd")
        price["id"] = self.object_id("price", story.number)
        made = shapes.subscription(then, owner, price, start=story.created, period_end=story.created + _MONTH)
        made["id"] = self.object_id("sub", story.number)
        made["items"]["data"][0]["subscription"] = made["id"]
        return price, made

    def invoice(self, story: Story, owner: Obj) -> Obj:
        """Return the invoice as it ended."""
        _, subscription = self.subscription(story, owner)
        period = (story.created, story.created + _MONTH)
        made = invoice_shapes.invoice(
            self._then(story.created),
            dict(owner),
            subscription,
            amount=story.amount,
            currency="usd",
            period=period,
            reason="subscription_cycle",
        )
        made["id"] = self.object_id("in", story.number)
        made["lines"]["data"][0]["invoice"] = made["id"]
        made["hosted_invoice_url"] = f"{self._world.base_url}/invoice/{made['id']}"
        made["number"] = f"{owner['invoice_prefix']}-{story.number:06d}"
        return made | self._ended(story, made)

    def _ended(self, story: Story, made: Obj) -> Obj:
        settled = story.amount if story.status == "paid" else 0
        stamped = {"paid": "paid_at", "void": "voided_at", "uncollectible": "marked_uncollectible_at"}
        when = {stamped[story.status]: story.ended} if story.status in stamped else {}
        return {
            "status": story.status,
            "status_transitions": made["status_transitions"] | when,
            "attempted": True,
            "attempt_count": len(story.tries) - story.by_hand,
            "amount_paid": settled,
            "amount_remaining": story.amount - settled,
            "auto_advance": False,
        }

    def intent(self, story: Story, invoice: Obj, pm: Obj) -> Obj:
        """Return the payment intent behind the bill."""
        made = invoice_shapes.payment_intent(self._then(story.created), invoice)
        made["id"] = self.object_id("pi", story.number)
        last = len(story.tries) - 1
        charge_id = self.object_id("ch", story.number, last)
        ended = _INTENT.get(story.status, "requires_payment_method")
        made |= {
            "latest_charge": charge_id,
            "status": ended if story.paid or ended != "succeeded" else "canceled",
        }
        if story.paid:
            return made | {"payment_method": pm["id"], "amount_received": story.amount}
        error = payment_error(pm, _verdict(story, last), None) | {"charge": charge_id}
        return made | {"last_payment_error": error}

    def payment(self, story: Story, invoice: Obj, intent: Obj) -> Obj:
        """Return the invoice's default payment, which maps the payment intent to the invoice."""
        made = invoice_shapes.invoice_payment(self._then(story.created), invoice, intent)
        made["id"] = self.object_id("inpay", story.number)
        if story.paid:
            paid = {"canceled_at": None, "paid_at": story.ended}
            return made | {"status": "paid", "amount_paid": story.amount, "status_transitions": paid}
        closed = {"canceled_at": story.ended, "paid_at": None}
        alive = story.status in {"open", "uncollectible"}
        return made if alive else made | {"status": "canceled", "status_transitions": closed}

    def charge(self, story: Story, place: int, owner: Obj, pm: Obj) -> Obj:
        """Return one try; before the network renewed the card, it had another number."""
        at = story.tries[place][0]
        if story.renewed and place < len(story.tries) - 1:
            pm = pm | {"card": pm["card"] | {"last4": "0001", "exp_year": 2024}}
        intent = {
            "id": self.object_id("pi", story.number),
            "amount": story.amount,
            "currency": "usd",
            "customer": owner["id"],
            "description": None if story.alone else "Subscription update",
        }
        made = invoice_shapes.charge(self._then(at), intent, pm, _verdict(story, place))
        return made | {"id": self.object_id("ch", story.number, place)}

    def _then(self, at: int) -> World:
        """Return an empty world at an instant of the past: shapes ask it for the time and for ids."""
        clock = VirtualClock(from_stamp(at))
        return World(clock, self._world.seed, Books(), self._world.livemode, self._world.base_url)


def _verdict(story: Story, place: int) -> Verdict:
    code = story.tries[place][1]
    return PAID if code is None else declined(code)
