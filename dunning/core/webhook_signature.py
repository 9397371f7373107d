"""Signatures of outgoing webhooks, as Standard Webhooks has them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

PREFIX: Final = "whsec_"
TOLERANCE: Final = timedelta(minutes=5)


def make_secret(key: bytes, listener_id: str, version: int) -> str:
    """Return the signing secret of a listener; derived from the house's key, so that no database holds it."""
    said = b"dunning webhook secret\x00" + f"{listener_id}\x00{version}".encode()
    return PREFIX + base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()


def headers(announcement_id: str, at: datetime, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers of one delivery, signed with every secret that is valid now."""
    stamp = str(int(at.timestamp()))
    return {
        "webhook-id": announcement_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_sign(announcement_id, stamp, body, secret) for secret in secrets),
    }


def verify(given: Mapping[str, str], body: bytes, secret: str, *, now: datetime) -> None:
    """Check one delivery as a receiver should; header names in lower case.

    Raises:
        ValueError: a header is missing, the signature is not ours, or it is more than five minutes old.
    """
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    announcement_id, stamp, signatures = (given.get(name, "") for name in names)
    if not (announcement_id and stamp.isascii() and stamp.isdecimal() and signatures):
        raise ValueError("a webhook header is missing or cannot be read")
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        raise ValueError("the webhook's timestamp is more than five minutes away")
    wanted = _sign(announcement_id, stamp, body, secret).encode()
    if not any(hmac.compare_digest(one.encode(), wanted) for one in signatures.split(" ")):
        raise ValueError("no signature of the webhook was made with this secret")


def _sign(announcement_id: str, stamp: str, body: bytes, secret: str) -> str:
    signed = f"{announcement_id}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a webhook secret is whsec_ and base64") from None
