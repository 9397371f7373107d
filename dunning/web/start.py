"""The web process, started with what stops it."""

import contextlib
import gc
import threading
from collections.abc import Callable

from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.settings import Settings
from dunning.web.receiver import Receiver
from dunning.web.server import WebServer, listen
from dunning.web.site import create_site


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
