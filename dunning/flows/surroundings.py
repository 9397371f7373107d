"""What is asked beside an invoice whose payment failed: its subscription, and the customer's other cards."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Card, Invoice, Subscription, Whose
from dunning.errors import Refused
from dunning.flows.house import House
from dunning.store import objects, recoveries, wallets

LEFT_OUT: Final = frozenset({403, 404})
T = TypeVar("T")

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What Stripe said at `asked_at`; `cards` are all that the customer has saved, None when not asked."""

    asked_at: datetime
    customer: str | None
    subscription: Subscription | None = None
    cards: tuple[Card, ...] | None = None


def ask_around(house: House, whose: Whose, invoice: Invoice) -> Surroundings:
    """Return the subscription behind an invoice and its customer's cards; what is gone is left out.

    Raises:
        StripeError: Stripe could not be asked.
    """
    asked_at, subscription = house.clock.now(), None
    if invoice.subscription is not None:
        subscription = _unless_gone(
            lambda: house.stripe.subscriptions.read(whose, invoice.subscription or "")
        )
    cards = cards_of(house, whose, invoice.customer)
    return Surroundings(asked_at, invoice.customer, subscription, cards)


def cards_of(house: House, whose: Whose, customer_id: str | None) -> tuple[Card, ...] | None:
    """Return every card that a customer has saved; None where there is no such customer any more."""
    if customer_id is None:
        return None
    return _unless_gone(lambda: house.stripe.subscriptions.cards(whose, customer_id))


def around_card(house: House, whose: Whose, card: Card) -> Surroundings | None:
    """Return all cards of a customer who still owes, when one of them comes or goes; else None."""
    with house.store.read() as connection:
        known = objects.card(connection, whose, card.id)
        owner = card.customer or (known.customer_id if known else None)
        owing = owner is not None and recoveries.owes(connection, whose, owner)
    if not owing:
        return None
    asked_at = house.clock.now()
    return Surroundings(asked_at, owner, cards=cards_of(house, whose, owner))


def keep(connection: Connection, whose: Whose, found: Surroundings | None) -> None:
    """Keep what was found; the customer's recoveries are held before the cards, as everywhere."""
    if found is None:
        return
    if found.subscription is not None:
        wallets.keep_subscription(connection, whose, found.subscription, found.asked_at)
    if found.customer is None or found.cards is None:
        return
    recoveries.open_of_customer(connection, whose, found.customer)
    wallets.keep_all(connection, whose, found.customer, found.cards, found.asked_at)


def _unless_gone(ask: Callable[[], T]) -> T | None:
    """A key without the right to read it opens the recovery all the same; doctor says what is missing."""
    try:
        return ask()
    except Refused as error:
        if error.status not in LEFT_OUT:
            raise
        log.warning("surroundings_not_read", status=error.status, error=str(error))
        return None
