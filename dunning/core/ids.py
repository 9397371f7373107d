"""Identifiers of our own rows: sortable text such as `rec_01jd3k…`.

An id is derived, not drawn: its head is the instant of creation in milliseconds, its tail a hash of what
the row is (for an attempt: account, invoice, ordinal). The same thing made at the same time has the same
id, so a demo repeats itself and a repeated insert after a crash meets itself.
"""

import hashlib
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: no i, l, o, u


def derive_id(prefix: str, at: datetime, *natural_key: object) -> str:
    """Return `prefix_`, 10 characters of time and 14 of hash; later ids sort after earlier ones."""
    milliseconds = int(at.timestamp() * 1000)
    digest = hashlib.sha256("\x1f".join(map(str, natural_key)).encode()).digest()
    return f"{prefix}_{_base32(milliseconds, 10)}{_base32(int.from_bytes(digest[:9]), 14)}"


def earliest_id(prefix: str, at: datetime) -> str:
    """Return a text that sorts after the ids of this prefix made before `at`, and before all others."""
    return f"{prefix}_{_base32(int(at.timestamp() * 1000), 10)}"


def _base32(number: int, length: int) -> str:
    out = []
    for _ in range(length):
        out.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(out))


def pay_key(account: str, invoice: str, ordinal: int) -> str:
    """Return the idempotency key of one charge that we ask.

    Deterministic, so that a row lost with its database is asked under the same key again; Stripe sends it
    back as `event.request.idempotency_key`, which tells our attempts from everybody else's.
    """
    return f"v1:pay:{account}:{invoice}:{ordinal}"


def ordinal_of(key: str | None, account: str, invoice: str) -> int | None:
    """Return the ordinal inside one of our pay keys, or None when `key` is not ours for this invoice."""
    named = charge_of(key, account)
    return named[1] if named is not None and named[0] == invoice else None


def charge_of(key: str | None, account: str) -> tuple[str, int] | None:
    """Return the invoice and the ordinal inside one of our pay keys, or None when `key` is not ours."""
    head, _, tail = (key or "").rpartition(":")
    invoice = head.removeprefix(f"v1:pay:{account}:")
    if invoice == head or not invoice or not (tail.isascii() and tail.isdecimal()):
        return None
    return invoice, int(tail)
