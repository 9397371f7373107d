"""What a provider reports of mail: bounces, complaints, deliveries; each in its documented shape.

A report that says nothing of these is left out; a body of another shape than documented raises.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from dunning.core.vocabulary import MailEventKind as Kind
from dunning.mail.formats import plain
from dunning.mail.requests import TAG

_OURS: Final = re.compile(r"[a-z]{2,8}_[0-9a-z]{8,40}")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that happened to a mail; `id` is unique at the provider, `message_id` is ours where known."""

    id: str
    kind: Kind
    address: str
    message_id: str | None
    detail: str
    at: datetime


class Unreadable(ValueError):
    """A report in a shape that the provider does not document."""


def read(provider: str, body: bytes, headers: Mapping[str, str], now: datetime) -> list[Report]:
    """Return what a proven body reports; `now` stands in where it names no time.

    Raises:
        Unreadable: it is not JSON, or lacks what the provider documents.
    """
    try:
        said = json.loads(body)
        return [report for report in _READERS[provider](said, headers, now) if report.address]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise Unreadable(f"{provider} sent a report that cannot be read ({type(error).__name__})") from None


def _postmark(said: Json, _headers: Mapping[str, str], now: datetime) -> Iterator[Report]:
    """Source: https://postmarkapp.com/developer/webhooks/bounce-webhook, and its neighbours."""
    record = said["RecordType"]
    ours = _ours(said.get("Metadata", {}).get(TAG))
    if record == "Bounce":
        kind = (
            Kind.HARD_BOUNCE if said.get("Inactive") or said["Type"] in _POSTMARK_HARD else Kind.SOFT_BOUNCE
        )
        at, words = _iso(said.get("BouncedAt"), now), said.get("Description")
        yield _report(str(said["ID"]), kind, said["Email"], ours, words, at)
    elif record == "SpamComplaint":
        yield _report(str(said["ID"]), Kind.COMPLAINT, said["Email"], ours, "", _iso(said["BouncedAt"], now))
    elif record == "SubscriptionChange" and said.get("SuppressSending"):
        at = _iso(said.get("ChangedAt"), now)
        kind = _POSTMARK_WHY.get(str(said.get("SuppressionReason")), Kind.UNSUBSCRIBED)
        yield _report(_made(said["MessageID"], "off", at), kind, said["Recipient"], ours, "", at)
    elif record == "Delivery":
        at = _iso(said.get("DeliveredAt"), now)
        yield _report(_made(said["MessageID"], "to", at), Kind.DELIVERED, said["Recipient"], ours, "", at)


_POSTMARK_HARD: Final = {"HardBounce", "BadEmailAddress", "ManuallyDeactivated", "AddressChange"}
_POSTMARK_WHY: Final = {"HardBounce": Kind.HARD_BOUNCE, "SpamComplaint": Kind.COMPLAINT}


def _resend(said: Json, headers: Mapping[str, str], now: datetime) -> Iterator[Report]:
    """Source: https://resend.com/docs/webhooks/event-types."""
    data, kind, words = said["data"], _RESEND.get(said["type"]), ""
    if kind is None:
        return
    if said["type"] == "email.bounced":
        bounce = data.get("bounce", {})
        words = bounce.get("message") or ""
        kind = Kind.SOFT_BOUNCE if bounce.get("type") in {"Transient", "Undetermined"} else Kind.HARD_BOUNCE
    at, tags = _iso(said.get("created_at"), now), data.get("tags") or {}
    for place, address in enumerate(data["to"]):
        name = f"{headers.get('svix-id', '')}:{place}"
        yield _report(name, kind, address, _ours(tags.get(TAG)), words, at)


_RESEND: Final = {
    "email.bounced": Kind.HARD_BOUNCE,
    "email.complained": Kind.COMPLAINT,
    "email.delivered": Kind.DELIVERED,
    "email.delivery_delayed": Kind.SOFT_BOUNCE,
}


def _sendgrid(said: list[Json], _headers: Mapping[str, str], now: datetime) -> Iterator[Report]:
    """Source: twilio.com/docs/sendgrid/for-developers/tracking-events/event."""
    for event in said:
        kind = _SENDGRID.get(event["event"])
        if event["event"] == "bounce" and event.get("type") == "blocked":
            kind = Kind.SOFT_BOUNCE
        if event["event"] == "dropped" and "Bounced" not in str(event.get("reason")):
            kind = _SENDGRID_DROPPED.get(str(event.get("reason")), Kind.SOFT_BOUNCE)
        if kind is not None:
            at = _epoch(event.get("timestamp"), now)
            words = event.get("reason") or event.get("response")
            yield _report(event["sg_event_id"], kind, event["email"], _ours(event.get(TAG)), words, at)


