"""Passwords as argon2id; two are hashed at a time, so that a storm of sign-ins does not eat the memory."""

import secrets
import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE: Final = 2  # 64 MiB each
HASHER: Final = PasswordHasher()
_TURNS: Final = threading.BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """Return the argon2id hash of a password, with its parameters and salt."""
    with _TURNS:
        return HASHER.hash(password)


def fits(password: str, known: str | None) -> bool:
    """Return whether a password is the right one; without one to compare with it takes as long to say no."""
    with _TURNS:
        try:
            HASHER.verify(known or _nobodys(), password)
        except (VerificationError, InvalidHashError):
            return False
    return known is not None


@cache
def _nobodys() -> str:
    return HASHER.hash(secrets.token_urlsafe())
