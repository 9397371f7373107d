"""Telling an announcement to a listener of each kind; what it takes beside the row is read before."""

import html
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from dunning import __version__
from dunning.channels.guarded import Answer, post
from dunning.channels.slack import tell_slack
from dunning.channels.zendesk import Note, desk_from_url, write_note
from dunning.core.alerts import HEADINGS, digest, headline, sentence_of
from dunning.core.announcement import ENDINGS, ListenerKind, Topic
from dunning.core.webhook_signature import headers, make_secret
from dunning.flows.house import House
from dunning.mail.compose import compose
from dunning.mail.provider import NotSent, OutgoingMail
from dunning.mail.render import Rendered
from dunning.store.announcements import AnnouncementRow
from dunning.store.listeners import ListenerRow

GONE: Final = 410


@dataclass(frozen=True, slots=True)
class InHand:
    """Announcements that are ours to tell to one listener: one, or for staff all that wait."""

    listener: ListenerRow
    rows: tuple[AnnouncementRow, ...]
    now: datetime
    again: bool = False
    requester: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the other side said. `gone`: the endpoint wants no more."""

    ok: bool
    answer: str
    not_before: timedelta | None = None
    gone: bool = False


def tell_outside(house: House, hand: InHand) -> Told:
    """Tell what is in hand.

    Raises:
        NotSent: it was certainly not taken.
        UnknownOutcome: it may have been.
    """
    match hand.listener.kind:
        case ListenerKind.WEBHOOK:
            return _webhook(house, hand)
        case ListenerKind.SLACK:
            url = house.settings.slack_url
            if url is None:
                raise NotSent("DUNNING_SLACK_URL is not set.", retryable=True)
            return _read(tell_slack(url.get_secret_value(), digest(_lines(house, hand))))
        case ListenerKind.MAIL:
            return _mail(house, hand)
        case ListenerKind.ZENDESK:
            return _help_desk(house, hand)


def secrets_of(house: House, listener: ListenerRow, now: datetime) -> list[str]:
    """Return what a listener's webhooks are signed with: two secrets while one is being rotated."""
    versions = [listener.secret_version]
    if listener.old_secret_until is not None and listener.old_secret_until > now:
        versions.append(listener.secret_version - 1)
    return [make_secret(house.secret, listener.id, version) for version in versions]


def _webhook(house: House, hand: InHand) -> Told:
    row = hand.rows[0]
    body = row.body.encode()
    sent = {
        "content-type": "application/json",
        "user-agent": f"dunning/{__version__}",
        **headers(row.announcement_id, hand.now, body, secrets_of(house, hand.listener, hand.now)),
    }
    return _read(post(hand.listener.target, body, sent, private=house.settings.private_webhooks))


def _read(answer: Answer) -> Told:
    words = f"{answer.status} {' '.join(answer.text.split())}".strip()[:200]
    return Told(200 <= answer.status < 300, words, answer.retry_after, gone=answer.status == GONE)


def _mail(house: House, hand: InHand) -> Told:
    lines = _lines(house, hand)
    text, key = digest(lines), hand.rows[0].id
    page = f"<pre>{html.escape(text)}</pre>"
    host = urlsplit(house.settings.base_url).hostname or "localhost"
    try:
        rendered = Rendered(headline(lines), "", text, page)
        mail = compose(
            rendered,
            message_id_local=hand.rows[0].announcement_id,
            sender=house.settings.mail_from or f"dunning <dunning@{host}>",
            recipient=hand.listener.target,
            domain=host,
        )
    except ValueError as error:
        raise NotSent(str(error), retryable=False) from error
    accepted = house.mailer.send(
        OutgoingMail(
            message=mail,
            recipient=hand.listener.target,
            idempotency_key=f"v1:alert:{key}",
            subject=rendered.subject,
            text=text,
            html=page,
        )
    )
    return Told(ok=True, answer=accepted.reference)


def _help_desk(house: House, hand: InHand) -> Told:
    url = house.settings.zendesk_url
    if url is None:
        raise NotSent("DUNNING_ZENDESK_URL is not set.", retryable=True)
    row, body = hand.rows[0], json.loads(hand.rows[0].body)
    recovery: dict[str, Any] = body["data"].get("recovery") or {}
    note = Note(
        key=row.announcement_id,
        recovery_id=row.recovery_id or row.announcement_id,
        subject=f"Unpaid invoice {recovery['invoice']}" if recovery else HEADINGS[Topic(row.topic)],
        text=sentence_of(body, house.settings.base_url),
        solved=row.topic in ENDINGS,
        requester=hand.requester,
        again=hand.again,
    )
    try:
        desk = desk_from_url(url.get_secret_value())
    except ValueError as error:
        raise NotSent(f"{error}.", retryable=True) from None
    return Told(ok=True, answer=write_note(desk, note).reference)


def _lines(house: House, hand: InHand) -> list[str]:
    return [sentence_of(json.loads(row.body), house.settings.base_url) for row in hand.rows]
