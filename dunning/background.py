"""The commands behind the web process: worker and clock. Nothing of the web is loaded for them."""

import contextlib
import subprocess
import sys
import threading
import time
from typing import Final

from dunning import logs
from dunning.parts import THREADS, WORK_ENDS_WITHIN_MS, broker_of, start_worker, until_told
from dunning.settings import Settings
from dunning.startup import apart, tell
from workers.bells import hang
from workers.clock import run_clock

RESTART_AFTER_S: Final = 1.0

log = logs.get(__name__)


def worker(settings: Settings, processes: int = 1, threads: int = THREADS) -> None:
    """Run a worker process, or several."""
    tell(settings, "worker")
    if processes > 1:
        _supervise(settings, processes, threads)
        return
    house = apart(settings)
    with until_told() as stop, contextlib.ExitStack() as stack:
        start_worker(stack, house, settings, threads)
        log.info("worker_ready", threads=threads)
        stop.wait()


def clock(settings: Settings) -> None:
    """Run the clock; run as many as you like, they share the work."""
    tell(settings, "clock")
    house = apart(settings)
    with until_told() as stop:
        bells = hang(broker_of(settings), house)
        log.info("clock_ready")
        run_clock(house, bells, stop, threading.Event())


def _supervise(settings: Settings, processes: int, threads: int) -> None:
    """Run several worker processes; one that dies is started again."""
    apart(settings).store.engine.dispose()
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
