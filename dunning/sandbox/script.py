"""A script in TOML: what the sandbox does, and when. docs/sandbox.md describes it.

    [[step]]
    at = "2d3h"            # seconds, or days, hours, minutes, seconds after the start: "90", "2d3h", "5m"
    do = "customer"        # any action of `POST /_sandbox/…`, except advance
    with = { fail = "insufficient_funds", amount = 2900, clears_after_hours = 24 }
    as = "anna"            # later steps may write invoice = "anna", customer = "anna", …
    optional = true        # leave the step out if it cannot be done by then

`at` defaults to 0, `with` to nothing, `as` to no name, `optional` to false. Steps are played on the sandbox's
clock.
"""

import re
import tomllib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from dunning.sandbox import options
from dunning.sandbox.action import Action
from dunning.sandbox.actions import ACTIONS, named
from dunning.sandbox.state import table_of
from dunning.sandbox.world import Sandbox

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:\d+[dhms])+")
_KEYS = ("at", "do", "with", "as", "optional")


class ScriptError(Exception):
    """A script that cannot be played; the message names the step and what would do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, `after` the start; `name` is what later steps call its outcome."""

    number: int
    after: timedelta
    do: Action
    given: dict[str, Any]
    name: str | None = None
    optional: bool = False

    def __str__(self) -> str:
        return f"step {self.number} ({self.do.name})"


def load(path: Path) -> tuple[Step, ...]:
    """Read a script, and check every step of it.

    Raises:
        ScriptError: if it is not TOML or a step cannot be understood; the message names the step.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScriptError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise ScriptError(f"{path} is not TOML: {error}") from error
    raw = document.get("step", [])
    unknown = sorted(set(document) - {"step"})
    if unknown or not isinstance(raw, list) or not all(isinstance(one, dict) for one in raw):
        raise ScriptError(f"{path}: only [[step]] tables are known, not {', '.join(unknown) or 'step'}")
    return _in_order([_step(number, one) for number, one in enumerate(raw, start=1)])


def _step(number: int, raw: dict[str, Any]) -> Step:
    for key in raw:
        if key not in _KEYS:
            raise ScriptError(f"step {number}: unknown key {key!r}; a step has {', '.join(_KEYS)}")
    do, given, name = raw.get("do"), raw.get("with", {}), raw.get("as")
    if not isinstance(do, str) or do not in ACTIONS or do == "advance":
        choices = ", ".join(sorted(set(ACTIONS) - {"advance"}))
        raise ScriptError(f"step {number}: do = {do!r}; choose from {choices}")
    if not isinstance(given, dict):
        raise ScriptError(f"step {number} ({do}): with has to be a table, such as {{ times = 1 }}")
    if name is not None and (not isinstance(name, str) or not name or _is_id(name)):
        raise ScriptError(f"step {number} ({do}): as = {name!r}; write a name that is no id, such as 'anna'")
    try:
        options.read(named(do).options, given)
    except ValueError as error:
        raise ScriptError(f"step {number} ({do}): {error}") from error
    optional = raw.get("optional", False)
    if not isinstance(optional, bool):
        raise ScriptError(f"step {number} ({do}): optional = {optional!r}; write true or false")
    return Step(number, _span(number, raw.get("at", 0)), named(do), given, name, optional)


def _is_id(text: str) -> bool:
    return "_" in text and table_of(text) != ""


def _span(number: int, at: object) -> timedelta:
    if isinstance(at, int | float) and not isinstance(at, bool) and at >= 0:
        return timedelta(seconds=at)
    if isinstance(at, str) and at.isdigit():
        return timedelta(seconds=int(at))
    if isinstance(at, str) and _SPAN.fullmatch(at):
        parts = re.findall(r"(\d+)([dhms])", at)
        return timedelta(seconds=sum(int(count) * _UNITS[unit] for count, unit in parts))
    raise ScriptError(f"step {number}: at = {at!r}; write seconds, or a span such as '2d3h'")


def _in_order(steps: list[Step]) -> tuple[Step, ...]:
    """Return the steps as they will be played, having checked that each names only what is there by then."""
    played = tuple(sorted(steps, key=lambda one: one.after))
    gives: dict[str, tuple[str, ...]] = {}
    for step in played:
        for option, kind in options.references(step.do.options).items():
            value = step.given.get(option)
            if value is not None and not _is_id(value):
                _check(step, option, value, kind, gives)
        if step.name in gives:
            raise ScriptError(f"{step}: as = {step.name!r} is taken by an earlier step; choose another name")
        if step.name is not None:
            gives[step.name] = step.do.gives
    return played


def _check(step: Step, option: str, value: str, kind: str, gives: dict[str, tuple[str, ...]]) -> None:
    if value not in gives:
        known = ", ".join(gives) or "none yet"
        raise ScriptError(
            f"{step}: {option} = {value!r} is no id, and no step before it has as = {value!r}; known: {known}"
        )
    if kind not in gives[value]:
        raise ScriptError(f"{step}: {option} = {value!r} names a step that makes no {kind}")


@dataclass(slots=True)
class _Play:
    """A script being played: what the steps so far made, by the names they gave it."""

    sandbox: Sandbox
    made: dict[str, dict[str, Any]] = field(default_factory=dict)

    def play(self, step: Step) -> None:
        try:
            answer = step.do(self.sandbox, self._resolved(step))
        except ValueError as error:
            if step.optional:
                return
            raise ScriptError(f"{step}: {error}; optional = true would leave it out") from error
        if step.name is not None:
            self.made[step.name] = answer

    def _resolved(self, step: Step) -> dict[str, Any]:
        found = dict(step.given)
        for option, kind in options.references(step.do.options).items():
            if (value := found.get(option)) in self.made:
                found[option] = self.made[value].get(kind)
                if found[option] is None:
                    raise ValueError(f"{option} = {value!r}: that step made no {kind}")
        return found


def plan(sandbox: Sandbox, steps: tuple[Step, ...]) -> dict[str, dict[str, Any]]:
    """Put the steps on the sandbox's agenda, counted from its now.

    Returns the answers of the steps that have a name, by it; it fills as they are played.
    """
    playing = _Play(sandbox)
    with sandbox.world.lock:
        start = sandbox.clock.now()
        for step in steps:
            sandbox.world.schedule(start + step.after, "step", function=lambda step=step: playing.play(step))
    return playing.made
