"""The work by kind, for whoever watches over it, and trying again what was set aside."""

from typing import Final

import redis
from sqlalchemy import Connection

from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.settings import Settings
from dunning.store import audit, invariants, jobs
from dunning.store.jobs import DEAD, Work

QUEUE: Final = "dunning:dunning"  # Dramatiq's list of bells: the broker's namespace and its one queue
ANSWERS_WITHIN_S: Final = 1


def standing(house: House, connection: Connection) -> list[Work]:
    """Return the work of every kind as it stands now."""
    held_up = invariants.held_up(connection)
    return jobs.work(connection, house.clock.now(), held_up=held_up)


def redrive(house: House, kind: str, *, by: str) -> int:
    """Let every dead row of a kind be tried again; return how many.

    Raises:
        Unusable: nothing of this kind is ever dead.
    """
    if kind not in DEAD:
        raise Unusable(f"Nothing of the kind {kind!r} is tried again: choose one of {', '.join(DEAD)}.")
    now = house.clock.now()
    with house.store.write() as connection:
        count = jobs.redrive(connection, kind, now)
        if count:
            after = {"rows": count}
            audit.append(connection, at=now, by=by, action="jobs.redrive", about=kind, after=after)
    return count


def bells_waiting(settings: Settings) -> int | None:
    """Return how many bells wait in Redis for a worker; None without Redis, or when it does not answer."""
    if settings.redis_url is None:
        return None
    url, wait = settings.redis_url.get_secret_value(), ANSWERS_WITHIN_S
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=wait, socket_timeout=wait) as client:
            return int(client.llen(QUEUE))
    except (redis.RedisError, OSError):
        return None
