"""Finding a failed invoice that no event told of: read it, and open its recovery as the event would have."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Customer, Invoice, Whose
from dunning.core.changes import Declined
from dunning.core.history import PastCharge
from dunning.core.vocabulary import MadeBy
from dunning.flows import following, observing
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.flows.opening import open_recovery
from dunning.flows.steer import steer
from dunning.gateway.lists import charges_of
from dunning.store import objects, recoveries


@dataclass(frozen=True, slots=True)
class Looked:
    """An invoice about to be read."""

    ticket: int
    unknown_customer: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe showed of it."""

    invoice: Invoice
    customer: Customer | None
    refused: tuple[PastCharge, ...]


@dataclass(frozen=True, slots=True)
class Between:
    """Of what failed when: [since, until) (aware UTC); None is open on that side."""

    since: datetime | None = None
    until: datetime | None = None

    def holds(self, failed_at: datetime) -> bool:
        """Return whether an invoice that first failed then is meant."""
        late = self.until is not None and failed_at >= self.until
        return not late and (self.since is None or failed_at >= self.since)


EVER: Final = Between()


def find(
    house: House, whose: Whose, invoice_id: str, *, failed: Between = EVER, silent: bool = False
) -> Flow[Looked, Answer]:
    """Return the flow that opens the recovery of an invoice which failed, unless it has one.

    Only if it `failed` in that time; `silent`: nobody is written to about it.
    """
    return Flow(
        claim=lambda: _look(house, whose, invoice_id),
        ask=lambda looked: _ask(house, whose, invoice_id, looked),
        record=lambda looked, answer: _record(house, whose, looked, answer, failed, silent=silent),
    )


def would_find(house: House, whose: Whose, invoice_id: str, failed: Between) -> bool:
    """Return whether an invoice is one that `find` would open a recovery of; only reads."""
    answer = _ask(house, whose, invoice_id, Looked(0, unknown_customer=False))
    return wants_recovery(answer.invoice) and failed.holds(_failed_at(answer, house.clock.now()))


def wants_recovery(invoice: Invoice) -> bool:
    """Return whether an invoice was charged in vain and still can be: what an event would have told."""
    ours = invoice.open and invoice.attempted and invoice.collection_method != "send_invoice"
    return ours and not invoice.processing


def _look(house: House, whose: Whose, invoice_id: str) -> Looked | None:
    """Draw a ticket, unless the invoice has a recovery."""
    with house.store.write() as connection:
        if recoveries.newest_of_invoice(connection, whose, invoice_id) is not None:
            return None
        return Looked(objects.draw_ticket(connection, whose, invoice_id), unknown_customer=True)


def _ask(house: House, whose: Whose, invoice_id: str, looked: Looked) -> Answer:
    invoice = house.stripe.invoice(whose, invoice_id)
    if not wants_recovery(invoice):
        return Answer(invoice, None, ())
    wanted = looked.unknown_customer and invoice.customer is not None
    customer = house.stripe.customer(whose, invoice.customer or "") if wanted else None
    intents = [one.payment_intent for one in invoice.payments if one.payment_intent]
    charged = [charge for intent in intents for charge in charges_of(house.stripe, whose, intent)]
    refused = tuple(sorted((one for one in charged if not one.paid), key=lambda one: (one.at, one.id)))
    return Answer(invoice, customer, refused)


def _record(
    house: House, whose: Whose, looked: Looked, answer: Answer, failed: Between, *, silent: bool
) -> None:
    invoice = answer.invoice
    failed_at = _failed_at(answer, house.clock.now())
    if not wants_recovery(invoice) or not failed.holds(failed_at):
        return
    with house.store.write() as connection:
        now = house.clock.now()
        newest = objects.apply_read(connection, whose, invoice, looked.ticket)
        if not newest or recoveries.newest_of_invoice(connection, whose, invoice.id, lock=True) is not None:
            return
        if answer.customer is not None:
            objects.keep_customer(connection, whose, answer.customer, now)
        _open(connection, house, whose, answer, failed_at, now, silent=silent)


def _failed_at(answer: Answer, now: datetime) -> datetime:
    """Return when the invoice first failed; without any charge, when it was to be paid."""
    if answer.refused:
        return answer.refused[0].at
    finalized = [one.created for one in answer.invoice.payments]
    return min(finalized, default=answer.invoice.created or now)


def _open(
    connection: Connection,
    house: House,
    whose: Whose,
    answer: Answer,
    failed_at: datetime,
    now: datetime,
    *,
    silent: bool,
) -> None:
    last = answer.invoice.failure or following.NO_CARD
    first = answer.refused[0].failure if answer.refused else last
    made = open_recovery(
        connection, house, whose, answer.invoice, first, failed_at=failed_at, now=now, silent=silent
    )
    for charge in answer.refused[1:]:
        observing.keep_failure(connection, made, charge.failure, Origin(MadeBy.STRIPE), charge.at)
    if len(answer.refused) > 1:
        steer(connection, house, following.meet_refusal(connection, made, last), Declined(), now=now)
