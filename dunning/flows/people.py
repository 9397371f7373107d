"""Accounts: the first one, adding people, changing what they may do; each change stands in the audit log.

`now` is wall time: sessions and links last so long for people, also where virtual time runs.
"""

import secrets
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.ids import derive_id
from dunning.core.people import (
    LINK_LASTS,
    NAME_MOST,
    Role,
    fingerprint,
    password_refusal,
    usable_email,
)
from dunning.errors import Unusable
from dunning.flows import passwords
from dunning.flows.house import House
from dunning.store import audit, people, sessions
from dunning.store.people import User

SETUP: Final = "set-up"
LINK_IS_OVER: Final = "This link is used up or too old: ask an admin for a new one."
NOT_THIS: Final = (
    "That is not the token on the console, or it is too old: `dunning serve` prints a new one when it starts."
)
LAST_ADMIN: Final = "Nobody else could sign in as admin: make somebody else an admin first."


def offer_setup(house: House) -> str | None:
    """Return a new token for setting up the first account; None when there is an account already."""
    with house.store.write() as connection:
        if people.anybody(connection):
            return None
        return _new_link(connection, house, None)


def set_up(house: House, token: str, *, email: str, name: str, password: str) -> User:
    """Make the first account, an admin, with the token from the console.

    Raises:
        Unusable: the token, address, name or password cannot be used, or there is an account by now.
    """
    email, name = _email(email), _name(name)
    _check_password(house, password, email)
    known = passwords.hashed(password)
    with house.store.write() as connection:
        audit.hold(connection)  # nobody else makes an account meanwhile
        if people.anybody(connection):
            raise Unusable("There is an account already: sign in, or ask an admin to add you.")
        if not people.use_link(connection, fingerprint(token.strip()), house.wall.now(), setup=True):
            raise Unusable(NOT_THIS)
        return _insert(connection, house, email, name, Role.ADMIN, by=SETUP, password=known)


def add(house: House, *, email: str, name: str, role: Role, by: str) -> tuple[User, str]:
    """Add a person; return the account and the secret of the link with which they choose a password.

    Raises:
        Unusable: the address or name cannot be used, or the address has an account.
    """
    email, name = _email(email), _name(name)
    with house.store.write() as connection:
        audit.hold(connection)
        if people.by_email(connection, email) is not None:
            raise Unusable(f"{email} has an account already.")
        user = _insert(connection, house, email, name, role, by=by)
        return user, _new_link(connection, house, user.id)


def set_role(house: House, email: str, role: Role, *, by: str) -> User:
    """Give a person another role, from their next click on.

    Raises:
        Unusable: there is no such account, or nobody else is an admin.
    """
    with house.store.write() as connection:
        user = _held(connection, email)
        if role is not Role.ADMIN:
            _keep_an_admin(connection, user)
        _change(connection, house, user, "user.role", by, {"role": user.role}, {"role": role})
        people.change(connection, user.id, role=role)
        return user


def disable(house: House, email: str, *, by: str) -> User:
    """Shut a person out at once: their sessions and links end.

    Raises:
        Unusable: there is no such account, or nobody else is an admin.
    """
    with house.store.write() as connection:
        user = _held(connection, email)
        _keep_an_admin(connection, user)
        _change(connection, house, user, "user.disable", by, {"disabled": False}, {"disabled": True})
        people.change(connection, user.id, disabled_at=house.wall.now())
        sessions.end_all(connection, user.id)
        return user


def enable(house: House, email: str, *, by: str) -> User:
    """Let a person in again.

    Raises:
        Unusable: there is no such account.
    """
    with house.store.write() as connection:
        user = _held(connection, email)
        _change(connection, house, user, "user.enable", by, {"disabled": True}, {"disabled": False})
        people.change(connection, user.id, disabled_at=None)
        return user


def reset_link(house: House, email: str, *, by: str) -> str:
    """Return the secret of a new link with which a person chooses a password; the old one holds until then.

    Whom an identity provider meant by the address is forgotten: the next one it lets in counts.

    Raises:
        Unusable: there is no such account, or it is disabled.
    """
    with house.store.write() as connection:
        user = _held(connection, email)
        if user.disabled_at is not None:
            raise Unusable(f"{user.email} is disabled: enable the account first.")
        audit.append(connection, at=house.clock.now(), by=by, action="user.reset_link", about=user.email)
        people.change(connection, user.id, subject=None)
        return _new_link(connection, house, user.id)


def end_sessions(house: House, email: str, *, by: str) -> int:
    """End all sessions of a person; return how many there were.

    Raises:
        Unusable: there is no such account.
    """
    with house.store.write() as connection:
        user = _held(connection, email)
        ended = sessions.end_all(connection, user.id)
        _change(connection, house, user, "user.end_sessions", by, {"sessions": ended}, {"sessions": 0})
        return ended


