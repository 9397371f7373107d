"""The commands that answer webhooks and browsers: everything in one process, or the web process alone."""

import contextlib
import threading
from typing import Final

from dunning import app, logs
from dunning.flows.house import House
from dunning.flows.people import offer_setup
from dunning.flows.switches import first_start
from dunning.parts import THREADS, start_clock, start_worker, until_told
from dunning.settings import Settings
from dunning.startup import apart, tell
from dunning.web.start import start_web, wait_for_the_end

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
    tell(settings, "serve")
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
    tell(settings, "web")
    app.require_all(settings)
    house = apart(settings)
    with until_told() as stop, contextlib.ExitStack() as stack:
        web_server = start_web(stack, house, settings, host, port, None)
        log.info("web_ready", port=web_server.port)
        _offer_setup(house, f"http://{host or settings.host}:{web_server.port}")
        wait_for_the_end(stop, web_server)


def _offer_setup(house: House, url: str) -> None:
    """Print the token that sets up the first account, while there is none."""
    token = offer_setup(house)
    if token is not None:
        print(SETUP.format(url=url, token=token), flush=True)  # noqa: T201 - for whoever sits at the console
