"""One message of a campaign: checked against the invoice, then written down, before `sending` hands it over.

The row becomes `sending`, with its words, before the provider hears of it. A row that was claimed for the
handing-over and found after a crash is `unknown` from then on: the provider may have accepted it, so it is
shown and never sent again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Customer, Invoice
from dunning.core.campaign import Situation, into_daytime, refusal
from dunning.core.vocabulary import Arm, AttemptState, MessageState
from dunning.errors import Refused
from dunning.flows import wording
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.flows.recipients import reach
from dunning.mail.render import Rendered
from dunning.store import attempts, messages, objects, rules, switches
from dunning.store.rows import MessageRow, RecoveryRow
from dunning.timing.localtime import zone_of

LEASE: Final = timedelta(seconds=90)
A_DAY: Final = timedelta(days=1)
POLL: Final = timedelta(minutes=10)

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
        if message.state not in {MessageState.PLANNED, MessageState.SENDING}:
            return None
        if message.lease_until is not None and message.state is MessageState.SENDING:
            _give_up_if_stale(connection, message, now, lease_now)
            return None
        if recovery.customer_id is None:
            _skip(connection, message, "The invoice names no customer.")
            return None
        if _put_off(connection, message, recovery, now):
            return None
        return _claimed(connection, message, recovery, lease_now)


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


def _put_off(connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime) -> bool:
    """Let a message that must wait be planned for later; return whether it must."""
    until = _not_yet(connection, message, recovery, now)
    if until is None:
        return False
    later = {"state": MessageState.PLANNED, "ring_at": until, "lease_until": None, "fence": message.fence + 1}
    return messages.change(connection, message.id, message.fence, **later)


def _not_yet(
    connection: Connection, message: MessageRow, recovery: RecoveryRow, now: datetime
) -> datetime | None:
    """Return when to look again at a message that must wait: kill switch, night, one already sent today."""
    if switches.read(connection, recovery.segment).paused:
        return now + POLL
    customer = objects.customer(connection, message.whose, recovery.customer_id)
    zone = zone_of(customer.timezone if customer else None, customer.country if customer else None)
    daytime = into_daytime(now, zone)
    if daytime > now:
        return daytime
    address = message.address or (customer.email if customer else None)
    if address is not None and messages.sent_to(connection, address, now, A_DAY, but=message.id):
        return into_daytime(now + A_DAY, zone)
    return None


def _skip(connection: Connection, message: MessageRow, why: str) -> None:
    skipped = {"state": MessageState.SKIPPED, "note": why, "ring_at": None, "fence": message.fence + 1}
    messages.change(connection, message.id, message.fence, **skipped)


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
        _skip(connection, hand.message, f"Stripe would not show the invoice or its customer: {error}"[:300])


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
        if reached.missing is not None:
            _skip(connection, message, reached.missing)
        elif may_go(connection, message, recovery, reached.address, now, still_open=still_open):
            try:
                rendered = wording.render_message(
                    connection, house, message, recovery, invoice, customer, now
                )
            except (LookupError, ValueError) as error:
                _skip(connection, message, f"It could not be written: {error}"[:300])
                return
            _keep_words(connection, message, reached.address, rendered, now)


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
    why_not = _why_not(connection, message, recovery, address, still_open=still_open)
    if why_not is not None:
        _skip(connection, message, why_not)
        return False
    return not _put_off(connection, message, recovery, now)


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


def _why_not(
    connection: Connection,
    message: MessageRow,
    recovery: RecoveryRow,
    address: str | None,
    *,
    still_open: bool,
) -> str | None:
    campaign = rules.campaign(connection, recovery.campaign_key, recovery.campaign_version)
    step = campaign.step(message.step)
    if step is None:
        return "The campaign has no such step."
    history = attempts.of_recovery(connection, recovery.id)
    situation = Situation(
        status=recovery.status,
        decline_class=recovery.decline_class,
        retries_failed=sum(a.state is AttemptState.DECLINED for a in history) - 1,
        invoice_open=still_open,
        address=address,
        suppressed=address is not None and messages.suppressed(connection, recovery.account_id, address),
        messages_on=switches.read(connection, recovery.segment).messages,
        held_out=recovery.messages_arm is Arm.HOLDOUT,
    )
    return refusal(step, situation)
