"""The parts behind the web process: worker and clock, each started with what stops it."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any, Final

import dramatiq
from dramatiq import Worker

from dunning.flows.house import House
from dunning.settings import Settings
from workers.bells import Bells, hang
from workers.broker import make_broker
from workers.clock import run_clock

THREADS: Final = 8
WORK_ENDS_WITHIN_MS: Final = 45_000  # longer than one answer of Stripe's may take


def broker_of(settings: Settings) -> dramatiq.Broker:
    """Return the broker that the settings name."""
    return make_broker(settings.redis_url.get_secret_value() if settings.redis_url else None)


def start_worker(
    stack: contextlib.ExitStack,
    house: House,
    settings: Settings,
    threads: int,
) -> Bells:
    """Start worker threads in this process and return the bells that ring them."""
    broker = broker_of(settings)
    bells = hang(broker, house)
    dramatiq_worker = Worker(broker, worker_threads=threads)
    dramatiq_worker.start()
    stack.callback(dramatiq_worker.stop, WORK_ENDS_WITHIN_MS)
    return bells


def start_clock(
    stack: contextlib.ExitStack,
    house: House,
    bells: Bells,
    stop: threading.Event,
    wake: threading.Event,
) -> None:
    """Start a clock in this process; `wake` cuts its wait short."""
    thread = threading.Thread(target=run_clock, args=(house, bells, stop, wake), daemon=True, name="clock")
    thread.start()
    stack.callback(thread.join, 5)
    stack.callback(wake.set)


@contextlib.contextmanager
def until_told() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set."""
    stop = threading.Event()

    def tell(_number: int, _frame: Any) -> None:
        stop.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        stop.set()
        for number, handler in before.items():
            signal.signal(number, handler)
