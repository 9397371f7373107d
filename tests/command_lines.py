"""Command lines of files and documents, parsed as dunning parses them, and not run."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import typer

from dunning.cli import app
from dunning.settings import Settings, environment_name

ROOT_COMMAND = typer.main.get_command(app)
BLOCK = re.compile(r"^```([a-z]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHELLS = {"", "console", "sh", "bash"}
INDENTED = re.compile(r"^ {4}(.*)$", re.MULTILINE)
INLINE = re.compile(r"`([^`\n]+)`")
FOREIGN_SETTINGS = {"FORWARDED_ALLOW_IPS", "STRIPE_SECRET_KEY"}
SETTINGS = {environment_name(field) for field in Settings.model_fields} | FOREIGN_SETTINGS


def check(line: str) -> str | None:
    """Return why `dunning …` is no command line of ours, or None; a group by itself is one."""
    try:
        words = shlex.split(line.replace("…", "1"), comments=True)
    except ValueError as error:
        return str(error)
    command, path = ROOT_COMMAND, ["dunning"]
    words = words[words.index("dunning") + 1 :]
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            break
        path.append(words[0])
        command = command.commands[words.pop(0)]
    if hasattr(command, "commands"):
        return None if not words or words == ["--help"] else f"{' '.join(path)} has no {words[0]}"
    return _options(command, path, words)


def _options(command: Any, path: list[str], words: list[str]) -> str | None:
    known = {name: one for one in command.params for name in (*one.opts, *one.secondary_opts)}
    given = [word.split("=")[0] for word in words if word.startswith("-") and word != "-"]
    unknown = [word for word in given if word not in known and word not in {"--help", "-h"}]
    return f"{' '.join(path)} has no option {unknown[0]}" if unknown else None


def commands_in(text: str) -> Iterator[str]:
    """Yield every command line of ours in a text: of its code, inline and in blocks."""
    blocks = [block for language, block in BLOCK.findall(text) if language in SHELLS]
    prose = BLOCK.sub("", text)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    for line in [*lines, *INDENTED.findall(prose), *INLINE.findall(prose)]:
        for part in re.split(r"&&|\||;|\$\(", line.removeprefix("$ ")):
            found = re.search(r"(?:^|[\s/])(dunning [a-z].*)", part)
            if found:
                yield re.split(r"\s[&>]\s?|\)$", found[1].strip())[0]
