"""Whether a message that somebody holds may go out: not at all, not yet, or now."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.campaign import Anchor, Campaign, Situation, Step, refusal
from dunning.core.conditions import Known
from dunning.core.course import COLLAPSED, NO_TIME, NOTED, UNTIMED
from dunning.core.sending import due
from dunning.core.vocabulary import Arm, AttemptState, MessageState
from dunning.flows.house import House
from dunning.store import attempts, letters, messages, objects, rules, sending, switches
from dunning.store.rows import MessageRow, RecoveryRow
from dunning.timing.localtime import zone_of_customer

POLL: Final = timedelta(minutes=10)
SAFE_MODE_POLL: Final = timedelta(minutes=1)
WENT: Final = frozenset({MessageState.SENDING, MessageState.SENT, MessageState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Later:
    """When to look again, and what put the message off; nothing, where it waits for the kill switch."""

    at: datetime
    moved: tuple[str, ...] = ()


def why_not(
    connection: Connection,
    message: MessageRow,
    recovery: RecoveryRow,
    address: str | None,
    *,
    still_open: bool,
) -> str | None:
    """Return why a message must not go out, as a sentence, or None when it should (now or later)."""
    step = _campaign(connection, recovery).step(message.step)
    if step is None:
        return "The campaign has no such step."
    return refusal(step, _situation(connection, message, recovery, step, address, still_open=still_open))


def asleep(connection: Connection, house: House, message: MessageRow, now: datetime) -> bool:
    """Let a message wait while the database may not know what went out; return whether it waits."""
    if house.guard.unsure(connection, now) is None:
        return False
    return messages.change(connection, message.id, message.fence, ring_at=now + SAFE_MODE_POLL)


def stopped(connection: Connection, recovery: RecoveryRow, now: datetime) -> Later | None:
    """Return when to look again while the kill switch is thrown; None when it is not."""
    return Later(now + POLL) if switches.read(connection, recovery.segment).paused else None


def not_yet(
    connection: Connection, message: MessageRow, recovery: RecoveryRow, address: str | None, now: datetime
) -> Later | str | None:
    """Return until when a message must wait, or why it is too late for it then; None when it may go."""
    if message.channel in UNTIMED:
        return None
    sent: list[datetime] = []
    if message.channel in NOTED and address is not None:
        sent = letters.written_to(connection, address, now, but=message.id)
    customer = objects.customer(connection, message.whose, recovery.customer_id)
    zone = zone_of_customer(customer)
    found = due(now, zone, sending.current(connection), sent)
    if message.before_at is not None and found.at >= message.before_at:
        return NO_TIME
    return Later(found.at, found.moved) if found.at > now else None


def outdated(
    connection: Connection, message: MessageRow, recovery: RecoveryRow, address: str | None, now: datetime
) -> str | None:
    """Return why a message of a backlog does not go out: a newer one to its recipient is due, or went."""
    campaign = _campaign(connection, recovery)
    order = [step.key for step in campaign.steps]
    invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
    still_open = invoice is not None and invoice.status == "open"
    for other in messages.of_recovery(connection, recovery.id):
        alike = (other.channel, other.recipient) == (message.channel, message.recipient)
        if not alike or not _newer(other, message, order):
            continue
        if other.state in WENT:
            return COLLAPSED
        if other.state is not MessageState.PLANNED or other.due_at > now or needs_approval(campaign, other):
            continue
        if why_not(connection, other, recovery, address, still_open=still_open) is None:
            return COLLAPSED
    return None


def needs_approval(campaign: Campaign, message: MessageRow) -> bool:
    """Return whether a message will wait for a person to approve it."""
    step = campaign.step(message.step)
    return step is not None and step.approval and message.approved_words is None


def known_now(recovery: RecoveryRow) -> Known | None:
    """Return what was known at the opening, with the decline as it is now."""
    if recovery.known is None:
        return None
    was = Known.loads(recovery.known)
    return replace(was, decline_class=recovery.decline_class, decline_code=recovery.decline_code)


def _campaign(connection: Connection, recovery: RecoveryRow) -> Campaign:
    return rules.campaign(connection, recovery.campaign_key, recovery.campaign_version)


def _newer(other: MessageRow, message: MessageRow, order: list[str]) -> bool:
    if other.due_at != message.due_at or other.step not in order or message.step not in order:
        return other.due_at > message.due_at
    return order.index(other.step) > order.index(message.step)


def _situation(
    connection: Connection,
    message: MessageRow,
    recovery: RecoveryRow,
    step: Step,
    address: str | None,
    *,
    still_open: bool,
) -> Situation:
    history = attempts.of_recovery(connection, recovery.id)
    announced = step.anchor is Anchor.BEFORE_RETRY
    links = messages.links_of(connection, recovery.id)
    return Situation(
        status=recovery.status,
        decline_class=recovery.decline_class,
        retries_failed=sum(a.state is AttemptState.DECLINED for a in history) - 1,
        invoice_open=still_open,
        address=address,
        suppressed=_suppressed(connection, message, recovery, address),
        messages_on=switches.read(connection, recovery.segment).messages,
        held_out=recovery.messages_arm is Arm.HOLDOUT,
        link_used=any(link.used_at is not None for link in links),
        known=known_now(recovery),
        sent_so_far=_sent_so_far(connection, message) if message.channel in NOTED else 0,
        most=sending.current(connection).a_recovery,
        retry_gone=announced and recovery.next_attempt_at != message.before_at,
    )


def _suppressed(
    connection: Connection, message: MessageRow, recovery: RecoveryRow, address: str | None
) -> bool:
    if message.channel not in NOTED or address is None:
        return False
    return messages.suppressed(connection, recovery.account_id, address)


def _sent_so_far(connection: Connection, message: MessageRow) -> int:
    rows = messages.of_recovery(connection, message.recovery_id)
    return sum(row.state in WENT and row.channel in NOTED and row.id != message.id for row in rows)
