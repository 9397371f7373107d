"""Workers that stop between any two steps, and may die there.

Each is a thread, and only one runs at a time: it hands the baton back wherever a transaction begins or ends
and wherever a request leaves or its answer comes. The real flows run in it, unchanged.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from dunning.core.clock import Clock
from dunning.store.engine import Store


class Killed(BaseException):
    """SIGKILL: nothing catches it."""


class Worker(threading.Thread):
    """One piece of work under way."""

    def __init__(self, name: str, job: Callable[[], None]) -> None:
        super().__init__(name=name, daemon=True)
        self._job = job
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self.doomed = False
        self.cut: str | None = None  # the database is lost "before" or "after" the next commit
        self.skew = timedelta()  # of its host's clock
        self.over = False
        self.error: Exception | None = None

    def step(self) -> None:
        """Let the work go on until it stops next."""
        if not self.is_alive():
            self.start()
        self._go.release()
        self._back.acquire()

    def stop_here(self) -> None:
        """Hand the baton back; called by the work itself."""
        self._back.release()
        self._go.acquire()
        if self.doomed:
            raise Killed

    def run(self) -> None:
        self._go.acquire()
        try:
            if not self.doomed:
                self._job()
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - the verdict shows it
            self.error = error
        finally:
            self.over = True
            self._back.release()


def stop_here() -> None:
    """Let others go first, when this runs inside a worker."""
    worker = threading.current_thread()
    if isinstance(worker, Worker):
        worker.stop_here()


@dataclass(frozen=True, slots=True)
class HostClock:
    """A clock that each worker sees a little differently, as on hosts of their own."""

    true: Clock

    def now(self) -> datetime:
        worker = threading.current_thread()
        return self.true.now() + (worker.skew if isinstance(worker, Worker) else timedelta())


@dataclass(frozen=True, slots=True)
class SteppedStore(Store):
    """A store whose transactions are steps of a worker; whether one was committed may remain unknown."""

    on_write: Callable[[], None] = field(kw_only=True)  # called after each transaction that may have written

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        stop_here()
        try:
            with Store.write(self) as connection:
                yield connection
                _break("before")
        finally:
            self.on_write()
        _break("after")
        stop_here()


def _break(when: str) -> None:
    worker = threading.current_thread()
    if isinstance(worker, Worker) and worker.cut == when:
        worker.cut = None
        raise OperationalError("COMMIT", None, ConnectionError("the server closed the connection"))
