"""The demo without a screen: virtual time steps as fast as it can, from one happening to the next."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from dunning.demo.stage import START, Stage, set_up
from dunning.demo.summary import figures
from dunning.sandbox.script import Step


def play(
    *,
    seed: int,
    days: int,
    customers: int,
    database: Path | None = None,
    books: Path | None = None,
    progress: Callable[[float], None] = lambda _share: None,
    steps: tuple[Step, ...] = (),
) -> dict[str, Any]:
    """Play `days` days, and the steps of a script, and return the figures.

    For one seed, script and version they are equal from run to run.
    `progress` is told the share of the time that has passed.

    Raises:
        Unusable: `database` or `books` exists already.
        ScriptError: a step cannot be played.
    """
    began = time.monotonic()
    with set_up(
        seed=seed, days=days, customers=customers, database=database, books=books, steps=steps
    ) as stage:
        end = START + timedelta(days=days)
        while stage.clock.now() < end:
            stage.settle()
            stage.clock.advance_to(min(_next(stage), end))
            progress((stage.clock.now() - START) / (end - START))
        stage.settle()
        return figures(stage.house, elapsed_s=time.monotonic() - began)


def _next(stage: Stage) -> Any:
    upcoming = stage.next_instant()
    a_moment = stage.clock.now() + timedelta(seconds=1)
    return max(upcoming, a_moment) if upcoming is not None else a_moment + timedelta(days=1)
