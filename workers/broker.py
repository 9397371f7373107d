"""The broker: Redis where there is one, in this process where there is none. Same behaviour, same actors."""

from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AgeLimit, Middleware, ShutdownNotifications, TimeLimit

from dunning import logs
from dunning.errors import Unusable

STALE_MS = 600_000  # a bell older than this is useless: the row is still due, and the clock rings again
LONGEST_WORK_MS = 300_000
HEARTBEAT_MS = 60_000

log = logs.get(__name__)


class Reporter(Middleware):
    """Logs what an actor raised; the row itself says what happens next."""

    def after_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - the signature is dramatiq's
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002 - the signature is dramatiq's
        exception: BaseException | None = None,
    ) -> None:
        """Log the error of a finished message, with the row's id."""
        if exception is not None:
            log.error(
                "work_failed",
                kind=message.actor_name,
                row=message.args,
                error=repr(exception),
                exc_info=exception,
            )


class Forgetter(Middleware):
    """Empties the in-process broker's list of dead letters, which otherwise grows for ever."""

    def after_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        """Forget a message that was refused: the database is the queue of record."""
        if isinstance(broker, StubBroker):
            broker.dead_letters_by_queue.get(message.queue_name, []).clear()


def make_broker(redis_url: str | None) -> dramatiq.Broker:
    """Return the broker at `redis_url`, or one inside this process when there is no Redis.

    Raises:
        Unusable: Redis cannot be reached, or the URL is none.
    """
    middleware = [
        AgeLimit(max_age=STALE_MS),
        TimeLimit(time_limit=LONGEST_WORK_MS),
        ShutdownNotifications(),
        Reporter(),
        Forgetter(),
    ]
    if redis_url is None:
        return StubBroker(middleware=middleware, fail_fast_default=False)
    _check(redis_url)
    return RedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves this constructor untyped
        url=redis_url,
        middleware=middleware,
        namespace="dunning",
        heartbeat_timeout=HEARTBEAT_MS,
        maintenance_chance=1_000_000,
    )


def _check(redis_url: str) -> None:
    try:
        client = redis.Redis.from_url(redis_url, socket_connect_timeout=5)
        client.ping()
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
        client.close()
    except ValueError as error:
        raise Unusable(f"REDIS_URL is not a Redis URL: {error}. It looks like redis://host:6379/0.") from None
    except redis.ResponseError:
        return  # a managed Redis that keeps its configuration to itself
    except redis.RedisError as error:
        raise Unusable(
            f"REDIS_URL: Redis cannot be reached ({error}). Start it, correct the URL, or unset REDIS_URL to "
            "run without one."
        ) from None
    if policy not in {None, "noeviction"}:
        log.warning("redis_may_evict", policy=policy, cure="set maxmemory-policy to noeviction")
