"""Hostile input from a seed: what somebody sends who wants in. HOSTILE_EXAMPLES turns the number up."""

import gzip
import itertools
import json
import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from dunning.gateway.signature import sign

EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "0"))
ODD = "\x00\r\n\t\x0b\x1b\u200b\u202e\u2028\ue000\ue001\ufeff\xad\x7f'\"<>&;,=+-@|%{}[]()\\/`~^$#!?*_:"
WORDS = (
    *(
        "=cmd|'/c calc'!A1",
        "@SUM(1)",
        "<script>alert(1)</script>",
        "'; DROP TABLE events; --",
        "../../etc/passwd",
    ),
    *("{{7*7}}", "{% for x in range(10**9) %}", "{{ ''.__class__ }}", "%0d%0aBcc: x@y.example"),
    *("\r\nBcc: x@y.example", "javascript:alert(1)", "data:text/html,x", "ﬁ", "İ", "ß", "NaN", "Infinity"),
    *("-0", "1e309", "٣", "９", "null", "a" * 300, "é" * 120, "ana@acme.example", "Ana <ana@acme.example>"),
    *("=?utf-8?q?x?=", "x\n", " ", ""),
)


def many(few: int, share: int = 1) -> range:
    """Return the numbers of the examples: a few in every run, or the share of what was asked for."""
    return range(EXAMPLES // share if EXAMPLES else few)


def text(chance: random.Random, longest: int = 6) -> str:
    """Return a text of hostile words, odd characters and harmless letters."""
    parts: list[Callable[[], str]] = [
        lambda: chance.choice(WORDS),
        lambda: chance.choice(ODD) * chance.randint(1, 3),
        lambda: "".join(chance.choices("abcXYZ019", k=chance.randint(1, 6))),
        lambda: chr(chance.choice((chance.randrange(0x20, 0xD800), chance.randrange(0xE000, 0x110000)))),
    ]
    return "".join(chance.choice(parts)() for _ in range(chance.randint(0, longest)))


def anything(chance: random.Random, depth: int = 3) -> Any:
    """Return a JSON value of any kind."""
    simple = (None, True, -1, 0, 2**63, 2**70, 0.1, 1e308, float("nan"), "", text(chance, 2))
    if depth == 0 or chance.random() < 0.6:
        return chance.choice(simple)
    if chance.random() < 0.5:
        return [anything(chance, depth - 1) for _ in range(chance.randint(0, 3))]
    return {text(chance, 1): anything(chance, depth - 1) for _ in range(chance.randint(0, 3))}


def bent(chance: random.Random, body: bytes) -> bytes:
    """Return a body with something wrong."""
    ways: list[Callable[[], bytes]] = [
        lambda: gzip.compress(body, mtime=0),
        lambda: body[: chance.randrange(len(body) + 1)],
        lambda: _flipped(chance, body),
        lambda: b"[" * chance.randint(1, 3000) + body,
        lambda: body + bytes(chance.randbytes(chance.randint(0, 40))),
        lambda: chance.randbytes(chance.randint(0, 200)),
        lambda: b"\xef\xbb\xbf" + body,
        lambda: body.replace(b"evt_", text(chance, 2).encode("utf-8", "surrogatepass"), 1),
        lambda: _with_field(chance, body),
    ]
    return chance.choice(ways)()


def _flipped(chance: random.Random, body: bytes) -> bytes:
    found = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _with_field(chance: random.Random, body: bytes) -> bytes:
    event = json.loads(body)
    event[chance.choice((*event, "account", "api_version", text(chance, 1)))] = anything(chance)
    return json.dumps(event).encode("utf-8", "surrogatepass")


def forged_header(chance: random.Random, body: bytes, secret: str, now: datetime) -> str:
    """Return a signature header that does not prove that whoever knows `secret` sent this body now."""
    right = sign(body, secret, now)
    mark = right.partition("v1=")[2]
    off = timedelta(seconds=chance.choice((-1, 1)) * chance.randint(301, 10**7))
    ways: list[Callable[[], str]] = [
        lambda: "",
        lambda: text(chance, 3),
        lambda: right[: chance.randrange(len(right))],
        lambda: right.replace("v1=", chance.choice(("v0=", "V1=", "v1 =", "v2=", "")), 1),
        lambda: f"t={chance.choice(('', '0', '-1', '9' * 30, '1e9', '٣'))},v1={mark}",
        lambda: f"t={chance.randrange(10**10)},v1={mark}",
        lambda: right[:-1] + chance.choice("ghxyz"),
        lambda: ",".join([right.partition(",")[0]] * chance.randint(2, 50)),
        lambda: sign(body, secret, now + off),
        lambda: sign(body, chance.choice((f"{secret} ", secret[:-1], "", "whsec_")), now),
        lambda: sign(body + b" ", secret, now),
        lambda: f"{right},{right}",
        lambda: f"t={int(now.timestamp())},{sign(body, secret, now + off)}",
    ]
    return chance.choice(ways)()


def other_headers(chance: random.Random, body: bytes) -> list[tuple[bytes, bytes]]:
    """Return headers that a sender may add; what they say is not to be believed."""
    odd = text(chance, 2).encode("utf-8", "surrogatepass")
    drawn: list[tuple[bytes, bytes]] = [
        (b"content-type", chance.choice((b"application/json", b"text/plain", b"multipart/form-data", odd))),
        (b"content-encoding", chance.choice((b"gzip", b"br", b"identity", odd))),
        (b"content-length", chance.choice((b"%d" % len(body), b"0", b"-1", b"1e3", b"9" * 30, odd))),
        (b"transfer-encoding", b"chunked"),
        (b"host", odd),
        (b"x-forwarded-for", odd),
        (b"x-http-method-override", b"DELETE"),
        (b"cookie", b"dunning_session=" + odd),
        (b"authorization", b"Bearer " + odd),
        (chance.choice((b"", b"x\x00", odd)), odd),
    ]
    return chance.sample(drawn, chance.randint(0, 4))


def split(chance: random.Random, body: bytes) -> list[bytes]:
    """Return the pieces in which a body arrives; some are empty."""
    cuts = sorted(chance.randrange(len(body) + 1) for _ in range(chance.choice((0, 0, 1, 3, 20))))
    return [body[start:end] for start, end in itertools.pairwise([0, *cuts, len(body)])]


def seeds(numbers: range, room: str) -> Iterator[random.Random]:
    """Yield a source of chance for each example, so that one can be made again alone."""
    for number in numbers:
        yield random.Random(f"{room} {number}")
