"""The web server on its thread: it starts, and it stops within seconds."""

import asyncio
import socket
import threading
import time
from collections import deque
from typing import Any

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


def test_a_stream_that_is_open_does_not_hold_the_stop_up() -> None:
    cut = threading.Event()

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": b": still here\n\n", "more_body": True})
                await asyncio.sleep(0.05)
        finally:
            cut.set()

    server = WebServer(stream, listen("127.0.0.1", 0))
    server.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as reader:
        reader.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        asked = time.monotonic()
        server.stop()
        assert time.monotonic() - asked < 7
    assert not server.alive
    assert cut.wait(5)


def _knock(port: int, silent: "deque[socket.socket]") -> None:
    """Connect until nobody listens any more; the last hundred stay connected."""
    while True:
        try:
            silent.append(socket.create_connection(("127.0.0.1", port), timeout=1))
        except OSError:
            return
        if len(silent) > 100:
            silent.popleft().close()
