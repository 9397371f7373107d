"""The web server on its thread: it starts, and it stops within seconds."""

import socket
import threading
import time
from collections import deque

from browser.house import deaf_receiver

from dunning.web.server import WebServer, listen


def test_a_connection_that_comes_during_the_stop_and_says_nothing_does_not_hold_it_up() -> None:
    """A browser keeps spare connections for five minutes; uvicorn waits for each that it has accepted."""
    server = WebServer(deaf_receiver, listen("127.0.0.1", 0))
    server.start()
    silent: deque[socket.socket] = deque()
    knocking = threading.Thread(target=_knock, args=(server.port, silent))
    knocking.start()
    asked = time.monotonic()
    server.stop()
    knocking.join()
    assert silent, "nobody knocked"
    assert not server.alive
    assert time.monotonic() - asked < 7
    for connection in silent:
        connection.close()


def _knock(port: int, silent: "deque[socket.socket]") -> None:
    """Connect until nobody listens any more; the last hundred stay connected."""
    while True:
        try:
            silent.append(socket.create_connection(("127.0.0.1", port), timeout=1))
        except OSError:
            return
        if len(silent) > 100:
            silent.popleft().close()