def choose_password(house: House, secret: str, password: str) -> User:
    """Set the password of the person whose link this is, once; all their sessions end.

    Raises:
        Unusable: the link is over, or the password cannot be used.
    """
    link, now = fingerprint(secret), house.wall.now()
    with house.store.read() as connection:
        user = people.user_of_link(connection, link, now)
    if user is None:
        raise Unusable(LINK_IS_OVER)
    _check_password(house, password, user.email)
    known = passwords.hashed(password)
    with house.store.write() as connection:
        audit.hold(connection)
        current = people.user_of_link(connection, link, now)
        if current is None or not people.use_link(connection, link, now, setup=False):
            raise Unusable(LINK_IS_OVER)
        _set_password(connection, house, current, known)
    return replace(current, password=known)


def change_password(house: House, user_id: str, old: str, new: str, *, session: str | None) -> None:
    """Change one's own password; all other sessions end.

    Raises:
        Unusable: the old one is wrong, or the new one cannot be used.
    """
    with house.store.read() as connection:
        user = people.by_id(connection, user_id)
    if user is None or not passwords.fits(old, user.password):
        raise Unusable("The present password is not right.")
    _check_password(house, new, user.email)
    known = passwords.hashed(new)
    with house.store.write() as connection:
        audit.hold(connection)
        _set_password(connection, house, user, known, keep=session)


def choose_language(house: House, user_id: str, language: str | None) -> None:
    """Keep the language of somebody's own pages; None leaves it to their browser."""
    with house.store.write() as connection:
        audit.hold(connection)
        user = people.by_id(connection, user_id)
        if user is not None:
            people.change(connection, user.id, locale=language)
            before, after = {"language": user.locale}, {"language": language}
            _change(connection, house, user, "user.language", user.email, before, after)


def choose_zone(house: House, user_id: str, zone: str | None) -> None:
    """Keep the time zone of somebody's own pages; None: that of the reports."""
    with house.store.write() as connection:
        audit.hold(connection)
        user = people.by_id(connection, user_id)
        if user is not None:
            people.change(connection, user.id, zone=zone)
            before, after = {"zone": user.zone}, {"zone": zone}
            _change(connection, house, user, "user.zone", user.email, before, after)


def _set_password(
    connection: Connection, house: House, user: User, known: str, keep: str | None = None
) -> None:
    people.change(connection, user.id, password=known)
    sessions.end_all(connection, user.id, but=keep)
    audit.append(connection, at=house.clock.now(), by=user.email, action="user.password", about=user.email)


def _held(connection: Connection, email: str) -> User:
    """Return an account that nobody else changes meanwhile."""
    audit.hold(connection)
    user = people.by_email(connection, email.strip().lower())
    if user is None:
        raise Unusable(f"{email} has no account here: `dunning user list` shows who has.")
    return user


def _keep_an_admin(connection: Connection, user: User) -> None:
    if user.role is Role.ADMIN and user.active and not people.other_admins(connection, user.id):
        raise Unusable(LAST_ADMIN)


def _insert(
    connection: Connection,
    house: House,
    email: str,
    name: str,
    role: Role,
    *,
    by: str,
    password: str | None = None,
) -> User:
    now = house.wall.now()
    user = User(derive_id("usr", now, email), email, name, role, password, now, None, None)
    people.add(connection, user)
    audit.append(
        connection,
        at=house.clock.now(),
        by=by,
        action="user.add",
        about=email,
        after={"name": name, "role": role},
    )
    return user


def _change(
    connection: Connection,
    house: House,
    user: User,
    action: str,
    by: str,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    audit.append(
        connection,
        at=house.clock.now(),
        by=by,
        action=action,
        about=user.email,
        before=before,
        after=after,
    )


def _new_link(connection: Connection, house: House, user_id: str | None) -> str:
    secret, now = secrets.token_urlsafe(32), house.wall.now()
    people.add_link(connection, fingerprint(secret), user_id, now=now, until=now + LINK_LASTS)
    return secret


def _email(text: str) -> str:
    email = usable_email(text)
    if email is None:
        raise Unusable(f"{text.strip()[:60]!r} is not an address: write it like ana@acme.example.")
    return email


def _name(text: str) -> str:
    name = " ".join(text.split())
    if not name or len(name) > NAME_MOST or not name.isprintable():
        raise Unusable(f"A name has 1 to {NAME_MOST} characters.")
    return name


def _check_password(house: House, password: str, email: str) -> None:
    refusal = password_refusal(password, email, house.merchant)
    if refusal is not None:
        raise Unusable(refusal)
