"""Campaigns as files, in TOML or JSON: read with the line of everything that cannot be meant, and written.

    key = "standard"
    name = "Three friendly reminders"

    [[steps]]
    key = "first"
    offset = "6h"                       # after the failure: 6h, 4d, 1d12h
    template = "payment_failed"
    condition = "always"                # always | customer_must_act | retry_failed
    channel = "email"

JSON has the same keys, with `steps` a list of objects.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from dunning.commands import times
from dunning.core.campaign import Campaign, Step, When
from dunning.errors import Unusable

KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
CHANNELS: Final = ("email",)
TOP: Final = ("key", "name", "version", "steps")
STEP: Final = ("key", "offset", "template", "condition", "channel")
STEPS_MOST: Final = 50


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a campaign from being used: its line (from 1), its field, and a sentence."""

    line: int
    field: str
    sentence: str


class NotReadable(Exception):
    """The file is neither TOML nor JSON; `problem` says where it stops being so."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Source:
    """A campaign's text with what it says, and where its steps begin."""

    text: str
    is_json: bool
    values: Any

    def line_of(self, field: str, step: int | None = None) -> int:
        """Return the line of a field, or of the step (from 0) or the file that lacks it."""
        start, end = self._extent(step)
        quoted = rf'"{re.escape(field)}"\s*:' if self.is_json else rf"^[ \t]*{re.escape(field)}[ \t]*="
        found = re.compile(quoted, re.MULTILINE).search(self.text, start, end)
        where = found.start() if found else start
        return self.text.count("\n", 0, where) + 1

    def _extent(self, step: int | None) -> tuple[int, int]:
        if step is None:
            return 0, len(self.text)
        begins = [*self._begins(), len(self.text)]
        return (begins[step], begins[step + 1]) if step + 1 < len(begins) else (0, len(self.text))

    def _begins(self) -> Iterator[int]:
        if not self.is_json:
            yield from (
                m.start() for m in re.finditer(r"^[ \t]*\[\[\s*steps\s*\]\]", self.text, re.MULTILINE)
            )
            return
        listed = re.search(r'"steps"\s*:\s*\[', self.text)
        at, decoder = listed.end() if listed else len(self.text), json.JSONDecoder()
        while (opening := re.compile(r"[\s,]*(?=[^\s,\]])").match(self.text, at)) is not None:
            yield opening.end()
            _, at = decoder.raw_decode(self.text, opening.end())


def read(text: str, *, is_json: bool) -> Source:
    """Return what a file says.

    Raises:
        NotReadable: with the line at which it stops being TOML or JSON.
    """
    try:
        return Source(text, is_json, json.loads(text) if is_json else tomllib.loads(text))
    except json.JSONDecodeError as error:
        raise NotReadable(Problem(error.lineno, "", f"not JSON: {error.msg}.")) from None
    except RecursionError:
        raise NotReadable(Problem(1, "", "it nests too deep to be a campaign.")) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        at = int(line[1]) if line else text.count("\n") + 1
        raise NotReadable(Problem(at, "", f"not TOML: {error}.")) from None


def problems(source: Source, templates: Collection[str]) -> list[Problem]:
    """Return everything that keeps the file from being a campaign, by line; `templates` there are."""
    if not isinstance(source.values, dict):
        return [Problem(1, "", "a campaign is a table with key, name and steps.")]
    return sorted(_problems(source, templates), key=lambda problem: problem.line)


def campaign(source: Source) -> Campaign:
    """Return the campaign of a file that has no problems."""
    values = source.values
    steps = tuple(
        Step(
            raw["key"],
            times.span("offset", raw["offset"]),
            raw["template"],
            When(raw.get("condition", When.ALWAYS)),
            raw.get("channel", CHANNELS[0]),
        )
        for raw in values["steps"]
    )
    return Campaign(values["key"], values.get("version", 1), values["name"], steps)


