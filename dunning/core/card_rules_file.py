"""Card rules as a TOML file: read with the line of everything that cannot be meant, and written.

`dunning.core.card_rules` describes the document.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dunning.core.card_rules import Mistake, mistakes

HEADER: Final = re.compile(r"^[ \t]*\[", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a file from being published: its line (from 1), its field, and a sentence."""

    line: int
    field: str
    sentence: str


def read(text: str) -> tuple[Mapping[str, Any], list[Problem]]:
    """Return the document of a file, and its problems by line; with a problem there is nothing to publish."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        return {}, [Problem(line, "", f"not TOML: {error}.")]
    except RecursionError:
        return {}, [Problem(1, "", "it nests too deep to be card rules.")]
    return document, sorted((_located(text, one) for one in mistakes(document)), key=lambda one: one.line)


def written(document: Mapping[str, Any]) -> str:
    """Return a document as TOML that `read` reads back."""
    lines = ["# Card rules of dunning: what differs from the built-in tables (`dunning declines list`)."]
    for code, own in document.get("declines", {}).items():
        lines += ["", f"[declines.{code}]", *(f"{name} = {_value(own[name])}" for name in own)]
    budgets = document.get("budgets", {})
    if budgets:
        lines += ["", "[budgets]", *(f"{network} = {_value(own)}" for network, own in budgets.items())]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    # A JSON text or list of texts is TOML as well, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _located(text: str, mistake: Mistake) -> Problem:
    return Problem(_line(text, mistake.path), mistake.field, mistake.sentence)


def _line(text: str, path: tuple[str, ...]) -> int:
    """Return the line of the last key of `path` that the file has; a row's own keys end with its table."""
    start, end = 0, len(text)
    for depth, key in enumerate(path):
        found = _key(key).search(text, start, end)
        if found is None:
            break
        start = found.start()
        if depth == 1:
            header = HEADER.search(text, found.end())
            end = header.start() if header else end
    return text.count("\n", 0, start) + 1


def _key(key: str) -> re.Pattern[str]:
    """Return what finds a key: alone, in a table's header, or within an inline table."""
    named = "|".join(re.escape(form) for form in (key, f'"{key}"', f"'{key}'", json.dumps(key)))
    return re.compile(rf"^[^#\n]*?(?<![\w\"'-])(?:{named})(?=[ \t]*[\].=])", re.MULTILINE)
