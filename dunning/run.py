"""The long-running commands: everything in one process, or web, worker and clock apart."""

import contextlib
import subprocess
import sys
import threading
import time
from typing import Final

from dunning import app, logs
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.flows.people import offer_setup
from dunning.flows.switches import first_start
from dunning.parts import (
    WORK_ENDS_WITHIN_MS,
    broker_of,
    start_clock,
    start_web,
    start_worker,
    until_told,
    wait_for_the_end,
)
from dunning.settings import Settings
from dunning.store.engine import is_sqlite
from dunning.tracking import trace_spans, track_errors
from workers.bells import hang
from workers.clock import run_clock

THREADS: Final = 8
RESTART_AFTER_S: Final = 1.0
SETUP: Final = (
    "Nobody has an account yet. Open {url}/setup on this machine, and enter this token, which is good once, "
    "for 24 hours:\n\n    {token}\n"
)

log = logs.get(__name__)


def serve(settings: Settings, host: str | None = None, port: int | None = None) -> None:
    """Run everything in this process until it is told to stop; the database is brought up to date first.

    Raises:
        Unusable: a setting cannot work.
    """
    _tell(settings, "serve")
    app.require_all(settings)
    store = app.connect(settings)
    app.upgrade(store, settings.database)
    house = app.build_house(settings, store=store)
    first_start(house)
    wake = threading.Event()
    with until_told() as stop, contextlib.ExitStack() as stack:
        web_server = start_web(stack, house, settings, host, port, wake.set)
        bells = start_worker(stack, house, settings, THREADS)
        start_clock(stack, house, bells, stop, wake)
        url = f"http://{host or settings.host}:{web_server.port}"
        log.info("serving", url=url)
        _offer_setup(house, url)
        wait_for_the_end(stop, web_server)


def web(settings: Settings, host: str | None = None, port: int | None = None) -> None:
    """Run the web process: webhooks, pages, API."""
    _tell(settings, "web")
    app.require_all(settings)
    house = _apart(settings)
    with until_told() as stop, contextlib.ExitStack() as stack:
        web_server = start_web(stack, house, settings, host, port, None)
        log.info("web_ready", port=web_server.port)
        _offer_setup(house, f"http://{host or settings.host}:{web_server.port}")
        wait_for_the_end(stop, web_server)


def worker(settings: Settings, processes: int = 1, threads: int = THREADS) -> None:
    """Run a worker process, or several."""
    _tell(settings, "worker")
    if processes > 1:
        _supervise(settings, processes, threads)
        return
    house = _apart(settings)
    with until_told() as stop, contextlib.ExitStack() as stack:
        start_worker(stack, house, settings, threads)
        log.info("worker_ready", threads=threads)
        stop.wait()


def clock(settings: Settings) -> None:
    """Run the clock; run as many as you like, they share the work."""
    _tell(settings, "clock")
    house = _apart(settings)
    with until_told() as stop:
        bells = hang(broker_of(settings), house)
        log.info("clock_ready")
        run_clock(house, bells, stop, threading.Event())


def _tell(settings: Settings, service: str) -> None:
    logs.configure()
    track_errors(settings)
    trace_spans(settings, service)


def _offer_setup(house: House, url: str) -> None:
    """Print the token that sets up the first account, while there is none."""
    token = offer_setup(house)
    if token is not None:
        print(SETUP.format(url=url, token=token), flush=True)  # noqa: T201 - for whoever sits at the console


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
    try:
        app.check_current(store)
        house = app.build_house(settings, store=store)
    except Unusable:
        store.engine.dispose()
        raise
    first_start(house)
    return house


def _supervise(settings: Settings, processes: int, threads: int) -> None:
    """Run several worker processes; one that dies is started again."""
    _apart(settings).store.engine.dispose()
    command = [sys.executable, "-m", "dunning", "worker", "--threads", str(threads)]
    with until_told() as stop:
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