def as_toml(found: Campaign) -> str:
    """Return a campaign as TOML that `read` reads back."""
    lines = [
        f"key = {json.dumps(found.key)}",
        f"name = {json.dumps(found.name)}",
        f"version = {found.version}",
    ]
    for step in found.steps:
        lines += ["", "[[steps]]", *(f"{name} = {json.dumps(text)}" for name, text in _words(step).items())]
    return "\n".join(lines) + "\n"


def as_json(found: Campaign) -> str:
    """Return a campaign as JSON that `read` reads back."""
    steps = [_words(step) for step in found.steps]
    values = {"key": found.key, "name": found.name, "version": found.version, "steps": steps}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def spelled(offset: timedelta) -> str:
    """Return a length of time as people write it: 6h, 4d, 1d12h."""
    rest, parts = int(offset.total_seconds()), []
    for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, seconds)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0h"


def _words(step: Step) -> dict[str, str]:
    return {
        "key": step.key,
        "offset": spelled(step.offset),
        "template": step.template,
        "condition": step.condition.value,
        "channel": step.channel,
    }


def _problems(source: Source, templates: Collection[str]) -> Iterator[Problem]:
    values = source.values
    yield from _unknown(source, values, TOP, None)
    if not _is_key(values.get("key")):
        yield _at(source, "key", None, "must be lower-case letters, digits and _, such as standard")
    if not isinstance(values.get("name"), str) or not values["name"].strip():
        yield _at(source, "name", None, "must be a text for people, such as Three friendly reminders")
    version = values.get("version", 1)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        yield _at(source, "version", None, "must be a whole number from 1 on")
    steps = values.get("steps")
    if not isinstance(steps, list) or not 0 < len(steps) <= STEPS_MOST:
        yield _at(source, "steps", None, f"must be a list of 1 to {STEPS_MOST} steps")
        return
    for number, raw in enumerate(steps):
        yield from _step_problems(source, number, raw, templates)
    yield from _order(source, steps)


def _step_problems(source: Source, number: int, raw: Any, templates: Collection[str]) -> Iterator[Problem]:
    if not isinstance(raw, dict):
        yield _at(source, "", number, "must be a table with key, offset and template")
        return
    yield from _unknown(source, raw, STEP, number)
    if not _is_key(raw.get("key")):
        yield _at(source, "key", number, "must be lower-case letters, digits and _, such as reminder")
    if _offset(raw) is None:
        yield _at(source, "offset", number, 'must be a length of time in quotes, such as "6h" or "4d"')
    if raw.get("template") not in templates:
        yield _at(source, "template", number, f"must be one of {', '.join(sorted(templates))}")
    if raw.get("condition", When.ALWAYS) not in list(When):
        yield _at(source, "condition", number, f"must be one of {', '.join(When)}")
    if raw.get("channel", CHANNELS[0]) not in CHANNELS:
        yield _at(source, "channel", number, f"must be {' or '.join(CHANNELS)}")


def _order(source: Source, steps: list[Any]) -> Iterator[Problem]:
    seen: set[Any] = set()
    latest = timedelta(-1)
    for number, raw in enumerate(steps):
        if not isinstance(raw, dict):
            continue
        if _is_key(raw.get("key")) and raw["key"] in seen:
            yield _at(source, "key", number, f"is {raw['key']} once more: each step has its own")
        seen.add(str(raw.get("key")))
        offset = _offset(raw)
        if offset is not None and offset < latest:
            yield _at(source, "offset", number, "comes before the step above it: put the steps in order")
        latest = max(latest, offset or latest)


def _unknown(
    source: Source, values: dict[str, Any], known: Collection[str], step: int | None
) -> Iterator[Problem]:
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            yield _at(source, name, step, f"is not known; {meant}")


def _at(source: Source, field: str, step: int | None, rule: str) -> Problem:
    path = field if step is None else f"steps[{step + 1}]{'.' if field else ''}{field}"
    return Problem(source.line_of(field, step), path, f"{path} {rule}{'' if rule.endswith('?') else '.'}")


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and KEY.fullmatch(value) is not None


def _offset(raw: dict[str, Any]) -> timedelta | None:
    try:
        return times.span("offset", raw["offset"]) if isinstance(raw.get("offset"), str) else None
    except Unusable:
        return None
