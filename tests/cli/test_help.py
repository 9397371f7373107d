"""What a stranger reads first: the help, of everything, at once."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dunning.cli import app
from dunning.settings import Settings, environment_name

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("sqlalchemy", "stripe", "fastapi", "alembic", "dramatiq", "numpy", "pydantic", "uvicorn", "redis")


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command by its words, groups included."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, (*path, name))


EVERY = dict(walk(typer.main.get_command(app)))
LEAVES = {path: command for path, command in EVERY.items() if not hasattr(command, "commands")}


@pytest.mark.parametrize("path", EVERY, ids=lambda path: " ".join(path) or "dunning")
def test_every_command_explains_itself(path: tuple[str, ...], cli: Any) -> None:
    ended = cli(*path, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: {' '.join(('dunning', *path))} ")
    text = " ".join((EVERY[path].help or "").split())
    assert text.endswith(".")
    assert text in " ".join(ended.out.split())


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_says_what_it_does(path: tuple[str, ...]) -> None:
    silent = [p.name for p in LEAVES[path].params if p.name != "help" and not getattr(p, "help", None)]
    assert not silent


def test_the_fixed_commands_are_there() -> None:
    paths = {" ".join(path) for path in LEAVES}
    assert paths >= {
        *("demo", "serve", "web", "worker", "clock", "init", "mode", "doctor", "db upgrade", "db check"),
        *("stripe listen", "stripe permissions", "stripe webhook create", "reconcile", "learn", "sandbox"),
        *(f"recoveries {verb}" for verb in ("list", "show", "retry", "pause", "resume", "stop", "link")),
        *("campaign export", "campaign validate", "campaign plan", "report recovered"),
        *("pause", "resume", "version"),
    }


def test_help_groups_the_commands(cli: Any) -> None:
    out = cli("--help").out
    panels = [out.index(f"\n{panel}:\n") for panel in ("Try it", "Run it", "Operate", "Money")]
    assert panels == sorted(panels)
    assert "\nCommands:\n" not in out


def test_no_arguments_are_answered_with_the_help(cli: Any) -> None:
    ended = cli()
    assert ended.code == 2
    assert "Usage: dunning " in ended.err


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom dunning.cli import run\nassert run(['--help']) == 0\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_no_option_takes_a_secret() -> None:
    named = {option for command in LEAVES.values() for p in command.params for option in p.opts}
    assert not {name for name in named if re.search(r"secret|password|token|api-key", name)}


def test_the_readme_names_every_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = [environment_name(field) for field in Settings.model_fields]
    assert not [name for name in (*names, "STRIPE_SECRET_KEY") if name not in readme]


def test_the_readme_names_every_command() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()

    def named(path: tuple[str, ...]) -> bool:
        """In full, or as one more word beside another command of its group."""
        whole, group = f"dunning {' '.join(path)}", " ".join(("dunning", *path[:-1], ""))
        return any(whole in line or (group in line and f"`{path[-1]}`" in line) for line in lines)

    assert not [" ".join(path) for path in LEAVES if not named(path)]
