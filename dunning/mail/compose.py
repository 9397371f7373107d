"""A rendered message as RFC 5322 bytes, with headers that no data can add to."""

import hashlib
import re
import unicodedata
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from dunning.mail.rendered import Rendered

_LOCAL = re.compile(r"[A-Za-z0-9._+-]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(
    r"(?:(?P<name>[^<>]*)<)?" rf"(?P<user>{_ATOM}(?:\.{_ATOM})*)@(?P<domain>[^\s<>@]+)" r"(?(name)>)"
)


def compose(
    rendered: Rendered,
    *,
    message_id_local: str,
    sender: str,
    recipient: str,
    reply_to: str | None = None,
    domain: str,
    date: datetime | None = None,
    unsubscribe: str | None = None,
) -> EmailMessage:
    """Build the message; the same arguments give the same bytes, so that duplicates collapse.

    Args:
        rendered: what it says.
        message_id_local: the id of the message row; with `domain` it makes the Message-ID.
        sender: one address, with or without a display name.
        recipient: one address.
        reply_to: one address, or None.
        domain: the sending domain.
        unsubscribe: where one POST switches such mails off (RFC 8058), or None.
        date: aware; None leaves the Date header to the submission server.

    Raises:
        ValueError: for a control character or a line break anywhere in a header, for what is not exactly
            one mail address, and for an address that needs SMTPUTF8.
    """
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender)
    message["To"] = _address(recipient)
    if reply_to:
        message["Reply-To"] = _address(reply_to)
    message["Subject"] = _clean(rendered.subject, "subject")
    if date is not None:
        message["Date"] = _aware(date)
    message["Message-ID"] = _message_id(message_id_local, domain)
    message["Auto-Submitted"] = "auto-generated"
    message["X-Entity-Ref-ID"] = message_id_local
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{_clean(unsubscribe, 'unsubscribe address')}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(rendered.text, cte="quoted-printable")
    message.add_alternative(rendered.html, subtype="html", cte="quoted-printable")
    # a random boundary would make each composition of the same message a different one
    message.set_boundary("=_" + hashlib.sha256(message_id_local.encode()).hexdigest()[:32])
    return message


def address_of(text: str) -> str:
    """Return the bare address in `Name <who@where>`; ValueError unless there is exactly one."""
    return _address(text).addr_spec


def _address(text: str) -> Address:
    # own pattern: the standard library's parser is lenient, and fails with IndexError on `a@`
    found = _ADDRESS.fullmatch(_clean(text, "address").strip())
    if found is None or len(found["user"]) > 64 or "@" in (found["name"] or ""):
        raise ValueError("expected exactly one plain mail address, like Name <who@example.com>")
    return Address(_display_name(found["name"] or ""), found["user"], _ascii_domain(found["domain"]))


def _display_name(name: str) -> str:
    name = name.strip()
    quoted = len(name) > 1 and name.startswith('"') and name.endswith('"')
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if quoted else name


def _ascii_domain(domain: str) -> str:
    try:
        name = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        raise ValueError("the domain of a mail address cannot be written for the mail system") from None
    if not _DOMAIN.fullmatch(name):
        raise ValueError("a mail address must end in a host name")
    return name


def _clean(text: str, what: str) -> str:
    if any(unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} for letter in text):
        raise ValueError(f"a line break or control character in the {what} of a message")
    return text


def _message_id(local: str, domain: str) -> str:
    if not _LOCAL.fullmatch(local):
        raise ValueError("a message id is 1 to 64 letters, digits, dots, dashes, underscores or pluses")
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("the sending domain is not a host name")
    return f"<{local}@{domain}>"


def _aware(date: datetime) -> datetime:
    if date.tzinfo is None:
        raise ValueError("the date of a message has no time zone")
    return date
