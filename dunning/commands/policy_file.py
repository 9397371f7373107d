"""The policy as a TOML file: read with the line of everything that cannot be meant, and written.

[default]                           # the rules for every invoice
attempts_per_invoice = 8            # charges that we ask, 0 to 15
attempts_per_card_a_day = 2         # 1 or 2, whichever of the customer's invoices uses the card
window = "14d"                      # how long we try, from the failure: 1d to 60d
gap = "12h"                         # between two tries of one card: 12h or more
technical_gap = "1h"                # the same after a technical failure: 1h or more
backup_cards = "off"                # off | newest_first | oldest_first
backup_after = 3                    # refusals before another card is used; sooner when the own one is spent
last_resort = "leave"               # leave | mark_uncollectible | cancel_subscription | pause_subscription
drafts = "leave"                    # leave | collect: what piled up while the subscription was unpaid
grace = "14d"                       # access as before, with a banner, from the failure: 0d to 90d
after_grace = "restricted"          # full | grace | restricted | none: what the access verdict says then
when_lost = "none"                  # the same, once the recovery is lost
second_approval_from = 0            # a write-off of so many whole units or more needs another person; 0: none

[trial_end]                         # only what differs: first, trial_end, renewal, one_off
window = "5d"
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from dunning.commands import times
from dunning.core.access import Level
from dunning.core.campaign_file import NotReadable, Problem
from dunning.core.policy import (
    DURATIONS,
    NEED_SUBSCRIPTION,
    RULES,
    BackupCards,
    Drafts,
    LastResort,
    Policy,
    PolicyVersion,
)
from dunning.core.spans import spelled
from dunning.core.vocabulary import InvoiceClass
from dunning.errors import Unusable

SECTIONS: Final = ("default", *InvoiceClass)
NUMBERS: Final = {
    "attempts_per_invoice": (0, 15),
    "attempts_per_card_a_day": (1, 2),
    "backup_after": (1, 15),
    "second_approval_from": (0, 100_000_000),
}
SPANS: Final = {
    "window": (timedelta(days=1), timedelta(days=60)),
    "gap": (timedelta(hours=12), timedelta(days=14)),
    "technical_gap": (timedelta(hours=1), timedelta(days=14)),
    "grace": (timedelta(0), timedelta(days=90)),
}
WORDS: Final[Mapping[str, type[StrEnum]]] = {
    "backup_cards": BackupCards,
    "last_resort": LastResort,
    "drafts": Drafts,
    "after_grace": Level,
    "when_lost": Level,
}
_SECTION: Final = re.compile(r"^[ \t]*\[\s*([A-Za-z0-9_-]+)\s*\]", re.MULTILINE)


def read(text: str) -> dict[str, Any]:
    """Return what a file says.

    Raises:
        NotReadable: with the line at which it stops being TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        at = int(line[1]) if line else text.count("\n") + 1
        raise NotReadable(Problem(at, "", f"not TOML: {error}.")) from None


def problems(text: str, values: Mapping[str, Any]) -> list[Problem]:
    """Return everything that keeps a file from being a policy, by line; each names its key and the cure."""

    def at(section: str, rule: str, sentence: str) -> Problem:
        named = ".".join(filter(None, (section, rule)))
        end = "" if sentence.endswith("?") else "."
        return Problem(line_of(text, section, rule), named, f"{named} {sentence}{end}")

    return sorted(_problems(values, at), key=lambda problem: problem.line)


def policy(values: Mapping[str, Any]) -> PolicyVersion:
    """Return the policy of a file that has no problems."""
    read_sections = {name: _typed(section) for name, section in values.items()}
    default = Policy(**read_sections.pop("default", {}))
    return PolicyVersion(default, {InvoiceClass(name): one for name, one in read_sections.items()})


def as_toml(found: PolicyVersion) -> str:
    """Return a policy as TOML that `read` reads back."""
    default = found.default
    lines = ["[default]", *_lines({rule: getattr(default, rule) for rule in RULES})]
    for name, section in found.sections.items():
        lines += ["", f"[{name}]", *_lines(section)]
    return "\n".join(lines) + "\n"


def line_of(text: str, section: str, rule: str = "") -> int:
    """Return the line (from 1) of a rule in its section, or of the section, or of the file without it."""
    begins = next((found for found in _SECTION.finditer(text) if found[1] == section), None)
    start = begins.start() if begins else 0
    after = _SECTION.search(text, begins.end()) if begins else None
    end = after.start() if after else len(text)
    found = re.compile(rf"^[ \t]*{re.escape(rule)}[ \t]*=", re.MULTILINE).search(text, start, end)
    return text.count("\n", 0, found.start() if found and rule else start) + 1


def _lines(rules: Mapping[str, Any]) -> list[str]:
    return [f"{rule} = {_written(value)}" for rule, value in rules.items()]


def _written(value: Any) -> str:
    return json.dumps(spelled(value) if isinstance(value, timedelta) else value)


def _typed(section: Mapping[str, Any]) -> dict[str, Any]:
    return {rule: _value(rule, raw) for rule, raw in section.items()}


def _value(rule: str, raw: Any) -> Any:
    if rule in DURATIONS:
        return times.span(rule, raw)
    return WORDS[rule](raw) if rule in WORDS else raw


def _problems(values: Mapping[str, Any], at: Callable[[str, str, str], Problem]) -> Iterator[Problem]:
    for name, section in values.items():
        if name not in SECTIONS:
            yield at(name, "", f"is no section; {_meant(name, SECTIONS)}")
        elif not isinstance(section, Mapping):
            yield at(name, "", f"must be a section: write [{name}] on a line of its own")
        else:
            yield from _of_section(name, section, at)


def _of_section(
    name: str, section: Mapping[str, Any], at: Callable[[str, str, str], Problem]
) -> Iterator[Problem]:
    for rule, raw in section.items():
        if rule not in RULES:
            yield at(name, rule, f"is not known; {_meant(rule, RULES)}")
        elif (wrong := _wrong(rule, raw)) is not None:
            yield at(name, rule, wrong)
    if name == InvoiceClass.ONE_OFF and section.get("last_resort") in NEED_SUBSCRIPTION:
        yield at(
            name, "last_resort", "must be leave or mark_uncollectible: a one-off invoice has no subscription"
        )


def _wrong(rule: str, raw: Any) -> str | None:
    """Return what a value must be, when it is something else."""
    if rule in NUMBERS:
        least, most = NUMBERS[rule]
        fits = isinstance(raw, int) and not isinstance(raw, bool) and least <= raw <= most
        return None if fits else f"must be a whole number from {least} to {most}"
    if rule in SPANS:
        shortest, longest = SPANS[rule]
        fits = (length := _span(rule, raw)) is not None and shortest <= length <= longest
        bounds = f"{spelled(shortest)} to {spelled(longest)}"
        return (
            None if fits else f'must be a length of time in quotes, such as "{spelled(shortest)}": {bounds}'
        )
    return None if raw in list(WORDS[rule]) else f"must be one of {', '.join(WORDS[rule])}"


def _span(rule: str, raw: Any) -> timedelta | None:
    try:
        return times.span(rule, raw) if isinstance(raw, str) else None
    except Unusable:
        return None


def _meant(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
