"""Whether a report of bounces and complaints comes from the provider: each proves it in a way of its own."""

import hashlib
import hmac
import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dunning.mail.ecdsa import verifies

_FRESH_S: Final = 300
_A_DAY_S: Final = 86_400  # Mailgun signs no body: an old signature is worth nothing

Headers = Mapping[str, str]
Proof = Callable[[str, Headers, bytes, datetime], bool]


def proven(provider: str, secrets: Sequence[str], headers: Headers, body: bytes, now: datetime) -> bool:
    """Return whether one of the `secrets` proves a report; header names are in lower case."""
    return any(_PROOFS[provider](secret, headers, body, now) for secret in secrets)


def _password(secret: str, headers: Headers, _body: bytes, _now: datetime) -> bool:
    """Basic credentials in the webhook's address, or a bearer token; Postmark, Brevo, Amazon SNS.

    Sources: https://postmarkapp.com/developer/webhooks/webhooks-overview,
    https://developers.brevo.com/docs/username-and-password-authentication.
    """
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        given = (_decoded(given) or b"").decode(errors="replace").partition(":")[2]
    elif kind.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), secret.encode())


def _svix(secret: str, headers: Headers, body: bytes, now: datetime) -> bool:
    """Source: https://docs.svix.com/receiving/verifying-payloads/how-manual, as Resend signs."""
    key = _decoded(secret.removeprefix("whsec_"))
    name, at = headers.get("svix-id", ""), headers.get("svix-timestamp", "")
    if not key or not name or not _within(at, now, _FRESH_S):
        return False
    signed = f"{name}.{at}.".encode() + body
    expected = b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    return any(hmac.compare_digest(expected, given) for given in _given(headers.get("svix-signature", "")))


def _given(header: str) -> Iterator[bytes]:
    for part in header.split():
        version, _, signature = part.partition(",")
        if version == "v1":
            yield signature.encode()


def _sendgrid(secret: str, headers: Headers, body: bytes, _now: datetime) -> bool:
    """Source: the Signed Event Webhook, twilio.com/docs/sendgrid/for-developers/tracking-events."""
    key = _decoded(secret)
    signature = _decoded(headers.get("x-twilio-email-event-webhook-signature", ""))
    at = headers.get("x-twilio-email-event-webhook-timestamp", "")
    return bool(key and signature and at) and verifies(key or b"", signature or b"", at.encode() + body)


def _mailgun(secret: str, _headers: Headers, body: bytes, now: datetime) -> bool:
    """Source: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks."""
    said = _signature_in(body)
    at, token, given = (str(said.get(name, "")) for name in ("timestamp", "token", "signature"))
    if not token or not _within(at, now, _A_DAY_S):
        return False
    expected = hmac.new(secret.encode(), (at + token).encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), given.encode())


def _signature_in(body: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    signature = said.get("signature") if isinstance(said, dict) else None
    return signature if isinstance(signature, dict) else {}


def _within(at: str, now: datetime, seconds: int) -> bool:
    return at.isascii() and at.isdecimal() and len(at) < 12 and abs(now.timestamp() - int(at)) <= seconds


def _decoded(text: str) -> bytes | None:
    try:
        return b64decode(text, validate=True)
    except (NotBase64, ValueError):
        return None


_PROOFS: Final[Mapping[str, Proof]] = {
    "postmark": _password,
    "brevo": _password,
    "ses": _password,
    "resend": _svix,
    "sendgrid": _sendgrid,
    "mailgun": _mailgun,
}
PROVIDERS: Final = frozenset(_PROOFS)
