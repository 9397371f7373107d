"""The broker in Redis: what is said of one that may evict, and how many bells wait in it."""

import dramatiq
import pytest
from pydantic import SecretStr
from redis import Redis

from dunning import logs
from dunning.flows.jobs import bells_waiting
from dunning.settings import Settings
from workers.broker import make_broker


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_start_warns_of_a_redis_that_may_evict_bells(
    redis_url: str, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(json=True)
    with Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", policy)
        try:
            make_broker(redis_url).close()
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    told = capsys.readouterr().err
    assert "redis_may_evict" in told
    assert policy in told
    make_broker(redis_url).close()
    assert "redis_may_evict" not in capsys.readouterr().err


def test_bells_that_nobody_has_heard_are_counted(redis_url: str) -> None:
    settings = Settings(redis_url=SecretStr(redis_url))
    broker = make_broker(redis_url)
    assert bells_waiting(settings) == 0
    for number in range(3):
        broker.declare_queue("dunning")
        broker.enqueue(dramatiq.Message("dunning", "event", (number,), {}, {}))
    assert bells_waiting(settings) == 3
    broker.close()
    assert bells_waiting(Settings()) is None
    assert bells_waiting(Settings(redis_url=SecretStr("redis://127.0.0.1:1/0"))) is None
