"""The handing-over of a written message to its channel: once, whatever dies in between.

The claim leaves a lease behind. Only the answer of the provider takes it away: a message whose sender died is
`unknown`, listed for staff, and never handed over again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.vocabulary import MessageState
from dunning.flows import holding_back, wording
from dunning.flows.announcing import announce_message
from dunning.flows.driver import Flow
from dunning.flows.handing_over import Sent, hand_over
from dunning.flows.house import House
from dunning.flows.messaging import LEASE, hold_message, may_go
from dunning.mail.look import Look
from dunning.mail.provider import Accepted
from dunning.mail.render import Rendered
from dunning.store import contacts, messages, objects, queue_items
from dunning.store.rows import MessageRow, RecoveryRow

LATER: Final = timedelta(minutes=10)  # after an answer that says "not now"


@dataclass(frozen=True, slots=True)
class Written:
    """A message whose words are in its row, on the way to the provider; `at` is when it was looked at."""

    message: MessageRow
    recovery: RecoveryRow
    address: str
    rendered: Rendered
    look: Look
    at: datetime


def send(house: House, message_id: str) -> Flow[Written, Sent]:
    """Return the flow that hands a written message to its channel, once."""
    return Flow(
        claim=lambda: _take_written(house, message_id),
        ask=lambda written: hand_over(lambda: _give(house, written)),
        record=lambda written, sent: _record(house, written, sent),
    )


def _take_written(house: House, message_id: str) -> Written | None:
    """Claim a written message for the one handing-over it will ever have, if it is still wanted."""
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        message, recovery = hold_message(connection, message_id)
        if message is None or recovery is None:
            return None
        if message.state is not MessageState.SENDING or message.lease_until is not None:
            return None
        if holding_back.asleep(connection, house, message, now):
            return None
        invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
        still_open = invoice is not None and invoice.status == "open"
        if not may_go(connection, message, recovery, message.address, now, still_open=still_open):
            return None
        fence = message.fence + 1
        messages.change(connection, message.id, message.fence, fence=fence, lease_until=lease_now + LEASE)
        return _written(connection, message, recovery, now)


def _written(connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime) -> Written:
    taken = messages.by_id(connection, message.id)
    address, subject, text, html = messages.words(connection, message.id)
    look = wording.look_of(connection)
    return Written(taken or message, recovery, address, Rendered(subject, "", text, html), look, now)


def _give(house: House, written: Written) -> Accepted:
    message = written.message
    if message.channel == "email":
        mail = wording.outgoing_mail(
            house, written.look, message, written.recovery, written.address, written.rendered
        )
        return house.mailer.send(mail)
    channel = house.channels.get(message.channel)
    if channel is None:
        raise ValueError(f"The channel {message.channel} is not set up.")
    return channel.send(wording.outgoing(message, written.recovery, written.address, written.rendered))


def _record(house: House, written: Written, sent: Sent) -> None:
    with house.store.write() as connection:
        now = house.clock.now()
        queue_items.ring(connection, [written.recovery.id], now)  # before the message, as everybody does
        if sent.unwanted:
            contacts.stop_texts(connection, written.address, now)
        ours = messages.change(
            connection,
            written.message.id,
            written.message.fence,
            state=sent.state,
            note=sent.note,
            provider=_provider(house, written.message),
            reference=sent.reference,
            sent_at=written.at if sent.state is MessageState.SENT else None,
            lease_until=None,
            ring_at=now + LATER if sent.state is MessageState.PLANNED else None,
        )
        if ours and sent.state is MessageState.SENT:
            announce_message(connection, written.message, written.rendered.text, now)


def _provider(house: House, message: MessageRow) -> str:
    return house.mailer.name if message.channel == "email" else message.channel
