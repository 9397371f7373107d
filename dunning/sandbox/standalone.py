"""The sandbox on its own: served on wall time, playing and delivering in the background."""

import sys
import threading
from pathlib import Path

from dunning.core.clock import WallClock
from dunning.sandbox import script as scripts
from dunning.sandbox.offset import OffsetClock
from dunning.sandbox.server import serve
from dunning.sandbox.world import Sandbox

_BEAT = 0.2


def run_standalone(
    host: str = "127.0.0.1",
    port: int = 12111,
    deliver: str | None = None,
    script: Path | None = None,
    seed: int = 7,
    books: Path | None = None,
    secret: str = "whsec_sandbox",  # noqa: S107 - not a secret: it signs play money
    *,
    stop: threading.Event | None = None,
    customers: int = 0,
) -> None:
    """Serve until `stop` is set or the process is interrupted; signatures carry wall time.

    Raises:
        ScriptError: if the script cannot be understood or a step cannot be played.
        FileExistsError: if the books' file is already there.
        OSError: if the address is taken.
    """
    steps = scripts.load(script) if script else ()
    sandbox = Sandbox(OffsetClock(), seed, secret, books, signing_clock=WallClock())
    sandbox.deliver_to = deliver
    server = serve(sandbox, host, port)
    sys.stderr.write(f"Sandbox at {server.url}; events go to {deliver or 'nobody'}\n")
    stop = stop or threading.Event()
    try:
        if customers:
            sandbox.populate(customers)
        scripts.plan(sandbox, steps)
        while not stop.wait(_BEAT):
            sandbox.play()
            sandbox.deliver()
    except KeyboardInterrupt:
        sys.stderr.write("Sandbox stopped\n")
    finally:
        server.stop()
        sandbox.close()
