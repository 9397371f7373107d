"""One message of a campaign: checked against the invoice, then written down, before `sending` hands it over.

The row becomes `sending`, with its words, before the provider hears of it. A row that was claimed for the
handing-over and found after a crash is `unknown` from then on: the provider may have accepted it, so it is
shown and never sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Customer, Invoice
from dunning.core.vocabulary import Channel, MessageState, Recipient
from dunning.errors import Refused
from dunning.flows import holding_back, tasks, wording
from dunning.flows.announcing import announce_message
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.flows.recipients import reach
from dunning.mail.render import Rendered
from dunning.store import messages, objects, queue_items, rules
from dunning.store import tasks as task_store
from dunning.store.rows import MessageRow, RecoveryRow

LEASE: Final = timedelta(seconds=90)
HERE: Final[Mapping[str, str]] = {
    Channel.CALL: "staff",
    Channel.IN_APP: "in_app",
}  # who takes what needs no provider

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class InHand:
    """A due message, before its invoice is re-read."""

    message: MessageRow
    recovery: RecoveryRow
    ticket: int


def write(house: House, message_id: str) -> Flow[InHand, tuple[Invoice, Customer]]:
    """Return the flow that checks a due message and writes its words into its row."""
    return Flow(
        claim=lambda: _take(house, message_id),
        ask=lambda hand: _look(house, hand),
        record=lambda hand, seen: _write(house, hand, *seen),
        fail=lambda hand, error: _let_go(house, hand, error),
    )


def _take(house: House, message_id: str) -> InHand | None:
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        message, recovery = hold_message(connection, message_id)
        if message is None or recovery is None:
            return None
        if message.state not in {MessageState.PLANNED, MessageState.SENDING} or message.awaits_since:
            return None
        if message.lease_until is not None and message.state is MessageState.SENDING:
            _give_up_if_stale(connection, message, now, lease_now)
            return None
        if holding_back.asleep(connection, house, message, now):
            return None
        if recovery.customer_id is None:
            skip(connection, message, "The invoice names no customer.", now)
            return None
        if _held_back(connection, message, recovery, now):
            return None
        return _claimed(connection, message, recovery, lease_now)


def _held_back(connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime) -> bool:
    """Let a message wait, for its time or for a person, or skip it for a newer one; return whether."""
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    address = message.address
    if customer and (message.channel, message.recipient) == (Channel.EMAIL, Recipient.CUSTOMER):
        address = customer.email
    if holding_back.stopped(connection, recovery, now) is None:
        why = holding_back.outdated(connection, message, recovery, address, now)
        if why is not None:
            skip(connection, message, why, now)
            return True
    return _put_off(connection, message, recovery, address, now)


def hold_message(connection: Connection, message_id: str) -> tuple[MessageRow | None, RecoveryRow | None]:
    """Hold a message and, first, its invoice and recovery: everybody takes them in this order."""
    seen = messages.by_id(connection, message_id)
    recovery = hold(connection, seen.recovery_id) if seen else None
    return messages.by_id(connection, message_id, lock=True), recovery


def _claimed(
    connection: Connection, message: MessageRow, recovery: RecoveryRow, lease_now: datetime
) -> InHand | None:
    """Claim a message; one that was written and never handed over is planned and checked again."""
    taken = {"state": MessageState.PLANNED, "fence": message.fence + 1, "lease_until": lease_now + LEASE}
    messages.change(connection, message.id, message.fence, **taken)
    fresh = messages.by_id(connection, message.id)
    if fresh is None:
        return None
    return InHand(fresh, recovery, objects.draw_ticket(connection, recovery.whose, recovery.invoice_id))


def _give_up_if_stale(
    connection: Connection, message: MessageRow, now: datetime, lease_now: datetime
) -> None:
    if message.lease_until is None or message.lease_until > lease_now:
        return  # being handed over right now
    messages.change(
        connection,
        message.id,
        message.fence,
        state=MessageState.UNKNOWN,
        note="The sender died while handing it over; the provider may have it.",
        ring_at=None,
        fence=message.fence + 1,
    )
    log.warning("message_unknown", message_id=message.id, at=now.isoformat())


def _put_off(
    connection: Connection, message: MessageRow, recovery: RecoveryRow, address: str | None, now: datetime
) -> bool:
    """Let a message that must wait be planned for later, or skip it if that is too late; return whether."""
    found = holding_back.stopped(connection, recovery, now) or holding_back.not_yet(
        connection, message, recovery, address, now
    )
    if found is None:
        return False
    if isinstance(found, str):
        skip(connection, message, found, now)
        return True
    moved = list(dict.fromkeys([*(message.moved or ()), *map(str, found.moved)]))
    later = {"state": MessageState.PLANNED, "ring_at": found.at, "lease_until": None, "moved": moved}
    return messages.change(connection, message.id, message.fence, fence=message.fence + 1, **later)


def skip(connection: Connection, message: MessageRow, why: str, now: datetime) -> None:
    """End a message that does not go out, and what staff was to do about it."""
    skipped = {"state": MessageState.SKIPPED, "note": why, "ring_at": None, "fence": message.fence + 1}
    if messages.change(connection, message.id, message.fence, **skipped):
        queue_items.ring(connection, [message.recovery_id], now)
        task_store.drop_of_message(connection, message.id, why, at=now)


def _look(house: House, hand: InHand) -> tuple[Invoice, Customer]:
    recovery = hand.recovery
    invoice = house.stripe.invoice(recovery.whose, recovery.invoice_id)
    customer = house.stripe.customer(recovery.whose, recovery.customer_id or "")
    return invoice, customer


def _let_go(house: House, hand: InHand, error: Exception) -> None:
    """Skip a message whose invoice or customer Stripe does not know; after any other error it rings again."""
    if not isinstance(error, Refused) or error.status not in {400, 404}:
        raise error
    with house.store.write() as connection:
        why = f"Stripe would not show the invoice or its customer: {error}"[:300]
        skip(connection, hand.message, why, house.clock.now())


def _write(house: House, hand: InHand, invoice: Invoice, customer: Customer) -> None:
    with house.store.write() as connection:
        now = house.clock.now()
        message, recovery = hold_message(connection, hand.message.id)
        if message is None or recovery is None or message.fence != hand.message.fence:
            return
        objects.apply_read(connection, recovery.whose, invoice, hand.ticket)
        # The customer's row is held from here on: two messages to one person are written one after the other.
        objects.keep_customer(connection, recovery.whose, customer, now)
        still_open = invoice.open and not invoice.processing
        reached = reach(connection, house.settings, message, customer)
        address = reached.address
        if reached.missing is not None:
            skip(connection, message, reached.missing, now)
        elif may_go(connection, message, recovery, address, now, still_open=still_open):
            try:
                rendered = _words(connection, house, message, recovery, invoice, customer, now)
            except (LookupError, ValueError) as error:
                _fail(connection, message, str(error))
                return
            if _must_wait(connection, message, recovery, address, rendered):
                _await_approval(connection, message, address, rendered, now)
            else:
                _keep_words(connection, message, address, rendered, now)
                _deliver_here(connection, message, recovery, now)


def _words(
    connection: Connection,
    house: House,
    message: MessageRow,
    recovery: RecoveryRow,
    invoice: Invoice,
    customer: Customer,
    now: datetime,
) -> Rendered:
    """Return what a message says; a step without a template says nothing."""
    if not message.template:
        return Rendered("", "", "", "")
    return wording.render_message(connection, house, message, recovery, invoice, customer, now)


def may_go(
    connection: Connection,
    message: MessageRow,
    recovery: RecoveryRow,
    address: str | None,
    now: datetime,
    *,
    still_open: bool,
) -> bool:
    """Return whether a held message may go out now; one that may not is skipped or planned for later."""
    why_not = holding_back.why_not(connection, message, recovery, address, still_open=still_open)
    if why_not is not None:
        skip(connection, message, why_not, now)
        return False
    return not _put_off(connection, message, recovery, address, now)


def _fail(connection: Connection, message: MessageRow, why: str) -> None:
    failed = {"state": MessageState.FAILED, "note": why[:500], "ring_at": None, "lease_until": None}
    messages.change(connection, message.id, message.fence, **failed, fence=message.fence + 1)
    log.warning("message_unwritable", message_id=message.id, why=why[:200])


def _must_wait(
    connection: Connection,
    message: MessageRow,
    recovery: RecoveryRow,
    address: str | None,
    rendered: Rendered,
) -> bool:
    """Return whether a person must still approve these words."""
    step = rules.campaign(connection, recovery.campaign_key, recovery.campaign_version).step(message.step)
    if step is None or not step.approval:
        return False
    return message.approved_words != wording.digest(rendered, address)


def _await_approval(
    connection: Connection, message: MessageRow, address: str | None, rendered: Rendered, now: datetime
) -> None:
    again = "Its words changed after it was approved." if message.approved_words else None
    messages.change(
        connection,
        message.id,
        message.fence,
        state=MessageState.PLANNED,
        address=address,
        subject=rendered.subject,
        body_text=rendered.text,
        body_html=rendered.html,
        note=again,
        awaits_since=now,
        lease_until=None,
        ring_at=None,
    )


def _keep_words(
    connection: Connection, message: MessageRow, address: str | None, rendered: Rendered, now: datetime
) -> None:
    messages.change(
        connection,
        message.id,
        message.fence,
        state=MessageState.SENDING,
        address=address,
        subject=rendered.subject,
        body_text=rendered.text,
        body_html=rendered.html,
        lease_until=None,
        ring_at=now + LEASE,
    )


def _deliver_here(connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime) -> None:
    """What needs no provider has arrived with its row: a call is a task of staff, a banner waits."""
    if message.channel not in HERE:
        return
    if message.channel == Channel.CALL:
        tasks.ask_call(connection, message, recovery, now)
    announce_message(connection, message, "", now)
    arrived = {"state": MessageState.SENT, "sent_at": now, "provider": HERE[message.channel], "ring_at": None}
    messages.change(connection, message.id, message.fence, **arrived)
    queue_items.ring(connection, [message.recovery_id], now)
