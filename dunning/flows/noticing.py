"""One notice that is due: checked against its occasion, and its words written down.

The row becomes `sending`, with its words, before the provider hears of it (`notice_sending`). A row found
`sending` after a crash is `unknown` from then on: the provider may have it, so it is never sent again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Customer
from dunning.core.notices import AT_ONCE, BEFORE_A_FAILURE, NoticeKind, Standing, refusal
from dunning.core.renewals import TOO_LATE, Renewal
from dunning.core.sending import due
from dunning.core.vocabulary import Arm, MessageState
from dunning.errors import Refused
from dunning.flows import notice_words
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow
from dunning.flows.holding_back import SAFE_MODE_POLL
from dunning.flows.house import House
from dunning.flows.notice_words import Occasion
from dunning.flows.telling import tell
from dunning.gateway.renewals import renewal
from dunning.store import (
    erasures,
    letters,
    messages,
    notices,
    objects,
    recoveries,
    sending,
    suppressions,
    switches,
)
from dunning.store.notices import NoticeRow
from dunning.store.rows import RecoveryRow
from dunning.timing.localtime import zone_of_customer

LEASE: Final = timedelta(seconds=90)
POLL: Final = timedelta(minutes=10)
A_DAY: Final = timedelta(days=1)
THANKS_WITHIN: Final = timedelta(days=3)  # later it would only puzzle

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class InHand:
    """A due notice, before its occasion is looked at once more."""

    notice: NoticeRow


@dataclass(frozen=True, slots=True)
class Seen:
    """What Stripe showed: the customer, and the renewal that a notice is about, if it is about one."""

    customer: Customer
    renewal: Renewal | None = None


def write(house: House, notice_id: str) -> Flow[InHand, Seen]:
    """Return the flow that checks a due notice and writes its words into its row."""
    return Flow(
        claim=lambda: _take(house, notice_id),
        ask=lambda hand: _look(house, hand.notice),
        record=lambda hand, seen: _write(house, hand.notice, seen),
        fail=lambda hand, error: _let_go(house, hand.notice, error),
    )


def _take(house: House, notice_id: str) -> InHand | None:
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        notice = hold_notice(connection, notice_id)[0]
        if notice is None or notice.state not in {MessageState.PLANNED, MessageState.SENDING}:
            return None
        if notice.state is MessageState.SENDING and notice.lease_until is not None:
            _give_up_if_stale(connection, notice, now, lease_now)
            return None
        if asleep(connection, house, notice, now) or put_off(connection, notice, now):
            return None
        taken = {"state": MessageState.PLANNED, "fence": notice.fence + 1, "lease_until": lease_now + LEASE}
        notices.change(connection, notice.id, notice.fence, **taken)
        return InHand(replace(notice, state=MessageState.PLANNED, fence=notice.fence + 1))


def hold_notice(connection: Connection, notice_id: str) -> tuple[NoticeRow | None, RecoveryRow | None]:
    """Hold a notice and, first, the invoice and recovery that it is about: everybody's order."""
    seen = notices.by_id(connection, notice_id)
    recovery = hold(connection, seen.recovery_id) if seen is not None and seen.recovery_id else None
    return notices.by_id(connection, notice_id, lock=True), recovery


def _give_up_if_stale(connection: Connection, notice: NoticeRow, now: datetime, lease_now: datetime) -> None:
    if notice.lease_until is None or notice.lease_until > lease_now:
        return  # being handed over right now
    why = "The sender died while handing it over; the provider may have it."
    unknown = {"state": MessageState.UNKNOWN, "note": why, "ring_at": None, "fence": notice.fence + 1}
    notices.change(connection, notice.id, notice.fence, **unknown)
    tell_unknown(connection, notice, now)


def tell_unknown(connection: Connection, notice: NoticeRow, now: datetime) -> None:
    """Tell staff, on the timeline of its recovery if it has one, of a notice that may have gone out."""
    log.warning("notice_unknown", notice_id=notice.id)
    if notice.recovery_id is not None:
        what = notice.kind.replace("_", " ")
        told = f"A notice ({what}) may have gone out, or not; it is never sent again."
        tell(connection, notice.recovery_id, told, now=now, by="dunning")


def asleep(connection: Connection, house: House, notice: NoticeRow, now: datetime) -> bool:
    """Let a notice wait while the database may not know what went out; return whether it waits."""
    if house.guard.unsure(connection, now) is None:
        return False
    return notices.change(connection, notice.id, notice.fence, ring_at=now + SAFE_MODE_POLL)


def put_off(connection: Connection, notice: NoticeRow, now: datetime) -> bool:
    """Let a notice that must wait be planned for later; return whether it must."""
    until = _not_yet(connection, notice, now)
    if until is None:
        return False
    later = {"state": MessageState.PLANNED, "ring_at": until, "lease_until": None, "fence": notice.fence + 1}
    return notices.change(connection, notice.id, notice.fence, **later)


