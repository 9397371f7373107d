"""The reference part of docs/sandbox.md, written from the actions themselves."""

from collections.abc import Iterator
from pathlib import Path

from dunning.sandbox import options
from dunning.sandbox.action import Action
from dunning.sandbox.actions import GROUPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
BEGIN, END = "<!-- reference: tests/sandbox/reference.py writes this -->", "<!-- end of the reference -->"


def written() -> str:
    """Return the reference as it has to be."""
    return "\n".join(line for title, group in GROUPS.items() for line in _group(title, group)).strip()


def on_page() -> str:
    """Return the reference as it stands in the page."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0].strip()


def _group(title: str, group: tuple[Action, ...]) -> Iterator[str]:
    yield f"### {title}"
    yield ""
    for one in group:
        yield from _action(one)


def _action(one: Action) -> Iterator[str]:
    gives = f" Gives {', '.join(f'`{name}`' for name in one.gives)}." if one.gives else ""
    yield f"**`{one.name}`** — {one.says}{gives}"
    yield ""
    described = list(options.described(one.options))
    if not described:
        return
    yield "| option | type | default | |"
    yield "|---|---|---|---|"
    for option in described:
        yield f"| `{option.name}` | {option.type} | {option.default} | {option.says} |"
    yield ""


if __name__ == "__main__":
    head, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{written()}\n\n{END}{rest.split(END)[1]}", encoding="utf-8")
