"""Handling one kept event: look at what it is about, ask Stripe how things stand now, follow.

An event is a hint, never the truth: it may come twice, late, out of order. What counts is the object as
Stripe shows it when asked, and a ticket drawn before asking keeps an older answer from overwriting a newer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Card, Customer, Invoice, Subscription, Whose
from dunning.core.effects import Effect, Rule, plain_type, rule_of
from dunning.core.vocabulary import EventState
from dunning.errors import Refused, Transient
from dunning.flows import consequences, following, observing, waking
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.flows.needless import OPENING, OVERDUE, why_nothing
from dunning.flows.reversing import told_about
from dunning.flows.surroundings import Surroundings, around_card, ask_around, keep
from dunning.gateway.ask import Kind
from dunning.gateway.listen import parse
from dunning.gateway.listen_shapes import dig, object_id
from dunning.gateway.shapes import read_card, read_subscription
from dunning.store import inbox, objects, recoveries
from dunning.store.engine import is_away
from dunning.store.rows import EventRow

LEASE: Final = timedelta(seconds=90)
MOST_TRIES: Final = 12
LONGEST_OUTSIDE: Final = timedelta(seconds=80)  # then what waited is taken up within two minutes of its end
MOST_STALE: Final = 5  # how often a failure is read anew because a later read of its invoice came first
READ_ANEW: Final = timedelta(seconds=3)
NO_RIGHT: Final = frozenset({401, 403})  # a revoked key, a missing right: the operator's to mend
# What a thin notification only names, and has to be asked for.
NAMED_ONLY: Final[Mapping[Effect, Kind]] = {
    Effect.REFUNDED: "refund",
    Effect.REFUND_FAILED: "refund",
    Effect.CREDITED: "credit_note",
    Effect.CREDIT_VOIDED: "credit_note",
    Effect.DISPUTED: "dispute",
    Effect.DISPUTE_MOVED: "dispute",
    Effect.FRAUD_WARNED: "early_fraud_warning",
}

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """An event in hand, with what there is to ask about it."""

    event: EventRow
    rule: Rule
    body: dict[str, Any]
    ticket: int = 0
    unknown_customer: bool = False

    @property
    def object(self) -> dict[str, Any]:
        """Return the object inside the event; empty in a thin notification."""
        found = dig(self.body, "data", "object")
        return found if isinstance(found, dict) else {}

    @property
    def object_id(self) -> str:
        """Return the id of the object that the event is about."""
        return self.event.object_id or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe said, as far as it was asked."""

    invoice: Invoice | None = None
    customer: Customer | None = None
    card: Card | None = None
    around: Surroundings | None = None
    subscription: Subscription | None = None
    shown: Mapping[str, Any] | None = None  # the object that a thin notification only named


def receive(house: House, seq: int) -> Flow[Claimed, Answer]:
    """Return the flow that handles the event with this sequence number."""
    return Flow(
        claim=lambda: _claim(house, seq),
        ask=lambda claimed: _ask(house, claimed),
        record=lambda claimed, answer: _record(house, claimed, answer),
        fail=lambda claimed, error: _fail(house, claimed, error),
    )


def _claim(house: House, seq: int) -> Claimed | None:
    with house.store.write() as connection:
        now = house.store.lease_now(connection)
        event = inbox.claim(connection, seq, now, LEASE)
        if event is None:
            return None
        try:
            with connection.begin_nested():
                return _look(connection, house, event)
        except Exception as error:  # noqa: BLE001 - the try is counted, whatever the payload does to us
            _let_go(connection, house, event, error)
            return None


def _look(connection: Connection, house: House, event: EventRow) -> Claimed | None:
    """Return what there is to ask about an event; one that needs nothing is done."""
    rule = rule_of(event.type)
    claimed = Claimed(event, rule, parse(event.payload))
    done = rule.why or why_nothing(connection, event, rule.effect, claimed.body)
    if not done:
        return _with_ticket(connection, claimed)
    state = EventState.IGNORED if rule.effect is Effect.NONE else EventState.HANDLED
    inbox.finish(connection, event, state, house.clock.now(), done)
    return None


def _with_ticket(connection: Connection, claimed: Claimed) -> Claimed:
    if claimed.rule.effect is not Effect.READ_INVOICE:
        return claimed
    whose = claimed.event.whose
    customer_id = object_id(claimed.object.get("customer"))
    unknown = objects.customer(connection, whose, customer_id) is None
    ticket = objects.draw_ticket(connection, whose, claimed.object_id)
    return Claimed(claimed.event, claimed.rule, claimed.body, ticket, unknown)


def _ask(house: House, claimed: Claimed) -> Answer:
    whose, object_id = claimed.event.whose, claimed.object_id
    match claimed.rule.effect:
        case Effect.READ_INVOICE:
            failed = plain_type(claimed.event.type) in OPENING
            ask_invoice = house.stripe.failed_invoice if failed else house.stripe.invoice
            invoice = ask_invoice(whose, object_id)
            ask_customer = claimed.unknown_customer and invoice.customer is not None
            customer = house.stripe.customer(whose, invoice.customer or "") if ask_customer else None
            around = ask_around(house, whose, invoice) if failed else None
            return Answer(invoice, customer, around=around)
        case Effect.READ_CUSTOMER:
            return Answer(customer=house.stripe.customer(whose, object_id))
        case Effect.CARD_ADDED | Effect.CARD_RENEWED | Effect.CARD_REMOVED:
            shown = claimed.object if claimed.object.get("type") else None
            card = read_card(shown) if shown else house.stripe.card(whose, object_id)
            return Answer(card=card, around=around_card(house, whose, card))
        case Effect.CARD_EDITED:
            return Answer(card=house.stripe.card(whose, object_id))
        case Effect.READ_SUBSCRIPTION:
            found = house.stripe.subscriptions.read(whose, object_id)
            return Answer(card=_card_named(house, whose, found.default_card), subscription=found)
        case Effect.SUBSCRIPTION_ENDED:
            read = house.stripe.subscriptions.read
            ended = claimed.object if claimed.object.get("id") else None
            return Answer(subscription=read_subscription(ended) if ended else read(whose, object_id))
        case effect if effect in NAMED_ONLY and not claimed.object:
            return Answer(shown=house.stripe.shown(whose, NAMED_ONLY[effect], object_id))
        case _:
            return Answer()


