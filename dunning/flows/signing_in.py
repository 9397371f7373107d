"""Signing in and out, and who it is that asks: a person by session, a program by token."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dunning import logs
from dunning.core.people import (
    RIGHTS,
    TRIES_WITHIN,
    Actor,
    Role,
    fingerprint,
    rights_of,
    session_over,
)
from dunning.flows import passwords
from dunning.flows.house import House
from dunning.store import audit, people, sessions
from dunning.store.people import User

WRONG: Final = "Address and password do not belong together."
TOO_MANY: Final = f"Too many tries: wait {TRIES_WITHIN.total_seconds() // 60:.0f} minutes, then try again."
NO_PASSWORDS: Final = "Nobody signs in with a password here: use your identity provider."
AGENT_MOST: Final = 200
TOKEN_TOUCHED_EVERY: Final = timedelta(minutes=1)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Entered:
    """How a try to sign in ended: the secret of a new session, or why there is none."""

    secret: str | None = None
    refusal: str | None = None
    throttled: bool = False


def sign_in(
    house: House, email: str, password: str, *, address: str, agent: str, before: str | None = None
) -> Entered:
    """Begin a session for whoever knows the password; the one that the browser had (`before`) ends.

    Unknown addresses, wrong passwords and disabled accounts are refused in the same words and time. A try
    is counted before it is looked at, so that many at once are no way round the limits.
    """
    if not house.settings.passwords:
        return Entered(refusal=NO_PASSWORDS)
    account = email.strip().lower()[:300]
    try_id, now = secrets.token_hex(16), house.wall.now()
    with house.store.write() as connection:
        people.add_try(connection, try_id, account, address, now)
    with house.store.write() as connection:
        if people.tries(connection, account, address, now).too_many:
            people.drop_try(connection, try_id)
            log.warning("sign_in_refused", why="too many tries", client=address)
            return Entered(refusal=TOO_MANY, throttled=True)
        user = people.by_email(connection, account)
    known = user.password if user is not None and user.active else None
    if not passwords.fits(password, known) or user is None:
        log.warning("sign_in_refused", why="wrong", user=user.id if user else None, client=address)
        return Entered(refusal=WRONG)
    return begin(house, user, address=address, agent=agent, before=before)


def begin(house: House, user: User, *, address: str, agent: str, before: str | None = None) -> Entered:
    """Begin a session under a new secret, unless the account has changed since it was looked at."""
    secret, now = secrets.token_urlsafe(32), house.wall.now()
    with house.store.write() as connection:
        audit.hold(connection)
        current = people.by_id(connection, user.id)
        if current is None or current.disabled_at is not None or current.password != user.password:
            return Entered(refusal=WRONG)
        if before is not None:
            sessions.end(connection, fingerprint(before))
        where = {"address": address, "agent": agent[:AGENT_MOST]}
        sessions.add(connection, fingerprint(secret), user.id, now=now, **where)
        people.change(connection, user.id, signed_in_at=now)
        people.forget_tries(connection, user.email, address)
        at = house.clock.now()
        audit.append(connection, at=at, by=user.email, action="user.sign_in", about=user.email, after=where)
    return Entered(secret=secret)


def is_same_person(house: House, user: User, subject: str) -> bool:
    """Return whether an identity provider means whom it meant by an account's address at first.

    An address may be given to somebody else, `sub` never. Source: OpenID Connect Core 1.0 §5.7.
    """
    with house.store.write() as connection:
        audit.hold(connection)
        known = people.subject(connection, user.id)
        if known is None:
            people.change(connection, user.id, subject=subject)
            at = house.clock.now()
            audit.append(connection, at=at, by=user.email, action="user.know_by_provider", about=user.email)
    if known not in {None, subject}:
        log.warning("sign_in_refused", why="another person at the provider", user=user.id, client=None)
    return known in {None, subject}


def sign_out(house: House, actor: Actor) -> None:
    """End the session that speaks."""
    if actor.session is None:
        return
    with house.store.write() as connection:
        if sessions.end(connection, actor.session):
            at = house.clock.now()
            audit.append(connection, at=at, by=actor.by, action="user.sign_out", about=actor.by)


def end_own(house: House, actor: Actor, session: str) -> bool:
    """End one of one's own sessions; return whether there was one."""
    if actor.user_id is None:
        return False
    with house.store.write() as connection:
        ended = sessions.end(connection, session, actor.user_id)
        if ended:
            at = house.clock.now()
            audit.append(connection, at=at, by=actor.by, action="user.end_session", about=actor.by)
    return ended


def person(house: House, secret: str, *, touches: bool = True) -> Actor | None:
    """Return the person whose session this is, with the role that they have now; None when it is over."""
    session, now = fingerprint(secret), house.wall.now()
    with house.store.read() as connection:
        row = sessions.with_user(connection, session)
    if row is None or session_over(row["created_at"], row["seen_at"], now):
        return None
    if touches and (now - row["seen_at"]) > TOKEN_TOUCHED_EVERY:
        with house.store.write() as connection:
            sessions.touch(connection, session, now)
    role: Role = row["role"]
    chosen = {"locale": row["locale"], "zone": row["zone"]}
    return Actor(row["email"], row["name"], RIGHTS[role], role, row["id"], session, **chosen)


def program(house: House, secret: str) -> Actor | None:
    """Return the program whose token this is; None when it is unknown, revoked or too old."""
    now = house.wall.now()
    with house.store.read() as connection:
        row = sessions.token(connection, fingerprint(secret))
    if row is None or row["revoked_at"] is not None or (row["expires_at"] and now >= row["expires_at"]):
        return None
    if row["used_at"] is None or now - row["used_at"] > TOKEN_TOUCHED_EVERY:
        with house.store.write() as connection:
            sessions.touch_token(connection, row["id"], now)
    by = f"token {row['name']} ({row['id']})"
    return Actor(by, row["name"], rights_of(row["scopes"].split()))


def anybody(house: House) -> bool:
    """Return whether anybody has an account yet."""
    with house.store.read() as connection:
        return people.anybody(connection)
