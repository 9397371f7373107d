"""docs/sandbox.md describes the sandbox as it is, and its examples can be played."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sandbox import reference

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox, script
from dunning.sandbox.actions import ACTIONS

PAGE = reference.PAGE.read_text(encoding="utf-8")
REHEARSALS = sorted((reference.PAGE.parent / "rehearsals").glob("*.toml"))
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PROGRAMS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_the_reference_is_what_the_actions_say() -> None:
    wanted = reference.written()
    assert reference.on_page() == wanted, f"Run: python {Path(reference.__file__).name} in tests/sandbox"


def test_every_action_and_every_option_says_what_it_is() -> None:
    for line in reference.written().splitlines():
        if line.startswith("| `"):
            assert line.split("|")[4].strip(), f"Say what this is, where it is declared: {line}"
    assert all(one.says.endswith(".") for one in ACTIONS.values())


def test_the_keys_of_a_step_are_those_that_are_documented() -> None:
    table = PAGE.split("## Scripts")[1].split("## Over HTTP")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(script._KEYS)


def test_every_example_in_the_page_can_be_played(
    tmp_path: Path, sandbox: Sandbox, clock: VirtualClock
) -> None:
    assert EXAMPLES
    for text in EXAMPLES:
        path = tmp_path / "example.toml"
        path.write_text(text, encoding="utf-8")
        script.plan(sandbox, script.load(path))
        sandbox.do("advance", seconds=timedelta(days=20).total_seconds())
    assert [line["kind"] for line in sandbox.books()][-1] == "refund"


def test_the_program_in_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "anna.toml").write_text(EXAMPLES[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for program in PROGRAMS:
        exec(compile(program, str(reference.PAGE), "exec"), {})
    assert re.fullmatch(r"in_\w+ declined\n", capsys.readouterr().out)


@pytest.mark.parametrize("path", REHEARSALS, ids=lambda path: path.stem)
def test_every_rehearsal_is_named_in_the_page_and_can_be_loaded(path: Path) -> None:
    assert script.load(path)
    assert f"(rehearsals/{path.name})" in PAGE
