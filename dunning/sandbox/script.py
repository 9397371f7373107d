"""A script in TOML: what the sandbox does, and when.

    [[step]]
    at = "2d3h"            # seconds, or days, hours, minutes, seconds after the start: "90", "2d3h", "5m"
    do = "customer"        # any action of `POST /_sandbox/…`, except advance
    with = { fail = "insufficient_funds", amount = 2900, clears_after_hours = 24 }

`at` defaults to 0 and `with` to nothing. Steps are played on the sandbox's clock.
"""

import re
import tomllib
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from dunning.sandbox.control import ACTIONS
from dunning.sandbox.world import Sandbox

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:\d+[dhms])+")


class ScriptError(Exception):
    """A script that cannot be played; the message names the step."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, `after` the start."""

    after: timedelta
    do: str
    details: dict[str, Any]


def load(path: Path) -> tuple[Step, ...]:
    """Read a script.

    Raises:
        ScriptError: if it is not TOML or a step cannot be understood; the message names the step.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScriptError(f"{path}: {error}") from error
    unknown = sorted(set(document) - {"step"})
    if unknown or not isinstance(document.get("step", []), list):
        raise ScriptError(f"{path}: only [[step]] tables are known, not {', '.join(unknown) or 'step'}")
    return tuple(_step(number, raw) for number, raw in enumerate(document.get("step", []), start=1))


def _step(number: int, raw: dict[str, Any]) -> Step:
    unknown = sorted(set(raw) - {"at", "do", "with"})
    if unknown:
        raise ScriptError(f"step {number}: unknown key {unknown[0]!r}; a step has at, do and with")
    do, details = raw.get("do"), raw.get("with", {})
    if do not in ACTIONS or do == "advance":
        choices = ", ".join(sorted(set(ACTIONS) - {"advance"}))
        raise ScriptError(f"step {number}: do = {do!r}; choose from {choices}")
    if not isinstance(details, dict):
        raise ScriptError(f"step {number}: with has to be a table")
    return Step(_span(number, raw.get("at", 0)), do, details)


def _span(number: int, at: object) -> timedelta:
    if isinstance(at, int | float) and not isinstance(at, bool) and at >= 0:
        return timedelta(seconds=at)
    if isinstance(at, str) and at.isdigit():
        return timedelta(seconds=int(at))
    if isinstance(at, str) and _SPAN.fullmatch(at):
        parts = re.findall(r"(\d+)([dhms])", at)
        return timedelta(seconds=sum(int(count) * _UNITS[unit] for count, unit in parts))
    raise ScriptError(f"step {number}: at = {at!r}; write seconds, or a span such as '2d3h'")


def plan(sandbox: Sandbox, steps: tuple[Step, ...]) -> None:
    """Put the steps on the sandbox's agenda, counted from its now."""
    with sandbox.world.lock:
        start = sandbox.clock.now()
        for number, step in enumerate(steps, start=1):
            sandbox.world.schedule(start + step.after, "step", function=_played(sandbox, number, step))


def _played(sandbox: Sandbox, number: int, step: Step) -> Any:
    def play() -> None:
        try:
            ACTIONS[step.do](sandbox, step.details)
        except (TypeError, ValueError, KeyError) as error:
            raise ScriptError(f"step {number} ({step.do}): {error}") from error

    return play
