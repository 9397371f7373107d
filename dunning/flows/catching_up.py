"""Catching up with a recovery whose invoice has ended while nobody told us."""

from dunning.core.billing import Card, Invoice, Whose
from dunning.core.vocabulary import CLOSED, MadeBy
from dunning.flows import following, observing, settling
from dunning.flows.driver import Flow
from dunning.flows.following import ENDS
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.store import attempts, inbox, objects, recoveries

Answer = tuple[Invoice, Card | None]


def has_ended(invoice: Invoice) -> bool:
    """Return whether nothing can be collected any more."""
    return invoice.status == "paid" or invoice.status in ENDS


def catch_up(house: House, whose: Whose, invoice_id: str) -> Flow[int, Answer]:
    """Return the flow that reads an invoice and lets its open recovery follow; a waiting event goes first."""
    return Flow(
        claim=lambda: _look(house, whose, invoice_id),
        ask=lambda _ticket: _ask(house, whose, invoice_id),
        record=lambda ticket, answer: _record(house, whose, ticket, answer),
    )


def _look(house: House, whose: Whose, invoice_id: str) -> int | None:
    with house.store.write() as connection:
        recovery = recoveries.newest_of_invoice(connection, whose, invoice_id)
        if recovery is None or recovery.status in CLOSED or inbox.waits_for(connection, whose, invoice_id):
            return None
        return objects.draw_ticket(connection, whose, invoice_id)


def _ask(house: House, whose: Whose, invoice_id: str) -> Answer:
    """Read the invoice and, where it is paid, the card that paid: whether it is saved tells who used it."""
    invoice = house.stripe.invoice(whose, invoice_id)
    paying = invoice.settled[-1].card_id if invoice.status == "paid" and invoice.settled else None
    return invoice, house.stripe.card(whose, paying) if paying is not None else None


def _record(house: House, whose: Whose, ticket: int, answer: Answer) -> None:
    invoice, card = answer
    with house.store.write() as connection:
        now = house.clock.now()
        if not objects.apply_read(connection, whose, invoice, ticket) or not has_ended(invoice):
            return
        recovery = recoveries.newest_of_invoice(connection, whose, invoice.id, lock=True)
        if recovery is None or recovery.status in CLOSED:
            return
        if card is not None:
            objects.keep_card(connection, whose, card)
        nobody = Origin(MadeBy.STRIPE)
        following.follow(connection, house, whose, invoice, nobody, failed=False, at=now, now=now)
        held = recoveries.by_id(connection, recovery.id, lock=True)
        busy = attempts.unfinished(connection, whose, invoice.id) is not None
        payer = observing.payer_or_presumed(connection, recovery, invoice, now)
        if held is None or held.status in CLOSED or busy or invoice.status != "paid" or payer is None:
            return
        who, at = payer
        settling.settle(connection, house, held, invoice, who, paid_at=invoice.paid_at or at, now=now)
