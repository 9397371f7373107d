"""The long-running commands: everything in one process, or web, worker and clock apart."""

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import dramatiq
from dramatiq import Worker

from dunning import app, logs
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.flows.switches import first_start
from dunning.settings import Settings
from dunning.store.engine import is_sqlite
from dunning.web.receiver import Receiver
from dunning.web.server import WebServer, listen
from dunning.web.site import create_site
from workers.bells import Bells, hang
from workers.broker import make_broker
from workers.clock import run_clock

THREADS: Final = 8
WORK_ENDS_WITHIN_MS: Final = 45_000  # longer than one answer of Stripe's may take
RESTART_AFTER_S: Final = 1.0

log = logs.get(__name__)


def serve(settings: Settings, host: str | None = None, port: int | None = None) -> None:
    """Run everything in this process until it is told to stop; the database is brought up to date first.

    Raises:
        Unusable: a setting cannot work.
    """
    logs.configure()
    app.require_webhook_secret(settings)
    store = app.connect(settings)
    app.upgrade(store, settings.database)
    house = app.build_house(settings, store=store)
    first_start(house)
    wake = threading.Event()
    with _until_told() as stop, contextlib.ExitStack() as stack:
        bells = _start_worker(stack, house, settings, THREADS)
        _start_clock(stack, house, bells, stop, wake)
        web_server = _start_web(stack, house, settings, host, port, wake.set)
        log.info(
            "serving",
            url=f"http://{host or settings.host}:{web_server.port}",
            retries_and_messages="Settings",
        )
        _wait(stop, web_server)


def web(settings: Settings, host: str | None = None, port: int | None = None) -> None:
    """Run the web process: webhooks, pages, API."""
    logs.configure()
    app.require_webhook_secret(settings)
    house = _apart(settings)
    with _until_told() as stop, contextlib.ExitStack() as stack:
        web_server = _start_web(stack, house, settings, host, port, None)
        log.info("web_ready", port=web_server.port)
        _wait(stop, web_server)


def worker(settings: Settings, processes: int = 1, threads: int = THREADS) -> None:
    """Run a worker process, or several."""
    logs.configure()
    if processes > 1:
        _supervise(settings, processes, threads)
        return
    house = _apart(settings)
    with _until_told() as stop, contextlib.ExitStack() as stack:
        _start_worker(stack, house, settings, threads)
        log.info("worker_ready", threads=threads)
        stop.wait()


def clock(settings: Settings) -> None:
    """Run the clock; run as many as you like, they share the work."""
    logs.configure()
    house = _apart(settings)
    with _until_told() as stop:
        bells = hang(_broker(settings), house)
        log.info("clock_ready")
        run_clock(house, bells, stop, threading.Event())


def _apart(settings: Settings) -> House:
    """Wire one of several processes: they need a database and a broker that several processes can share."""
    if is_sqlite(settings.database):
        raise Unusable(
            "DATABASE_URL is SQLite, which web, worker and clock as separate processes cannot share: run "
            "`dunning serve`, or set DATABASE_URL to PostgreSQL."
        )
    if settings.redis_url is None:
        raise Unusable(
            "REDIS_URL is missing: separate processes ring each other through Redis; or run `dunning serve`."
        )
    store = app.connect(settings)
    app.check_current(store)
    house = app.build_house(settings, store=store)
    first_start(house)
    return house


def _broker(settings: Settings) -> dramatiq.Broker:
    return make_broker(settings.redis_url.get_secret_value() if settings.redis_url else None)


def _start_worker(
    stack: contextlib.ExitStack,
    house: House,
    settings: Settings,
    threads: int,
) -> Bells:
    broker = _broker(settings)
    bells = hang(broker, house)
    dramatiq_worker = Worker(broker, worker_threads=threads)
    dramatiq_worker.start()
    stack.callback(dramatiq_worker.stop, WORK_ENDS_WITHIN_MS)
    return bells


def _start_clock(
    stack: contextlib.ExitStack,
    house: House,
    bells: Bells,
    stop: threading.Event,
    wake: threading.Event,
) -> None:
    thread = threading.Thread(target=run_clock, args=(house, bells, stop, wake), daemon=True, name="clock")
    thread.start()
    stack.callback(thread.join, 5)
    stack.callback(wake.set)


def _start_web(
    stack: contextlib.ExitStack,
    house: House,
    settings: Settings,
    host: str | None,
    port: int | None,
    wake: Callable[[], None] | None,
) -> WebServer:
    listener = listen(host or settings.host, settings.port if port is None else port)
    receiver = Receiver(house.store, house.clock, settings.webhook_secrets, settings.livemode, wake)
    receiver.start()
    stack.callback(receiver.stop)
    server = WebServer(create_site(house, receiver), listener)
    server.start()
    stack.callback(server.stop)
    return server


@contextlib.contextmanager
def _until_told() -> Iterator[threading.Event]:
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


def _wait(stop: threading.Event, server: WebServer) -> None:
    while not stop.wait(1.0):
        if not server.alive:
            raise Unusable("The web server stopped by itself; the log says why.")


def _supervise(settings: Settings, processes: int, threads: int) -> None:
    """Run several worker processes; one that dies is started again."""
    _apart(settings).store.engine.dispose()
    command = [sys.executable, "-m", "dunning", "worker", "--threads", str(threads)]
    with _until_told() as stop:
        running = [subprocess.Popen(command) for _ in range(processes)]  # noqa: S603 - our own program
        while not stop.wait(RESTART_AFTER_S):
            for place, child in enumerate(running):
                if child.poll() is not None:
                    log.error("worker_died", code=child.returncode)
                    running[place] = subprocess.Popen(command)  # noqa: S603 - our own program
        for child in running:
            child.terminate()
        deadline = time.monotonic() + WORK_ENDS_WITHIN_MS / 1000
        for child in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(deadline - time.monotonic(), 0.1))
