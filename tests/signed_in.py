"""A site as somebody sees it who has signed in: the session's cookie comes with every request."""

from dataclasses import dataclass
from typing import Any

from dunning.core.people import Role, fingerprint
from dunning.flows.house import House
from dunning.store import people, sessions
from dunning.store.people import User

COOKIE = "dunning"
WHERE = {"address": "127.0.0.1", "agent": "a test"}


def open_session(house: House, role: Role = Role.ADMIN, secret: str | None = None) -> str:
    """Return the secret of a session of the person with this role, who is made when there is none yet."""
    secret = secret or f"the session of {role}"
    now, email = house.wall.now(), f"{role}@juniper.example"
    with house.store.write() as connection:
        if people.by_email(connection, email) is None:
            user = User(f"usr_{role}", email, role.capitalize(), role, "no hash", now, None, None)
            people.add(connection, user)
        if sessions.with_user(connection, fingerprint(secret)) is None:
            sessions.add(connection, fingerprint(secret), f"usr_{role}", now=now, **WHERE)
    return secret


@dataclass(frozen=True)
class SignedIn:
    """Adds what a signed-in browser sends, unless the request says otherwise."""

    site: Any
    secret: str

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            given = dict(scope["headers"])
            cookies = [given.pop(b"cookie", b""), f"{COOKIE}={self.secret}".encode()]
            given[b"cookie"] = b"; ".join(filter(None, cookies))
            if b"origin" not in given:
                given.setdefault(b"sec-fetch-site", b"same-origin")
            scope = {**scope, "headers": list(given.items())}
        await self.site(scope, receive, send)


def signed_in(site: Any, house: House, role: Role = Role.ADMIN) -> SignedIn:
    """Return the site as a person of this role sees it."""
    return SignedIn(site, open_session(house, role))
