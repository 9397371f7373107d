"""One writer thread that commits what has gathered, then tells everybody who waits.

A commit costs a disk flush however many rows it holds. While one runs, the next rows gather; nobody is made
to wait for company. A single row is committed at once.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection

from dunning import logs
from dunning.store.engine import Store
from dunning.store.events import insert_events

Row = dict[str, Any]
_DATABASE_AWAY = (OperationalError, InterfaceError, NoConnection)
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row and the future of who waits for it: True once durable, False if the database refused it."""

    row: Row
    kept: asyncio.Future[bool]


@dataclass(slots=True)
class Gathering:
    """A bounded line between the event loop and the writer; closed until it is opened."""

    most: int
    _line: deque[Waiting] = field(default_factory=deque)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _open: bool = False

    def open(self) -> None:
        """Let rows in."""
        with self._changed:
            self._open = True

    def close(self) -> None:
        """Let nobody in any more; what stands in line is still served."""
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def offer(self, waiting: Waiting) -> bool:
        """Join the line; False when it is full or closed. Never blocks for longer than a hand-over."""
        with self._changed:
            if not self._open or len(self._line) >= self.most:
                return False
            self._line.append(waiting)
            self._changed.notify()
            return True

    def take(self, most: int) -> list[Waiting]:
        """Wait for company and return up to `most` of the line; empty once closed and served."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or not self._open)
            return [self._line.popleft() for _ in range(min(most, len(self._line)))]


class GroupCommit:
    """Keeps event rows through one writer thread.

    `start` and `stop` may be called again and again; `stop` commits what stands in line. `wake` is called in
    the writer thread after a commit that left something to handle.
    """

    def __init__(self, store: Store, wake: Callable[[], None] | None, *, line: int, batch: int) -> None:
        self._store = store
        self._wake = wake
        self._batch = batch
        self._gathering = Gathering(line)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Open the line and start the writer."""
        if self._thread is None:
            self._gathering.open()
            self._thread = threading.Thread(target=self._run, name="event-writer", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 30) -> None:
        """Close the line, let the writer finish it, and return when it has, or after `timeout_s` seconds."""
        self._gathering.close()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    def offer(self, row: Row) -> asyncio.Future[bool] | None:
        """Return a future that becomes True once the row is durable; None when the line is full or closed."""
        waiting = Waiting(row, asyncio.get_running_loop().create_future())
        return waiting.kept if self._gathering.offer(waiting) else None

    def _run(self) -> None:
        while batch := self._gathering.take(self._batch):
            kept = self._keep(batch)
            _tell(kept)
            if any(one.row["ring_at"] for one, ok in kept if ok):
                self._call_wake()

    def _keep(self, batch: Sequence[Waiting]) -> list[tuple[Waiting, bool]]:
        """Commit the batch; if that fails row by row, so that one bad row harms nobody else."""
        if self._commit([one.row for one in batch]) is None:
            return [(one, True) for one in batch]
        kept: list[tuple[Waiting, bool]] = []
        away = False
        for one in batch:
            # A database that is away would cost each row its own connect timeout; Stripe sends them again.
            error = None if away else self._commit([one.row])
            kept.append((one, not away and error is None))
            away = away or isinstance(error, _DATABASE_AWAY)
        return kept

    def _commit(self, rows: list[Row]) -> Exception | None:
        try:
            with self._store.write() as connection:
                insert_events(connection, rows)
        except Exception as error:  # noqa: BLE001 - whatever it is, the writer lives on and the sender is told
            # The driver's text may quote the row, so only its kind is logged.
            _log.error("events_not_kept", rows=len(rows), error=type(error).__name__)
            return error
        return None

    def _call_wake(self) -> None:
        if self._wake is None:
            return
        try:
            self._wake()
        except Exception:  # noqa: BLE001 - a doorbell may break: the clock finds the rows a little later
            _log.exception("wake_failed")


def _tell(kept: list[tuple[Waiting, bool]]) -> None:
    """Resolve the futures, with one call into each event loop."""
    for loop in {one.kept.get_loop() for one, _ in kept}:
        mine = [(one.kept, ok) for one, ok in kept if one.kept.get_loop() is loop]
        with contextlib.suppress(RuntimeError):  # a loop that is gone has nobody waiting
            loop.call_soon_threadsafe(_resolve, mine)


def _resolve(outcomes: list[tuple[asyncio.Future[bool], bool]]) -> None:
    for future, ok in outcomes:
        if not future.done():  # who gave up waiting has been answered already
            future.set_result(ok)
