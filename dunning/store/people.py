"""Queries on people: accounts, the links that let them choose a password, and tries to sign in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, select, update

from dunning.core.people import TRIES_WITHIN, Role, Tries
from dunning.store.tables import login_tries, user_links, users


@dataclass(frozen=True, slots=True)
class User:
    """One account; `password` is an argon2id hash, none until the first link was used."""

    id: str
    email: str
    name: str
    role: Role
    password: str | None
    created_at: datetime
    disabled_at: datetime | None
    signed_in_at: datetime | None
    locale: str | None = None
    zone: str | None = None
    subject: str | None = None  # whom the identity provider means

    @property
    def active(self) -> bool:
        """Return whether they may sign in: not disabled, and with a password."""
        return self.disabled_at is None and self.password is not None


def anybody(connection: Connection) -> bool:
    """Return whether there is any account yet."""
    return bool(connection.execute(select(exists().select_from(users))).scalar_one())


def every(connection: Connection) -> list[User]:
    """Return all accounts, by address."""
    rows = connection.execute(select(users).order_by(users.c.email)).mappings()
    return [User(**row) for row in rows]


def by_email(connection: Connection, email: str) -> User | None:
    """Return the account of an address in lower case."""
    return _one(connection, users.c.email == email)


def by_id(connection: Connection, user_id: str) -> User | None:
    """Return one account."""
    return _one(connection, users.c.id == user_id)


def other_admins(connection: Connection, user_id: str) -> int:
    """Return how many other people can sign in as admin."""
    others = (
        users.c.id != user_id,
        users.c.role == Role.ADMIN,
        users.c.disabled_at.is_(None),
        users.c.password.is_not(None),
    )
    return int(connection.execute(select(func.count()).where(*others)).scalar_one())


def add(connection: Connection, user: User) -> None:
    """Insert an account; the caller knows that the address is new."""
    connection.execute(insert(users).values(**{name: getattr(user, name) for name in User.__slots__}))


def change(connection: Connection, user_id: str, **values: Any) -> None:
    """Change columns of an account."""
    connection.execute(update(users).where(users.c.id == user_id).values(**values))


def subject(connection: Connection, user_id: str) -> str | None:
    """Return whom the identity provider meant by an account's address at first; held until the end."""
    query = select(users.c.subject).where(users.c.id == user_id).with_for_update()
    found: str | None = connection.execute(query).scalar_one_or_none()
    return found


def add_link(
    connection: Connection, link_id: str, user_id: str | None, *, now: datetime, until: datetime
) -> None:
    """Keep the fingerprint of a new link; the account's earlier ones end, and old ones are swept out."""
    connection.execute(delete(user_links).where(user_links.c.expires_at < now))
    if user_id is not None:
        connection.execute(delete(user_links).where(user_links.c.user_id == user_id))
    row = {"id": link_id, "user_id": user_id, "made_at": now, "expires_at": until}
    connection.execute(insert(user_links).values(**row))


def user_of_link(connection: Connection, link_id: str, now: datetime) -> User | None:
    """Return whose password an unused link sets; None when it is used, too old, or the set-up's."""
    query = select(user_links.c.user_id).where(_usable(link_id, now))
    found = connection.execute(query).scalar_one_or_none()
    user = by_id(connection, found) if found is not None else None
    return user if user is not None and user.disabled_at is None else None


def use_link(connection: Connection, link_id: str, now: datetime, *, setup: bool) -> bool:
    """Use a link up, once; return whether it could still be used."""
    whose = user_links.c.user_id.is_(None) if setup else user_links.c.user_id.is_not(None)
    statement = update(user_links).where(_usable(link_id, now), whose).values(used_at=now)
    return connection.execute(statement).rowcount == 1


def add_try(connection: Connection, try_id: str, account: str, address: str, now: datetime) -> None:
    """Count a try to sign in; those that count no longer are swept out."""
    connection.execute(delete(login_tries).where(login_tries.c.at < now - TRIES_WITHIN))
    row = {"id": try_id, "account": account, "address": address, "at": now}
    connection.execute(insert(login_tries).values(**row))


def tries(connection: Connection, account: str, address: str, now: datetime) -> Tries:
    """Return the tries that count now for an account, an address, and the two together."""
    recent = login_tries.c.at >= now - TRIES_WITHIN
    of_account, of_address = login_tries.c.account == account, login_tries.c.address == address

    def counted(*which: Any) -> int:
        return int(connection.execute(select(func.count()).where(recent, *which)).scalar_one())

    return Tries(counted(of_account, of_address), counted(of_account), counted(of_address))


def drop_try(connection: Connection, try_id: str) -> None:
    """Take one try back: it was not looked at."""
    connection.execute(delete(login_tries).where(login_tries.c.id == try_id))


def forget_tries(connection: Connection, account: str, address: str) -> None:
    """Forget the tries of somebody who has signed in."""
    pair = and_(login_tries.c.account == account, login_tries.c.address == address)
    connection.execute(delete(login_tries).where(pair))


def _usable(link_id: str, now: datetime) -> Any:
    return and_(user_links.c.id == link_id, user_links.c.used_at.is_(None), user_links.c.expires_at > now)


def _one(connection: Connection, which: Any) -> User | None:
    row = connection.execute(select(users).where(which)).mappings().one_or_none()
    return User(**row) if row is not None else None
