"""The demo on screen: the same stage, with virtual time running while you look."""

import threading
import time
import webbrowser
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from dunning import logs
from dunning.demo.stage import START, Stage, set_up
from dunning.demo.summary import counters
from dunning.sandbox.script import Step

SPEEDS: Final = tuple(
    timedelta(hours=hours) for hours in (1, 3, 6, 12, 24, 48, 96)
)  # of virtual time a second
PULSE_S: Final = 0.1
LONGEST_STEP_S: Final = 0.3  # a busy machine plays slower, and never in leaps
COUNTERS_LIVE_S: Final = 0.5

log = logs.get(__name__)


class Player:
    """The bar that runs the demo's clock, and the thread behind it."""

    def __init__(self, *, days: int, speed: timedelta = timedelta(hours=12)) -> None:
        self._days = days
        self._speed = min(range(len(SPEEDS)), key=lambda i: abs(SPEEDS[i] - speed))
        self._running = True
        self._stage: Stage | None = None
        self._stop = threading.Event()
        self._counted: tuple[float, dict[str, int]] = (0.0, {})

    def status(self) -> dict[str, Any]:
        """Return what the bar shows."""
        now = self._stage.clock.now() if self._stage else START
        return {
            "now": now,
            "day": min((now - START).days + 1, self._days),
            "days": self._days,
            "speed": f"1 day in {timedelta(days=1) / SPEEDS[self._speed]:g} s",
            "running": self._running and not self._over(now),
            "counters": self._counters(),
        }

    def pause(self) -> None:
        """Let virtual time stand still; what you click still happens."""
        self._running = False

    def resume(self) -> None:
        """Let virtual time run."""
        self._running = True

    def faster(self) -> None:
        """Let virtual time run faster."""
        self._speed = min(self._speed + 1, len(SPEEDS) - 1)

    def slower(self) -> None:
        """Let virtual time run slower."""
        self._speed = max(self._speed - 1, 0)

    def play(self, stage: Stage) -> None:
        """Run virtual time until `stop` is called."""
        self._stage = stage
        last = time.monotonic()
        while not self._stop.wait(PULSE_S):
            passed, last = min(time.monotonic() - last, LONGEST_STEP_S), time.monotonic()
            now = stage.clock.now()
            running = self._running and not self._over(now)
            try:
                self._advance(stage, self._target(now, passed) if running else now)
            except Exception:
                log.exception("demo_stumbled")

    def stop(self) -> None:
        """End `play` after the step it is in."""
        self._stop.set()

    def _advance(self, stage: Stage, target: datetime) -> None:
        stage.settle()
        while stage.clock.now() < target and self._running and not self._stop.is_set():
            upcoming = stage.next_instant() or target
            moment = stage.clock.now() + timedelta(seconds=1)
            stage.clock.advance_to(min(max(upcoming, moment), target))
            stage.settle()

    def _target(self, now: datetime, passed: float) -> datetime:
        return min(now + SPEEDS[self._speed] * passed, START + timedelta(days=self._days))

    def _over(self, now: datetime) -> bool:
        return now >= START + timedelta(days=self._days)

    def _counters(self) -> dict[str, int]:
        counted_at, found = self._counted
        if self._stage is not None and time.monotonic() - counted_at > COUNTERS_LIVE_S:
            found = counters(self._stage.house)
            self._counted = (time.monotonic(), found)
        return found


def show(
    *,
    seed: int,
    days: int,
    customers: int,
    speed: timedelta,
    host: str,
    port: int,
    open_browser: bool,
    database: Path | None = None,
    books: Path | None = None,
    steps: tuple[Step, ...] = (),
) -> None:
    """Put the demo on screen until Ctrl-C; `speed` is virtual time per second.

    Raises:
        Unusable: the port is taken, or `database` or `books` exists already.
    """
    player = Player(days=days, speed=speed)
    with set_up(
        seed=seed,
        days=days,
        customers=customers,
        database=database,
        books=books,
        host=host,
        port=port,
        bar=player,
        steps=steps,
    ) as stage:
        where = f"The demo is at {stage.url}/recoveries (Ctrl-C ends it). Nothing here is real."
        print(where, flush=True)  # noqa: T201 - the address is what the command is for
        if open_browser:
            webbrowser.open(f"{stage.url}/recoveries")
        try:
            player.play(stage)
        except KeyboardInterrupt:
            player.stop()
