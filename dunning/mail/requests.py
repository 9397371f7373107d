"""One message as each provider's documented HTTP request; pure, so that every field can be checked.

Our message's id travels along under the word `dunning_message`, and comes back with bounces and complaints.
Tracking is switched off wherever a request can do so: it would rewrite the link that stands in for a key.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from typing import Any, Final

from dunning.mail.provider import OutgoingMail

TAG: Final = "dunning_message"
# what a provider does not write by itself; a message identifier of its own it does
_KEPT: Final = ("Auto-Submitted", "X-Entity-Ref-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_KEYS: Final = uuid.UUID("0f8fad5b-d9cb-469f-a165-70867728950e")  # the name space of our keys


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted; either `json` or `form` is there."""

    path: str
    headers: Mapping[str, str] = field(repr=False)
    json: Mapping[str, Any] | None = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Wire:
    """How one provider is spoken to.

    `reference` finds its name for a message in its answer. `keyed`: it sends one idempotency key once.
    """

    base: str
    request: Callable[[OutgoingMail, str, str], Request]  # the mail, the key, the sending domain
    reference: Callable[[Mapping[str, Any]], object]
    keyed: bool = False


def postmark(mail: OutgoingMail, key: str, _domain: str) -> Request:
    """Source: https://postmarkapp.com/developer/api/email-api."""
    body = {
        "From": str(mail.message["From"]),
        "To": mail.recipient,
        "Subject": mail.subject,
        "TextBody": mail.text,
        "HtmlBody": mail.html,
        "MessageStream": "outbound",
        "TrackOpens": False,
        "TrackLinks": "None",
        "Metadata": {TAG: _id(mail)},
        "Headers": [{"Name": name, "Value": value} for name, value in _headers(mail).items()],
    }
    if mail.message["Reply-To"]:
        body["ReplyTo"] = str(mail.message["Reply-To"])
    return Request("/email", {"X-Postmark-Server-Token": key, "Accept": "application/json"}, json=body)


def resend(mail: OutgoingMail, key: str, _domain: str) -> Request:
    """Source: https://resend.com/docs/api-reference/emails/send-email; its key holds for 24 hours."""
    body = {
        "from": str(mail.message["From"]),
        "to": [mail.recipient],
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "headers": _headers(mail),
        "tags": [{"name": TAG, "value": _id(mail)}],
    }
    if mail.message["Reply-To"]:
        body["reply_to"] = str(mail.message["Reply-To"])
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": mail.idempotency_key}
    return Request("/emails", headers, json=body)


def sendgrid(mail: OutgoingMail, key: str, _domain: str) -> Request:
    """Source: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send."""
    body = {
        "personalizations": [{"to": [{"email": mail.recipient}], "custom_args": {TAG: _id(mail)}}],
        "from": _named(mail, "From"),
        "subject": mail.subject,
        "content": [
            {"type": "text/plain", "value": mail.text},
            {"type": "text/html", "value": mail.html},
        ],
        "headers": _headers(mail),
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }
    if mail.message["Reply-To"]:
        body["reply_to"] = _named(mail, "Reply-To")
    return Request("/v3/mail/send", {"Authorization": f"Bearer {key}"}, json=body)


def mailgun(mail: OutgoingMail, key: str, domain: str) -> Request:
    """Source: https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages."""
    form = {
        "from": str(mail.message["From"]),
        "to": mail.recipient,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "h:Message-Id": str(mail.message["Message-ID"]),
        "o:tracking": "no",
        f"v:{TAG}": _id(mail),
    }
    form |= {f"h:{name}": value for name, value in _headers(mail).items()}
    if mail.message["Reply-To"]:
        form["h:Reply-To"] = str(mail.message["Reply-To"])
    return Request(f"/v3/{domain}/messages", {}, form=form, basic=("api", key))


def brevo(mail: OutgoingMail, key: str, _domain: str) -> Request:
    """Source: https://developers.brevo.com/reference/send-transac-email; keys are UUIDs, for 15 minutes."""
    own = {"idempotencyKey": str(uuid.uuid5(_KEYS, mail.idempotency_key)), "X-Mailin-custom": _id(mail)}
    body = {
        "sender": _named(mail, "From"),
        "to": [{"email": mail.recipient}],
        "subject": mail.subject,
        "textContent": mail.text,
        "htmlContent": mail.html,
        "headers": _headers(mail) | own,
    }
    if mail.message["Reply-To"]:
        body["replyTo"] = _named(mail, "Reply-To")
    return Request("/v3/smtp/email", {"api-key": key, "Accept": "application/json"}, json=body)


WIRES: Final[Mapping[str, Wire]] = {
    "postmark": Wire("https://api.postmarkapp.com", postmark, lambda answer: answer.get("MessageID")),
    "resend": Wire("https://api.resend.com", resend, lambda answer: answer.get("id"), keyed=True),
    "sendgrid": Wire("https://api.sendgrid.com", sendgrid, lambda answer: answer.get("x-message-id")),
    "mailgun": Wire("https://api.mailgun.net", mailgun, lambda answer: answer.get("id")),
    "brevo": Wire("https://api.brevo.com", brevo, lambda answer: answer.get("messageId"), keyed=True),
}


def _headers(mail: OutgoingMail) -> dict[str, str]:
    return {name: str(mail.message[name]) for name in _KEPT if mail.message[name]}


def _id(mail: OutgoingMail) -> str:
    return mail.about.get("message", "")


def _named(mail: OutgoingMail, header: str) -> dict[str, str]:
    address: Address = mail.message[header].addresses[0]
    named = {"email": address.addr_spec}
    return named | {"name": address.display_name} if address.display_name else named
