"""The sandbox as a server: the simulated API, the hosted pages and the control routes on one port."""

import logging
import socket
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dunning.sandbox import control, hosted
from dunning.sandbox.events import dump
from dunning.sandbox.http import BrokenOffError, Door
from dunning.sandbox.world import Sandbox

_STARTS_WITHIN = 10.0


class Server:
    """A running server in a daemon thread.

    Raises:
        OSError: if the address is taken.
    """

    def __init__(self, sandbox: Sandbox, host: str, port: int) -> None:
        # The protocol is named so that asyncio switches Nagle off: it costs 40 ms an answer otherwise.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.url = f"http://{host}:{self._socket.getsockname()[1]}"
        sandbox.move_to(self.url)
        config = uvicorn.Config(
            application(sandbox), log_level="critical", access_log=False, lifespan="off", ws="none"
        )
        logging.getLogger("uvicorn.error").addFilter(_unasked)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="sandbox", daemon=True
        )

    def start(self) -> None:
        """Start serving and return once connections are accepted."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(_STARTS_WITHIN / 0.01)):
            if self._server.started:
                return
            waited.wait(0.01)
        raise RuntimeError("The sandbox's server did not start.")

    def stop(self) -> None:
        """Stop serving; requests still held are dropped."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(5)
        self._socket.close()


def _unasked(record: logging.LogRecord) -> bool:
    """Keep broken connections out of the log, since somebody asked for them."""
    return not (record.exc_info and isinstance(record.exc_info[1], BrokenOffError))


def application(sandbox: Sandbox) -> Starlette:
    """Return the ASGI application of one sandbox."""
    door = Door(sandbox.accounts, sandbox.faults, sandbox.keys)
    unknown = Route("/{path:path}", _unknown, methods=["GET", "POST", "DELETE"])
    return Starlette(
        routes=[*door.routes(), *hosted.routes(sandbox.accounts), *control.routes(sandbox), unknown]
    )


async def _unknown(request: Request) -> Response:
    message = f"Unrecognized request URL ({request.method}: {request.url.path})."
    body = dump({"error": {"type": "invalid_request_error", "message": message}})
    return Response(body, 404, media_type="application/json")


def serve(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Serve a sandbox over real HTTP; port 0 takes a free one. Stop it with `.stop()`."""
    server = Server(sandbox, host, port)
    server.start()
    return server
