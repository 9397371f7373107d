"""The handing-over of a written notice to the provider: once, whatever dies in between."""

from dataclasses import dataclass, replace
from typing import Final

from dunning.core.notices import NoticeKind
from dunning.core.vocabulary import MessageState
from dunning.flows import notice_words, wording
from dunning.flows.driver import Flow
from dunning.flows.handing_over import Sent, hand_over
from dunning.flows.house import House
from dunning.flows.noticing import LEASE, POLL, asleep, close, hold_notice, put_off, tell_unknown, why_not
from dunning.flows.telling import tell
from dunning.mail.look import Look
from dunning.mail.provider import Accepted
from dunning.mail.rendered import Rendered
from dunning.store import notices
from dunning.store.notices import NoticeRow

TOLD: Final = {
    NoticeKind.NEW_LINK: "The customer asked for a new link; it was sent to the address on file.",
    NoticeKind.THANK_YOU: "The customer was thanked.",
}


@dataclass(frozen=True, slots=True)
class Written:
    """A notice whose words are in its row, on the way to the provider."""

    notice: NoticeRow
    address: str
    rendered: Rendered
    look: Look


def send(house: House, notice_id: str) -> Flow[Written, Sent]:
    """Return the flow that hands a written notice to the provider, once."""
    return Flow(
        claim=lambda: _take_written(house, notice_id),
        ask=lambda written: hand_over(lambda: _give(house, written)),
        record=lambda written, sent: _record(house, written, sent),
    )


def _take_written(house: House, notice_id: str) -> Written | None:
    """Claim a written notice for the one handing-over it will ever have, if it is still wanted."""
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        notice, recovery = hold_notice(connection, notice_id)
        if notice is None or notice.state is not MessageState.SENDING or notice.lease_until is not None:
            return None
        wanted = (
            recovery is None or notice_words.occasion(connection, notice, recovery, None, now) is not None
        )
        refused = why_not(connection, notice, recovery, notice.address, now, wanted=wanted)
        if refused is not None:
            close(connection, notice, MessageState.SKIPPED, refused)
            return None
        if asleep(connection, house, notice, now) or put_off(connection, notice, now):
            return None
        fence = notice.fence + 1
        notices.change(connection, notice.id, notice.fence, fence=fence, lease_until=lease_now + LEASE)
        address, subject, text, html = notices.words(connection, notice_id)
        look = wording.look_of(connection)
    return Written(replace(notice, fence=fence), address, Rendered(subject, "", text, html), look)


def _give(house: House, written: Written) -> Accepted:
    mail = notice_words.outgoing(house, written.look, written.notice, written.address, written.rendered)
    return house.mailer.send(mail)


def _record(house: House, written: Written, sent: Sent) -> None:
    notice = written.notice
    with house.store.write() as connection:
        now, went_out = house.clock.now(), sent.state is MessageState.SENT
        ours = notices.change(
            connection,
            notice.id,
            notice.fence,
            state=sent.state,
            note=sent.note,
            provider=house.mailer.name,
            sent_at=now if went_out else None,
            lease_until=None,
            ring_at=now + POLL if sent.state is MessageState.PLANNED else None,
        )
        if ours and went_out and notice.recovery_id is not None:
            tell(connection, notice.recovery_id, TOLD[notice.kind], now=now, by="dunning")
        elif ours and sent.state is MessageState.UNKNOWN:
            tell_unknown(connection, notice, now)
