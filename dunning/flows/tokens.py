"""Tokens of programs that use the API: made, shown once, and revoked."""

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from dunning.core.ids import derive_id
from dunning.core.people import NAME_MOST, WRITE, Right, fingerprint
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.store import audit, sessions

PREFIX: Final = "dun_"  # so that a scanner of repositories knows one when it sees it
DAYS_MOST: Final = 3650


def create(
    house: House, *, name: str, scopes: Iterable[str], by: str, days: int | None = None
) -> tuple[str, str]:
    """Make a token; return its id and its secret, which is never shown again.

    Raises:
        Unusable: the name, a scope or the number of days cannot be used.
    """
    name, wanted = " ".join(name.split()), _scopes(scopes)
    if not name or len(name) > NAME_MOST or not name.isprintable():
        raise Unusable(f"A token's name has 1 to {NAME_MOST} characters: say what it is for.")
    if days is not None and not 1 <= days <= DAYS_MOST:
        raise Unusable(f"A token is good for 1 to {DAYS_MOST} days.")
    secret, now = PREFIX + secrets.token_urlsafe(32), house.wall.now()
    until = now + timedelta(days=days) if days is not None else None
    row = {"id": derive_id("tok", now, secret), "fingerprint": fingerprint(secret), "name": name}
    row |= {"scopes": " ".join(wanted)}
    with house.store.write() as connection:
        sessions.add_token(connection, {**row, "created_at": now, "created_by": by, "expires_at": until})
        after = {"name": name, "scopes": wanted, "expires_at": until}
        at = house.clock.now()
        audit.append(connection, at=at, by=by, action="token.create", about=row["id"], after=after)
    return row["id"], secret


def revoke(house: House, token_id: str, *, by: str) -> str:
    """Revoke a token at once; return its name.

    Raises:
        Unusable: there is no such token, or it is revoked already.
    """
    with house.store.write() as connection:
        name = sessions.revoke_token(connection, token_id, house.wall.now())
        if name is None:
            raise Unusable(f"There is no token {token_id!r} that could be revoked.")
        at, after = house.clock.now(), {"revoked": True, "name": name}
        audit.append(connection, at=at, by=by, action="token.revoke", about=token_id, after=after)
    return name


def _scopes(words: Iterable[str]) -> list[str]:
    wanted = {Right.ACT.value if word == WRITE else word for word in words}
    unknown = wanted - set(Right)
    if unknown or not wanted:
        said = f"{min(unknown)!r} is no scope" if unknown else "A token needs a scope"
        raise Unusable(f"{said}: choose of {', '.join(Right)}.")
    return [right.value for right in Right if right in wanted]