_SENDGRID: Final = {
    "bounce": Kind.HARD_BOUNCE,
    "dropped": Kind.HARD_BOUNCE,
    "deferred": Kind.SOFT_BOUNCE,
    "spamreport": Kind.COMPLAINT,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
    "delivered": Kind.DELIVERED,
}
_SENDGRID_DROPPED: Final = {
    "Spam Reporting Address": Kind.COMPLAINT,
    "Unsubscribed Address": Kind.UNSUBSCRIBED,
    "Invalid": Kind.HARD_BOUNCE,
}


def _mailgun(said: Json, _headers: Mapping[str, str], now: datetime) -> Iterator[Report]:
    """Source: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads.

    The signature covers its token and not the body, so the token is what is taken once.
    """
    event = said["event-data"]
    kind = _MAILGUN.get(event["event"])
    if kind is None:
        return
    if event["event"] == "failed" and event.get("severity") != "permanent":
        kind = Kind.SOFT_BOUNCE
    status = event.get("delivery-status") or {}
    words = status.get("description") or status.get("message") or event.get("reason")
    ours = _ours((event.get("user-variables") or {}).get(TAG))
    name = str(said["signature"]["token"])
    yield _report(name, kind, event["recipient"], ours, words, _epoch(event.get("timestamp"), now))


_MAILGUN: Final = {
    "failed": Kind.HARD_BOUNCE,
    "complained": Kind.COMPLAINT,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "delivered": Kind.DELIVERED,
}


def _brevo(said: Json, _headers: Mapping[str, str], now: datetime) -> Iterator[Report]:
    """Source: https://developers.brevo.com/docs/transactional-webhooks; it names no event, so we do."""
    kind = _BREVO.get(said["event"])
    if kind is None:
        return
    at = _epoch(said.get("ts_event") or said.get("ts"), now)
    name = _made(said.get("message-id"), said["event"], at, said["email"])
    yield _report(name, kind, said["email"], _ours(said.get("X-Mailin-custom")), said.get("reason"), at)


_BREVO: Final = {
    "hard_bounce": Kind.HARD_BOUNCE,
    "invalid_email": Kind.HARD_BOUNCE,
    "soft_bounce": Kind.SOFT_BOUNCE,
    "deferred": Kind.SOFT_BOUNCE,
    "error": Kind.SOFT_BOUNCE,
    "blocked": Kind.HARD_BOUNCE,
    "spam": Kind.COMPLAINT,
    "unsubscribed": Kind.UNSUBSCRIBED,
    "delivered": Kind.DELIVERED,
}


def _ses(said: Json, _headers: Mapping[str, str], now: datetime) -> Iterator[Report]:
    """Source: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html, through Amazon SNS."""
    if said["Type"] != "Notification":
        return
    told = json.loads(said["Message"])
    what = told.get("notificationType") or told.get("eventType")
    sent = {one["name"].lower(): one["value"] for one in told["mail"].get("headers", [])}
    ours = _ours(sent.get("x-entity-ref-id"))
    if what == "Bounce":
        bounce = told["bounce"]
        kind = Kind.HARD_BOUNCE if bounce["bounceType"] == "Permanent" else Kind.SOFT_BOUNCE
        for place, one in enumerate(bounce["bouncedRecipients"]):
            name, at = f"{said['MessageId']}:{place}", _iso(bounce.get("timestamp"), now)
            yield _report(name, kind, one["emailAddress"], ours, one.get("diagnosticCode"), at)
    elif what == "Complaint":
        for place, one in enumerate(told["complaint"]["complainedRecipients"]):
            name, at = f"{said['MessageId']}:{place}", _iso(told["complaint"].get("timestamp"), now)
            yield _report(name, Kind.COMPLAINT, one["emailAddress"], ours, "", at)
    elif what == "Delivery":
        for place, address in enumerate(told["delivery"]["recipients"]):
            name, at = f"{said['MessageId']}:{place}", _iso(told["delivery"].get("timestamp"), now)
            yield _report(name, Kind.DELIVERED, address, ours, "", at)


_READERS: Final[Mapping[str, Callable[[Any, Mapping[str, str], datetime], Iterator[Report]]]] = {
    "postmark": _postmark,
    "resend": _resend,
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
    "brevo": _brevo,
    "ses": _ses,
}


def _report(
    name: str, kind: Kind, address: str, message_id: str | None, words: object, at: datetime
) -> Report:
    cleaned = plain(str(address), most=320).lower()
    return Report(plain(str(name), most=200), kind, cleaned, message_id, plain(str(words or "")), at)


def _ours(said: object) -> str | None:
    return said if isinstance(said, str) and _OURS.fullmatch(said) else None


def _made(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:40]


def _iso(said: object, now: datetime) -> datetime:
    at = datetime.fromisoformat(said) if isinstance(said, str) else now
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _epoch(said: object, now: datetime) -> datetime:
    return datetime.fromtimestamp(float(said), UTC) if isinstance(said, int | float) else now
