"""Card-update links: `/pay/{token}`.

The token is an HMAC over the link's id, so that a message renders byte for byte again, and needs no secret
in the database. A token opens one recovery's page and nothing else.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode

_TAG_BYTES = 18


def make_token(link_id: str, secret: bytes) -> str:
    """Return the token of a link: its id, a dot, and 144 bits of HMAC-SHA256."""
    return f"{link_id}.{_tag(link_id, secret)}"


def read_token(token: str, secret: bytes) -> str | None:
    """Return the link id inside `token`, or None when it was not made with `secret`."""
    link_id, dot, tag = token.partition(".")
    if not dot or not token.isascii() or not hmac.compare_digest(tag, _tag(link_id, secret)):
        return None
    return link_id


def _tag(link_id: str, secret: bytes) -> str:
    digest = hmac.new(secret, b"dunning card-update link\x00" + link_id.encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(digest[:_TAG_BYTES]).decode()
