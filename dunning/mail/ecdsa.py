"""Checking an ECDSA signature over NIST P-256 with SHA-256, as SendGrid signs; nothing secret passes here.

Only public values are handled, so the time that it takes tells nobody anything. Sources: FIPS 186-5 §6.4.2,
RFC 5480 (the key), RFC 3279 §2.2.3 (the signature).
"""

import hashlib
from typing import Final

_P: Final = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B: Final = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_G: Final = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
# SubjectPublicKeyInfo of an uncompressed P-256 point: all but the 64 bytes of the point
_KEY_HEAD: Final = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")

Point = tuple[int, int] | None  # None is the point at infinity


def verifies(key: bytes, signature: bytes, content: bytes) -> bool:
    """Return whether the DER `signature` over `content` was made with the private half of the DER `key`."""
    point, pair = _point(key), _pair(signature)
    if point is None or pair is None:
        return False
    r, s = pair
    digest = int.from_bytes(hashlib.sha256(content).digest())
    inverse = pow(s, -1, _N)
    found = _add(_times(_G, digest * inverse % _N), _times(point, r * inverse % _N))
    return found is not None and found[0] % _N == r


def _point(key: bytes) -> Point:
    if len(key) != len(_KEY_HEAD) + 64 or not key.startswith(_KEY_HEAD):
        return None
    x, y = int.from_bytes(key[-64:-32]), int.from_bytes(key[-32:])
    on_curve = x < _P and y < _P and (y * y - x * x * x + 3 * x - _B) % _P == 0
    return (x, y) if on_curve else None


def _pair(signature: bytes) -> tuple[int, int] | None:
    if not 8 <= len(signature) <= 72 or signature[:2] != bytes([0x30, len(signature) - 2]):
        return None
    first, rest = _integer(signature[2:])
    second, rest = _integer(rest)
    if rest or not 0 < first < _N or not 0 < second < _N:
        return None
    return first, second


def _integer(der: bytes) -> tuple[int, bytes]:
    """Return the integer at the head of `der`, and what follows it; 0, which no signature has, for none."""
    if len(der) < 3 or der[0] != 2 or der[1] > len(der) - 2:
        return 0, b""
    return int.from_bytes(der[2 : 2 + der[1]], signed=True), der[2 + der[1] :]


def _times(point: Point, factor: int) -> Point:
    found: Point = None
    for bit in f"{factor:b}":
        found = _add(found, found)
        if bit == "1":
            found = _add(found, point)
    return found


def _add(one: Point, other: Point) -> Point:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 == x2 and (y1 + y2) % _P == 0:
        return None
    slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P) if one == other else (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P
