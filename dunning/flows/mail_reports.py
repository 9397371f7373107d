"""What a provider reports of a mail, taken once: suppressed addresses, settled doubts, lines for staff."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.vocabulary import MailEventKind as Kind
from dunning.core.vocabulary import MessageState, SuppressionReason
from dunning.flows.house import House
from dunning.flows.telling import tell
from dunning.mail.reports import Report
from dunning.store import mail_events, messages, notices, queue_items, suppressions
from dunning.store.notices import NoticeRow
from dunning.store.rows import MessageRow

NOTICE: Final = "ntc_"  # how the ids of notices begin
SUPPRESSES: Final = {
    Kind.HARD_BOUNCE: SuppressionReason.BOUNCED,
    Kind.COMPLAINT: SuppressionReason.COMPLAINED,
    Kind.UNSUBSCRIBED: SuppressionReason.UNSUBSCRIBED,
}
SENTENCES: Final = {
    Kind.HARD_BOUNCE: "The mail could not be delivered, now or ever",
    Kind.SOFT_BOUNCE: "The mail could not be delivered for now",
    Kind.COMPLAINT: "The recipient called the mail spam",
    Kind.UNSUBSCRIBED: "The recipient wants no friendly notices",
}


def take(house: House, provider: str, reports: Sequence[Report]) -> int:
    """Take reports, each once however often it is told; return how many were new."""
    new = 0
    for report in reports:
        with house.store.write() as connection:
            now = house.clock.now()
            kept = mail_events.keep(
                connection,
                provider,
                report.id,
                report.kind,
                report.address,
                message_id=report.message_id,
                detail=report.detail,
                at=report.at,
                received_at=now,
            )
            if kept:
                new += 1
                _apply(connection, report, now)
        if kept and report.kind in SUPPRESSES:
            with house.store.write() as connection:  # whoever holds a line's recovery may want the message
                queue_items.ring_address(connection, report.address, house.clock.now())
    return new


def _apply(connection: Connection, report: Report, now: datetime) -> None:
    written = _written(connection, report.message_id) if report.message_id else None
    account = written.account_id if written else "self"
    reason = SUPPRESSES.get(report.kind)
    # A complaint about a mail of somebody else's making says nothing of ours; a mailbox that is gone does.
    if reason is not None and (report.message_id or report.kind is Kind.HARD_BOUNCE):
        suppressions.add(
            connection,
            account,
            report.address,
            reason,
            at=report.at,
            detail=report.detail,
            message_id=report.message_id,
        )
    if written is not None:
        _note(connection, written, report, now)


def _written(connection: Connection, its_id: str) -> MessageRow | NoticeRow | None:
    """Return the message or notice that a report is about, held."""
    if its_id.startswith(NOTICE):
        return notices.by_id(connection, its_id, lock=True)
    return messages.by_id(connection, its_id, lock=True)


def _note(connection: Connection, written: MessageRow | NoticeRow, report: Report, now: datetime) -> None:
    said = SENTENCES.get(report.kind)
    sentence = f"{said}: {report.detail}." if said and report.detail else f"{said}." if said else None
    kept = notices if isinstance(written, NoticeRow) else messages
    if written.state is MessageState.UNKNOWN and report.kind is not Kind.UNSUBSCRIBED:
        # it tells of a mail that it can only know by having taken it
        kept.settle_unknown(connection, written.id, sent_at=report.at, note=sentence)
    elif sentence is not None:
        kept.note(connection, written.id, sentence)
    if sentence is not None and written.recovery_id and report.kind is not Kind.SOFT_BOUNCE:
        tell(connection, written.recovery_id, sentence, now=now, by="mail provider", kind="mail")
