"""People and programs that may use the house: roles, rights, and what a sign-in must obey."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from dunning.core.guessable import guessable


class Right(StrEnum):
    """What a route may ask for."""

    READ = "read"
    ACT = "act"  # on recoveries and messages, and the kill switch
    FINANCE = "finance"  # exports; what closes books
    ADMIN = "admin"  # rules, switches, people, tokens, the audit log


class Role(StrEnum):
    """What a person is here."""

    VIEWER = "viewer"
    STAFF = "staff"
    FINANCE = "finance"
    ADMIN = "admin"


# Finance reads and exports, and charges nobody: who collects does not close the books.
RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.STAFF: frozenset({Right.READ, Right.ACT}),
    Role.FINANCE: frozenset({Right.READ, Right.FINANCE}),
    Role.ADMIN: frozenset(Right),
}
WRITE: Final = "write"  # another word for the scope `act`

# Source: NIST SP 800-63B-4 §3.1.1.2 (length counts, composition rules do not).
PASSWORD_LEAST: Final = 12
PASSWORD_MOST: Final = 200
EMAIL_MOST: Final = 254
NAME_MOST: Final = 100
_EMAIL: Final = re.compile(r"[^\s@<>()\",;:\\]+@[^\s@<>()\",;:\\]+")

IDLE: Final = timedelta(hours=2)
LONGEST_SESSION: Final = timedelta(hours=12)
TOUCHED_EVERY: Final = timedelta(minutes=1)
LINK_LASTS: Final = timedelta(hours=24)

TRIES_WITHIN: Final = timedelta(minutes=15)
TRIES_OF_PAIR: Final = 5
TRIES_OF_ACCOUNT: Final = 20  # from wherever: more would let a crowd guess, fewer let a stranger lock one out
TRIES_OF_ADDRESS: Final = 30


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for something: `by` is what the timeline and the audit log keep."""

    by: str
    name: str
    rights: frozenset[Right]
    role: Role | None = None
    user_id: str | None = None
    session: str | None = None  # the fingerprint of the session that spoke
    demo: bool = False
    locale: str | None = None  # the language they chose for their pages
    zone: str | None = None  # the time zone they chose for their pages

    def may(self, right: Right | str) -> bool:
        """Return whether this right is theirs."""
        return right in self.rights


@dataclass(frozen=True, slots=True)
class Tries:
    """Tries to sign in within the last quarter of an hour, the present one included."""

    pair: int
    account: int
    address: int

    @property
    def too_many(self) -> bool:
        """Return whether the present try must not be looked at."""
        return self.pair > TRIES_OF_PAIR or self.account > TRIES_OF_ACCOUNT or self.address > TRIES_OF_ADDRESS


def rights_of(scopes: Iterable[str]) -> frozenset[Right]:
    """Return the rights of a token's scopes; each but `read` includes reading, and `admin` everything.

    Raises:
        ValueError: for a word that is no scope.
    """
    wanted = {Right.ACT if word == WRITE else Right(word) for word in scopes}
    if Right.ADMIN in wanted:
        return frozenset(Right)
    return frozenset(wanted | {Right.READ}) if wanted else frozenset()


def fingerprint(secret: str) -> str:
    """Return what is kept of a secret of 256 random bits: its SHA-256, in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def usable_email(text: str) -> str | None:
    """Return an address as accounts are known by it, in lower case; None when it is none."""
    email = text.strip().lower()
    fits = _EMAIL.fullmatch(email) and len(email) <= EMAIL_MOST and email.isprintable()
    return email if fits else None


def password_refusal(password: str, email: str, *context: str) -> str | None:
    """Return why a password cannot be used, or None; `context` are names that it must not be made of."""
    if len(password) < PASSWORD_LEAST:
        return f"A password has {PASSWORD_LEAST} characters or more; a sentence is easy to remember."
    if len(password) > PASSWORD_MOST:
        return f"A password has {PASSWORD_MOST} characters at most."
    own = {email, email.partition("@")[0]}
    if password.strip().lower() in own or len(set(password)) < 4 or guessable(password, email, *context):
        return "That password is guessed at once: choose another."
    return None


def session_over(created_at: datetime, seen_at: datetime, now: datetime) -> bool:
    """Return whether a session has ended by itself: unused for 2 hours, or 12 hours old."""
    return now >= seen_at + IDLE or now >= created_at + LONGEST_SESSION