def _card_named(house: House, whose: Whose, card_id: str | None) -> Card | None:
    """Return the card that an object names; None when it names none, or one that is gone."""
    if card_id is None:
        return None
    try:
        return house.stripe.card(whose, card_id)
    except Refused as error:
        if error.status != 404:
            raise
        return None


def _record(house: House, claimed: Claimed, answer: Answer) -> None:
    event = claimed.event
    with house.store.write() as connection:
        now = house.clock.now()
        found = dict(answer.shown) if answer.shown is not None else claimed.object
        note = told_about(found) if answer.shown is not None else None
        if not inbox.finish(connection, event, EventState.HANDLED, now, note):
            return
        if answer.invoice is not None:
            _record_invoice(connection, house, claimed, answer, answer.invoice, now)
        elif answer.customer is not None:
            _meet_customer(connection, house, event, answer.customer, now)
        else:
            keep(connection, event.whose, answer.around)
            effect, read = claimed.rule.effect, answer.subscription
            consequences.follow_event(connection, house, effect, event, found, answer.card, now, read=read)


def _record_invoice(
    connection: Connection,
    house: House,
    claimed: Claimed,
    answer: Answer,
    invoice: Invoice,
    now: datetime,
) -> None:
    """Follow the invoice if this is its newest read. Held in this order: invoice, recoveries, cards."""
    event = claimed.event
    if not objects.apply_read(connection, event.whose, invoice, claimed.ticket):
        _stale(connection, event, now)
        return
    keep(connection, event.whose, answer.around)
    if answer.customer is not None:
        recoveries.open_of_customer(connection, event.whose, answer.customer.id)
        objects.keep_customer(connection, event.whose, answer.customer, now)
    if invoice.paid_with is not None:
        recoveries.open_of_customer(connection, event.whose, invoice.customer or "")
    _follow_invoice(connection, house, event, invoice, now)
    if invoice.paid_with is not None:
        waking.wake_after_payment(connection, house, event.whose, invoice, invoice.paid_with, now)


def _meet_customer(
    connection: Connection, house: House, event: EventRow, customer: Customer, now: datetime
) -> None:
    """Keep a customer and wake the recoveries, which are held first, with a card that was just chosen."""
    recoveries.open_of_customer(connection, event.whose, customer.id)
    known = objects.customer(connection, event.whose, customer.id)
    before = known.default_card_id if known else None
    chosen = waking.was_chosen(event, customer.default_card, before, known=known is not None)
    objects.keep_customer(connection, event.whose, customer, now)
    if chosen:
        waking.wake_with_default(connection, house, event.whose, customer, now=now)


def _stale(connection: Connection, event: EventRow, now: datetime) -> None:
    """A later read was followed, but not for this event: a failure that only it tells of is read anew."""
    why = "A later read of the invoice was followed already."
    if plain_type(event.type) in OPENING and event.tries <= MOST_STALE:
        inbox.postpone(connection, event, now + READ_ANEW, why)
    else:
        inbox.finish(connection, event, EventState.HANDLED, now, why)


def _follow_invoice(
    connection: Connection,
    house: House,
    event: EventRow,
    invoice: Invoice,
    now: datetime,
) -> None:
    at = event.created_at or event.received_at
    origin = observing.origin_of(
        event.whose,
        invoice.id,
        key=event.idempotency_key,
        request_id=event.request_id,
    )
    told = plain_type(event.type)
    following.follow(
        connection,
        house,
        event.whose,
        invoice,
        origin,
        failed=told in OPENING and told != OVERDUE,
        overdue=told == OVERDUE,
        at=at,
        now=now,
    )


def _fail(house: House, claimed: Claimed, error: Exception) -> None:
    with house.store.write() as connection:
        _let_go(connection, house, claimed.event, error)


def _let_go(connection: Connection, house: House, event: EventRow, error: Exception) -> None:
    """A gone object is an answer; what is wrong outside is waited for; anything else is parked in the end."""
    now, said = house.clock.now(), repr(error)[:500]
    told = {"event_id": event.id, "type": event.type, "error": said}
    forbidden = isinstance(error, Refused) and error.status in NO_RIGHT
    outside = forbidden or isinstance(error, Transient) or is_away(error)
    if isinstance(error, Refused) and error.status == 404:
        gone = "Stripe does not know the object any more."
        inbox.finish(connection, event, EventState.HANDLED, now, gone)
    elif event.tries >= MOST_TRIES and not outside:
        log.error("event_parked", **told)
        inbox.finish(connection, event, EventState.PARKED, now, said)
    else:
        (log.error if forbidden else log.warning)("event_postponed", **told)
        longest = LONGEST_OUTSIDE if outside and not forbidden else inbox.LONGEST_WAIT
        # However long the trouble outside lasts, it leaves the event a try before it is parked.
        tries = min(event.tries, MOST_TRIES - 1) if outside else event.tries
        inbox.put_off(connection, event, now, said, longest=longest, tries=tries)
