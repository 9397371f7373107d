"""The parts of a running installation: worker, clock and web, each started with what stops it."""

import contextlib
import gc
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import dramatiq
from dramatiq import Worker

from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.settings import Settings
from dunning.web.receiver import Receiver
from dunning.web.server import WebServer, listen
from dunning.web.site import create_site
from workers.bells import Bells, hang
from workers.broker import make_broker
from workers.clock import run_clock

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


def start_web(
    stack: contextlib.ExitStack,
    house: House,
    settings: Settings,
    host: str | None,
    port: int | None,
    wake: Callable[[], None] | None,
) -> WebServer:
    """Start the web server in this process; `wake` is called when an event was kept."""
    listener = listen(host or settings.host, settings.port if port is None else port)
    receiver = Receiver(house.store, house.clock, settings.webhook_secrets, settings.livemode, wake)
    receiver.start()
    stack.callback(receiver.stop)
    server = WebServer(create_site(house, receiver), listener)
    server.start()
    stack.callback(server.stop)
    return server


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


def wait_for_the_end(stop: threading.Event, server: WebServer) -> None:
    """Wait until the process is told to stop.

    What was made until now lives as long as the process: it is taken out of the garbage collector's sight,
    which otherwise holds a page up for a tenth of a second now and then.

    Raises:
        Unusable: the web server died by itself.
    """
    gc.collect()
    gc.freeze()
    while not stop.wait(1.0):
        if not server.alive:
            raise Unusable("The web server stopped by itself; the log says why.")
