"""The past put behind a world's tables: rendered when asked for, thawed where it may still change."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from dunning.sandbox.past import Story, Wanted, counts, imagine
from dunning.sandbox.past_shapes import Painter
from dunning.sandbox.population import register
from dunning.sandbox.retries import plan_next
from dunning.sandbox.shelf import Shelf
from dunning.sandbox.state import CardFile, InvoiceFile, Obj, Person, Trouble, World, from_stamp

_UNENDED = frozenset({"open", "uncollectible"})
_RECENT_S = 14 * 86400  # so long Stripe retries by itself
Row = tuple[str, int, Callable[[], Obj], Callable[[], Mapping[str, Any]]]


def lay_down(world: World, wanted: Wanted) -> Obj:
    """Give a world a past, once, and return the truth about it (see `past.counts`).

    Raises:
        ValueError: it has one already, or the numbers cannot be meant.
    """
    if world.past:
        raise ValueError("this sandbox has a past already")
    stories = imagine(world, wanted)
    archive = _Archive(world, stories)
    world.past = archive.shelves()
    for story in stories:
        if story.status in _UNENDED and not story.alone:
            archive.thaw(story)
    return counts(stories)


class _Archive:
    def __init__(self, world: World, stories: list[Story]) -> None:
        self._world = world
        self._paint = Painter(world)
        self._stories = stories
        self._born = min((story.created for story in stories), default=0)

    def shelves(self) -> dict[str, Shelf]:
        """Return what there is, one shelf a table, each oldest first."""
        rows: dict[str, list[Row]] = {
            "customers": [],
            "payment_methods": [],
            "invoices": [],
            "payment_intents": [],
            "invoice_payments": [],
            "charges": [],
        }
        for owner in sorted({story.owner for story in self._stories}):
            self._put_owner(rows, owner)
        for story in self._stories:
            self._put_story(rows, story)
        rows["charges"].sort(key=lambda row: row[1])
        return {name: self._shelf(name, found) for name, found in rows.items()}

    def _put_owner(self, rows: dict[str, list[Row]], owner: int) -> None:
        made = partial(self._paint.customer, owner, self._born)
        card = partial(self._paint.card, owner, self._born)
        rows["customers"].append((self._paint.object_id("cus", owner), self._born, made, dict))
        rows["payment_methods"].append((self._paint.object_id("pm", owner), self._born, card, dict))

    def _put_story(self, rows: dict[str, list[Row]], story: Story) -> None:
        paint, traits = self._paint, partial(self._traits, story)
        intent = (paint.object_id("pi", story.number), story.created, partial(self._intent, story), traits)
        rows["payment_intents"].append(intent)
        for place, (at, _) in enumerate(story.tries):
            charge_id = paint.object_id("ch", story.number, place)
            rows["charges"].append((charge_id, at, partial(self._charge, story, place), traits))
        if story.alone:
            return
        own = (story.created, partial(self._invoice, story), traits)
        rows["invoices"].append((paint.object_id("in", story.number), *own))
        payment = (story.created, partial(self._payment, story), partial(self._payment_traits, story))
        rows["invoice_payments"].append((paint.object_id("inpay", story.number), *payment))

    def _shelf(self, name: str, rows: list[Row]) -> Shelf:
        shelf = Shelf(self._world.tables[name])
        for row in rows:
            shelf.put(*row)
        return shelf

    def _traits(self, story: Story) -> Mapping[str, Any]:
        now = self._world.tables["invoices"].get(self._paint.object_id("in", story.number))
        return {
            "customer": self._paint.object_id("cus", story.owner),
            "payment_intent": self._paint.object_id("pi", story.number),
            "invoice": self._paint.object_id("in", story.number),
            "subscription": self._paint.object_id("sub", story.number),
            "collection_method": "charge_automatically",
            "status": now["status"] if now else story.status,
        }

    def _payment_traits(self, story: Story) -> Mapping[str, Any]:
        return {**self._traits(story), "status": self._payment(story)["status"]}

    def _owner(self, story: Story) -> tuple[Obj, Obj]:
        world, born = self._world, self._born
        owner, pm = self._paint.customer(story.owner, born), self._paint.card(story.owner, born)
        customers, cards = world.tables["customers"], world.tables["payment_methods"]
        return customers.get(owner["id"], owner), cards.get(pm["id"], pm)

    def _invoice(self, story: Story) -> Obj:
        return self._paint.invoice(story, self._owner(story)[0])

    def _intent(self, story: Story) -> Obj:
        owner, pm = self._owner(story)
        return self._paint.intent(story, self._paint.invoice(story, owner), pm)

    def _payment(self, story: Story) -> Obj:
        living = self._world.tables["invoice_payments"].get(self._paint.object_id("inpay", story.number))
        intent = {"id": self._paint.object_id("pi", story.number)}
        return living or self._paint.payment(story, self._invoice(story), intent)

    def _charge(self, story: Story, place: int) -> Obj:
        owner, pm = self._owner(story)
        return self._paint.charge(story, place, owner, pm)

    def thaw(self, story: Story) -> None:
        """Put a bill among the living, with whatever it refers to."""
        world = self._world
        owner, pm = self._owner(story)
        if owner["id"] not in world.tables["customers"]:
            self._settle_in(owner, pm)
        for made in self._paint.subscription(story, owner):
            world.add(made)
        invoice = world.add(self._paint.invoice(story, owner))
        intent = world.add(self._paint.intent(story, invoice, pm))
        world.add(self._paint.payment(story, invoice, intent))
        for place in range(len(story.tries)):
            world.add(self._paint.charge(story, place, owner, pm))
        code, at = story.tries[-1][1], from_stamp(story.tries[0][0])
        world.files[invoice["id"]] = InvoiceFile(at, pm["id"], code, pm["id"], len(story.tries) - 1)
        world.invoices_of.setdefault(owner["id"], []).append(invoice["id"])
        world.cards[pm["id"]].trouble = Trouble("scripted", code or "generic_decline", since=at)
        if story.status == "open" and story.tries[0][0] + _RECENT_S > world.stamp():
            invoice["auto_advance"] = True
            plan_next(world, invoice, automatic=True)

    def _settle_in(self, owner: Obj, pm: Obj) -> None:
        world = self._world
        world.add(owner)
        world.add(pm)
        register(world, owner, Person())
        world.cards[pm["id"]] = CardFile(since=from_stamp(self._born))
        world.cards_of.setdefault(owner["id"], []).append(pm["id"])
