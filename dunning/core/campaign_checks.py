"""What keeps a campaign's file from being used, by line."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from dunning.core.campaign import Anchor, When
from dunning.core.campaign_file import ARM, STEP, TOP, Problem, Source, share_of
from dunning.core.conditions import Condition, NotUsable
from dunning.core.spans import span_of
from dunning.core.vocabulary import Channel, Recipient

KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
STEPS_MOST: Final = 50
TASK_MOST: Final = 500
ARMS: Final = range(2, 5)
WORDED: Final = frozenset({Channel.EMAIL, Channel.SMS, Channel.IN_APP})  # their words are a template
WORDS: Final[Mapping[str, tuple[type[StrEnum], StrEnum]]] = {
    "condition": (When, When.ALWAYS),
    "channel": (Channel, Channel.EMAIL),
    "anchor": (Anchor, Anchor.OPENED),
    "recipient": (Recipient, Recipient.CUSTOMER),
}


def problems(source: Source, templates: Collection[str]) -> list[Problem]:
    """Return everything that keeps the file from being a campaign, by line; `templates` there are."""
    if not isinstance(source.values, dict):
        return [Problem(1, "", "a campaign is a table with key, name and steps.")]
    return sorted(_problems(source, templates), key=lambda problem: problem.line)


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
    yield from _arm_problems(source, values.get("arms", []))
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
    for name, (kind, usual) in WORDS.items():
        if raw.get(name, usual) not in list(kind):
            yield _at(source, name, number, f"must be one of {', '.join(kind)}")
    if not isinstance(raw.get("approval", False), bool):
        yield _at(source, "approval", number, "must be true or false")
    yield from _words_problems(source, number, raw, templates)
    yield from _aim_problems(source, number, raw)


def _words_problems(source: Source, number: int, raw: Any, templates: Collection[str]) -> Iterator[Problem]:
    """A call has a task; what is written to people has a template; a webhook needs neither."""
    channel, template, task = (raw.get(name) for name in ("channel", "template", "task"))
    if channel == Channel.CALL:
        if not isinstance(task, str) or not 0 < len(task.strip()) <= TASK_MOST:
            yield _at(
                source, "task", number, f"must say what staff are to do, in {TASK_MOST} letters at most"
            )
        return
    if task is not None:
        yield _at(source, "task", number, "belongs to a step with the channel call")
    if (template is not None or channel in WORDED | {None}) and template not in templates:
        yield _at(source, "template", number, f"must be one of {', '.join(sorted(templates))}")


def _aim_problems(source: Source, number: int, raw: Any) -> Iterator[Problem]:
    try:
        only = raw.get("only", {})
        Condition.loads(only if isinstance(only, dict) else {str(only): True})
    except NotUsable as error:
        yield Problem(source.line_of("only", number), f"steps[{number + 1}].only", f"only: {error}")
    arms = raw.get("arms", [])
    listed = source.values.get("arms", [])
    known = {arm.get("key") for arm in listed if isinstance(arm, dict)} if isinstance(listed, list) else set()
    if not isinstance(arms, list) or not all(isinstance(arm, str) and arm in known for arm in arms):
        yield _at(source, "arms", number, "must be a list of keys of the campaign’s own [[arms]]")


def _arm_problems(source: Source, arms: Any) -> Iterator[Problem]:
    if not isinstance(arms, list) or not all(isinstance(raw, dict) for raw in arms):
        yield _at(source, "arms", None, "must be a list of tables with key and share")
        return
    if arms and len(arms) not in ARMS:
        yield _at(source, "arms", None, f"must be {ARMS[0]} to {ARMS[-1]}, or none")
    shares = [share_of(raw.get("share")) for raw in arms]
    for number, (raw, share) in enumerate(zip(arms, shares, strict=True)):
        yield from _unknown(source, raw, ARM, number, "arms")
        again = any(raw.get("key") == other.get("key") for other in arms[:number])
        if not _is_key(raw.get("key")) or again:
            yield _at(source, "key", number, "must be lower-case letters, digits and _, and its own", "arms")
        if share is None:
            yield _at(source, "share", number, 'must be a percentage in quotes, such as "50%"', "arms")
    if arms and all(shares) and sum(share for share in shares if share) != 1:
        yield _at(source, "share", len(arms) - 1, "must make 100% together with the other shares", "arms")


def _order(source: Source, steps: list[Any]) -> Iterator[Problem]:
    """Each step has a key of its own, and those that count from the opening come in their order."""
    seen: set[Any] = set()
    latest = timedelta(-1)
    for number, raw in enumerate(steps):
        if not isinstance(raw, dict):
            continue
        if _is_key(raw.get("key")) and raw["key"] in seen:
            yield _at(source, "key", number, f"is {raw['key']} once more: each step has its own")
        seen.add(str(raw.get("key")))
        offset = _offset(raw) if raw.get("anchor", Anchor.OPENED) == Anchor.OPENED else None
        if offset is not None and offset < latest:
            yield _at(source, "offset", number, "comes before the step above it: put the steps in order")
        latest = max(latest, offset or latest)


def _unknown(
    source: Source, values: dict[str, Any], known: Collection[str], number: int | None, table: str = "steps"
) -> Iterator[Problem]:
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            meant = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
            yield _at(source, name, number, f"is not known; {meant}", table)


def _at(source: Source, field: str, number: int | None, rule: str, table: str = "steps") -> Problem:
    path = field if number is None else f"{table}[{number + 1}]{'.' if field else ''}{field}"
    end = "" if rule.endswith("?") else "."
    return Problem(source.line_of(field, number, table), path, f"{path} {rule}{end}")


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and KEY.fullmatch(value) is not None


def _offset(raw: dict[str, Any]) -> timedelta | None:
    return span_of(raw["offset"]) if isinstance(raw.get("offset"), str) else None
