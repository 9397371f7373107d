"""The house rules that no linter knows (CONTRIBUTING.md has them in prose)."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "service"}
WALL_CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}
WALL_CLOCKS |= {("time", "time"), ("time", "time_ns")}
PROMISE = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
THIS_MACHINE = re.compile(r"/wor" r"k/|\.\./sha" r"red")
SAMPLES_LINE = re.compile(r"^.*STRIPE_SAMPLES.*$", re.MULTILINE)
WALKED = (
    "dunning",
    "workers",
    "tests",
    "migrations",
    "templates",
    "benchmarks",
    "tools",
    "docs",
    ".ci",
    ".github",
    "deploy",
)
FOREIGN_TEXTS = {"uv.lock", "LICENSE"}


@cache
def ours() -> tuple[Path, ...]:
    """Every file that is or may be committed; of an unpacked sdist, every file in the known folders."""
    git = shutil.which("git") if (ROOT / ".git").exists() else None
    listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = git and subprocess.run([git, *listing], cwd=ROOT, capture_output=True, text=True, check=False)
    if done and done.returncode == 0:
        paths = [ROOT / name for name in done.stdout.split("\0") if name]
    else:
        walked = [path for folder in WALKED for path in (ROOT / folder).rglob("*")]
        paths = [path for path in (*ROOT.iterdir(), *walked) if "__pycache__" not in path.parts]
    return tuple(sorted(path for path in set(paths) if path.is_file()))


def code(*folders: str) -> list[Path]:
    """Our Python files in these folders; generated migrations apart."""
    chosen = [path for path in ours() if path.suffix == ".py" and path.is_relative_to(ROOT)]
    inside = [path for path in chosen if path.relative_to(ROOT).parts[0] in folders]
    return [path for path in inside if path.parent.name != "versions"]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def texts() -> Iterator[tuple[Path, str]]:
    for path in ours():
        if path.name in FOREIGN_TEXTS:
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture


def place(path: Path, line: int | None = None) -> str:
    return f"{path.relative_to(ROOT)}{f':{line}' if line else ''}"


def dotted(node: ast.expr) -> str:
    """The last name of `a.b.c`, or the name itself."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def wall_clock_calls(path: Path) -> Iterator[int]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and (dotted(node.value), node.attr) in WALL_CLOCKS:
            yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for name in node.names if name.name in {"time", "time_ns"})


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((name.name.split(".")[0], node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0], node.lineno


def floats(path: Path) -> Iterator[int]:
    for node in ast.walk(tree(path)):
        literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
        if literal or (isinstance(node, ast.Call) and dotted(node.func) == "float"):
            yield node.lineno


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public(body: list[ast.stmt], owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Public functions and classes with their public methods, by dotted name."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
            yield f"{owner}{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{owner}{node.name}.")


@pytest.mark.parametrize(("folders", "most"), [(("dunning", "workers"), 300), (("tests", "benchmarks"), 500)])
def test_no_file_is_too_long_to_read_at_once(folders: tuple[str, ...], most: int) -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in code(*folders)}
    long = [f"{place(path)}: {length} lines" for path, length in lengths.items() if length > most]
    assert not long, f"Split these along a seam of the domain, to {most} lines at most: {long}"


def test_no_function_is_over_fifty_lines() -> None:
    long = [
        f"{place(path, node.lineno)} {node.name}: {1 + (node.end_lineno or 0) - node.lineno} lines"
        for path in code("dunning", "workers", "tests", "migrations", "benchmarks")
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno >= 50
    ]
    assert not long, f"Give the steps of these functions names of their own (10 lines is the aim): {long}"


def test_a_module_is_named_for_what_it_is_about() -> None:
    paths = code("dunning", "workers", "tests", "benchmarks")
    banned = [place(path) for path in paths if {path.stem, path.parent.name} & BANNED_NAMES]
    assert not banned, f"Name these modules for the one thing they are about: {banned}"


def test_only_the_clock_asks_what_time_it_is() -> None:
    clock = ROOT / "dunning" / "core" / "clock.py"
    found = [
        place(path, line)
        for path in code("dunning", "workers")
        if path != clock
        for line in wall_clock_calls(path)
    ]
    assert not found, f"Take `now` as an argument, or a Clock (dunning/core/clock.py), here: {found}"


def test_only_the_gateway_imports_stripe() -> None:
    gateway = ROOT / "dunning" / "gateway"
    outside = [path for path in code("dunning", "workers") if not path.is_relative_to(gateway)]
    found = [place(path, line) for path in outside for name, line in imports(path) if name == "stripe"]
    assert not found, f"Ask dunning.gateway instead of importing stripe here: {found}"


def test_money_is_never_a_float() -> None:
    accounts = ("money", "attribution", "report")
    paths = [path for path in code("dunning") if path.parent.name in {"core", "store", "reports"}]
    paths = [path for path in paths if path.stem.startswith(accounts) or path.parent.name == "reports"]
    found = [place(path, line) for path in paths for line in floats(path)]
    assert not found, f"Count in integer minor units (or Fraction) here: {found}"


def test_no_file_promises_later_work() -> None:
    found = [
        place(path, text.count("\n", 0, match.start()) + 1)
        for path, text in texts()
        for match in PROMISE.finditer(text)
    ]
    assert not found, f"Do it now, or open an issue and delete the remark: {found}"


def test_the_core_says_what_it_means() -> None:
    silent = [
        f"{place(path, node.lineno)} {name}"
        for path in code("dunning")
        if path.parent.name == "core"
        for name, node in public(tree(path).body)
        if not ast.get_docstring(node)
    ]
    assert not silent, f"Say in a sentence what these are (units, errors, source of the rule): {silent}"


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    found = [
        place(path)
        for path, text in texts()
        if THIS_MACHINE.search(SAMPLES_LINE.sub("", text) if place(path) == ".ci/run" else text)
    ]
    assert not found, f"Name no folder outside the repository in these: {found}"


def test_no_database_is_committed() -> None:
    found = [place(path) for path in ours() if ".sqlite3" in path.name]
    assert not found, f"Delete these and make them in a temporary folder: {found}"