def _not_yet(connection: Connection, notice: NoticeRow, now: datetime) -> datetime | None:
    """Return when to look again at a notice that must wait: kill switch, night, a mail already sent today."""
    recovery = recoveries.by_id(connection, notice.recovery_id) if notice.recovery_id else None
    if switches.read(connection, recovery.segment if recovery else None).paused:
        return now + POLL
    if notice.kind in AT_ONCE:
        return None
    customer = objects.customer(connection, notice.whose, notice.customer_id)
    zone = zone_of_customer(customer)
    address = customer.email if customer else None
    written: list[datetime] = []
    if address is not None and notice.kind is not NoticeKind.THANK_YOU:
        written = letters.written_to(connection, address, now, but=notice.id)
    found = due(now, zone, sending.current(connection), written).at
    return found if found > now else None


def _look(house: House, notice: NoticeRow) -> Seen:
    customer = house.stripe.customer(notice.whose, notice.customer_id)
    if notice.subscription_id is None:
        return Seen(customer)
    return Seen(customer, renewal(house.stripe, notice.whose, notice.subscription_id))


def _let_go(house: House, notice: NoticeRow, error: Exception) -> None:
    """Skip a notice whose customer or subscription Stripe does not know; any other error rings again."""
    if not isinstance(error, Refused) or error.status not in {400, 404}:
        raise error
    with house.store.write() as connection:
        close(
            connection, notice, MessageState.SKIPPED, f"Stripe would not show whom it is for: {error}"[:300]
        )


def _write(house: House, claimed: NoticeRow, seen: Seen) -> None:
    with house.store.write() as connection:
        now = house.clock.now()
        notice, recovery = hold_notice(connection, claimed.id)
        if notice is None or notice.fence != claimed.fence:
            return
        # The customer's row is held from here on: two mails to one person are written one after the other.
        objects.keep_customer(connection, notice.whose, seen.customer, now)
        gone = seen.customer.deleted or erasures.erased(connection, notice.whose, notice.customer_id)
        address = None if gone else seen.customer.email
        occasion = notice_words.occasion(connection, notice, recovery, seen.renewal, now)
        refused = why_not(connection, notice, recovery, address, now, wanted=occasion is not None)
        if refused is not None:
            close(connection, notice, MessageState.SKIPPED, refused)
        elif occasion is not None and not put_off(connection, notice, now):
            _keep_words(connection, house, notice, address, seen.customer, occasion, now)


def _keep_words(
    connection: Connection,
    house: House,
    notice: NoticeRow,
    address: str | None,
    customer: Customer,
    occasion: Occasion,
    now: datetime,
) -> None:
    try:
        rendered = notice_words.render_notice(connection, house, notice, customer, occasion, now)
    except (LookupError, ValueError) as error:
        close(connection, notice, MessageState.FAILED, str(error)[:300])
        return
    said = {"subject": rendered.subject, "body_text": rendered.text, "body_html": rendered.html}
    written = {"state": MessageState.SENDING, "address": address, "lease_until": None, "ring_at": now + LEASE}
    notices.change(connection, notice.id, notice.fence, **written, **said)


def close(connection: Connection, notice: NoticeRow, state: MessageState, why: str) -> None:
    """End a notice that was not handed over."""
    closed = {"state": state, "note": why, "ring_at": None, "lease_until": None, "fence": notice.fence + 1}
    notices.change(connection, notice.id, notice.fence, **closed)


def why_not(
    connection: Connection,
    notice: NoticeRow,
    recovery: RecoveryRow | None,
    address: str | None,
    now: datetime,
    *,
    wanted: bool,
) -> str | None:
    """Return why a notice must not go out now, as a sentence, or None when it should."""
    switched = switches.read(connection, recovery.segment if recovery else None)
    held_out = notices.held_out(connection, notice.whose, notice.customer_id)
    standing = Standing(
        messages_on=switched.messages,
        notices_on=switched.notices,
        wanted=wanted,
        address=address,
        suppressed=address is not None and _suppressed(connection, notice, address),
        held_out=recovery.messages_arm is Arm.HOLDOUT if recovery is not None else held_out,
        late=_late(notice, now),
        thanked=address is not None and notices.thanked(connection, address, now - A_DAY, but=notice.id),
    )
    return refusal(notice.kind, standing)


def _suppressed(connection: Connection, notice: NoticeRow, address: str) -> bool:
    ask = suppressions.wants_no_notices if notice.kind in BEFORE_A_FAILURE else messages.suppressed
    return ask(connection, notice.account_id, address)


def _late(notice: NoticeRow, now: datetime) -> bool:
    if notice.renews_at is not None:
        return now > notice.renews_at - TOO_LATE
    return notice.kind is NoticeKind.THANK_YOU and now > notice.due_at + THANKS_WITHIN
