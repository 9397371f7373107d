"""Serving an ASGI application from a thread, so that the process keeps its signals and its other threads."""

import socket
import threading
import time
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from dunning.errors import Unusable

STARTED_WITHIN_S: Final = 15
# An open stream of live updates would hold the stop up for ever.
GRACE_S: Final = 2


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; port 0 takes any free one.

    Raises:
        Unusable: the address is taken or not ours, with the cure.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle off only where the protocol is named; without it each answer waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        words = getattr(error, "strerror", None) or error
        raise Unusable(
            f"DUNNING_HOST and DUNNING_PORT: {host}:{port} cannot be used ({words}); choose another with "
            "--port, or stop what uses it."
        ) from None
    return listener


class WebServer:
    """A running web server; `stop` ends it within seconds."""

    def __init__(self, site: ASGIApp, listener: socket.socket) -> None:
        config = uvicorn.Config(
            site,
            log_level="warning",
            log_config=None,  # its lines go where ours go, and are redacted like them
            access_log=False,  # it would write tokens of card-update links into the log
            timeout_graceful_shutdown=GRACE_S,
            lifespan="off",
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._listener = listener
        self._thread = threading.Thread(
            target=self._server.run,
            kwargs={"sockets": [listener]},
            daemon=True,
            name="web",
        )

    @property
    def alive(self) -> bool:
        """Return whether the server is still answering."""
        return self._thread.is_alive()

    @property
    def port(self) -> int:
        """Return the port that was bound."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Start, and return when the first request can be answered."""
        self._thread.start()
        until = time.monotonic() + STARTED_WITHIN_S
        while not self._server.started and self.alive and time.monotonic() < until:
            time.sleep(0.01)

    def stop(self) -> None:
        """Finish the requests under way and stop."""
        self._server.should_exit = True
        self._thread.join(timeout=GRACE_S + 5)
        self._listener.close()
