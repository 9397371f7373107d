"""docs/asvs.md has each requirement of ASVS 5.0's levels 1 and 2 once, and names tests that exist."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs/asvs.md").read_text(encoding="utf-8")
# Source: OWASP/ASVS, 5.0/docs_en, version 5.0.0: section, then number:level of its items, level 3 left out.
SECTIONS = {
    "V1.1": "1:2 2:2",
    "V1.2": "1:1 2:1 3:1 4:1 5:1 6:2 7:2 8:2 9:2",
    "V1.3": "1:1 2:1 3:2 4:2 5:2 6:2 7:2 8:2 9:2 10:2 11:2",
    "V1.4": "1:2 2:2 3:2",
    "V1.5": "1:1 2:2",
    "V2.1": "1:1 2:2 3:2",
    "V2.2": "1:1 2:1 3:2",
    "V2.3": "1:1 2:2 3:2 4:2",
    "V2.4": "1:2",
    "V3.2": "1:1 2:1",
    "V3.3": "1:1 2:2 3:2 4:2",
    "V3.4": "1:1 2:1 3:2 4:2 5:2 6:2",
    "V3.5": "1:1 2:1 3:1 4:2 5:2",
    "V3.7": "1:2 2:2",
    "V4.1": "1:1 2:2 3:2",
    "V4.2": "1:2",
    "V4.3": "1:2 2:2",
    "V4.4": "1:1 2:2 3:2 4:2",
    "V5.1": "1:2",
    "V5.2": "1:1 2:1 3:2",
    "V5.3": "1:1 2:1",
    "V5.4": "1:2 2:2 3:2",
    "V6.1": "1:1 2:2 3:2",
    "V6.2": "1:1 2:1 3:1 4:1 5:1 6:1 7:1 8:1 9:2 10:2 11:2 12:2",
    "V6.3": "1:1 2:1 3:2 4:2",
    "V6.4": "1:1 2:1 3:2 4:2",
    "V6.5": "1:2 2:2 3:2 4:2 5:2",
    "V6.6": "1:2 2:2 3:2",
    "V6.8": "1:2 2:2 3:2 4:2",
    "V7.1": "1:2 2:2 3:2",
    "V7.2": "1:1 2:1 3:1 4:1",
    "V7.3": "1:2 2:2",
    "V7.4": "1:1 2:1 3:2 4:2 5:2",
    "V7.5": "1:2 2:2",
    "V7.6": "1:2 2:2",
    "V8.1": "1:1 2:2",
    "V8.2": "1:1 2:1 3:2",
    "V8.3": "1:1",
    "V8.4": "1:2",
    "V9.1": "1:1 2:1 3:1",
    "V9.2": "1:1 2:2 3:2 4:2",
    "V10.1": "1:2 2:2",
    "V10.2": "1:2 2:2",
    "V10.3": "1:2 2:2 3:2 4:2",
    "V10.4": "1:1 2:1 3:1 4:1 5:1 6:2 7:2 8:2 9:2 10:2 11:2",
    "V10.5": "1:2 2:2 3:2 4:2 5:2",
    "V10.6": "1:2 2:2",
    "V10.7": "1:2 2:2 3:2",
    "V11.1": "1:2 2:2",
    "V11.2": "1:2 2:2 3:2",
    "V11.3": "1:1 2:1 3:2",
    "V11.4": "1:1 2:2 3:2 4:2",
    "V11.5": "1:2",
    "V11.6": "1:2",
    "V12.1": "1:1 2:2 3:2",
    "V12.2": "1:1 2:1",
    "V12.3": "1:2 2:2 3:2 4:2",
    "V13.1": "1:2",
    "V13.2": "1:2 2:2 3:2 4:2 5:2",
    "V13.3": "1:2 2:2",
    "V13.4": "1:1 2:2 3:2 4:2 5:2",
    "V14.1": "1:2 2:2",
    "V14.2": "1:1 2:2 3:2 4:2",
    "V14.3": "1:1 2:2 3:2",
    "V15.1": "1:1 2:2 3:2",
    "V15.2": "1:1 2:2 3:2",
    "V15.3": "1:1 2:2 3:2 4:2 5:2 6:2 7:2",
    "V16.1": "1:2",
    "V16.2": "1:2 2:2 3:2 4:2 5:2",
    "V16.3": "1:2 2:2 3:2 4:2",
    "V16.4": "1:2 2:2 3:2",
    "V16.5": "1:2 2:2 3:2",
    "V17.1": "1:2",
    "V17.2": "1:2 2:2 3:2 4:2",
    "V17.3": "1:2 2:2",
}
ITEMS = {
    f"{section}.{number}": int(level)
    for section, listed in SECTIONS.items()
    for number, level in (one.split(":") for one in listed.split())
}


def rows() -> list[list[str]]:
    lines = [line for line in PAGE.splitlines() if line.startswith("| V")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


MET = [row for row in rows() if len(row) == 5]
OTHERS = [row for row in rows() if len(row) == 2]


@cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_each_item_stands_there_once_and_no_other() -> None:
    named = Counter(item for row in rows() for item in row[0].split())
    assert named == Counter(list(ITEMS))
    assert len(ITEMS) == 253
    assert {row[0]: int(row[1]) for row in MET} == {row[0]: ITEMS[row[0]] for row in MET}


@pytest.mark.parametrize("row", MET, ids=lambda row: row[0])
def test_what_shows_an_item_exists(row: list[str]) -> None:
    shown = re.findall(r"`([^`]+)`", row[4])
    assert shown
    for one in shown:
        path, _, test = one.partition("::")
        assert (ROOT / path).is_file(), one
        assert not test or (test.startswith("test_") and test in functions_of(path)), one
        assert test or not path.startswith("tests/"), f"{one} names no test"


def test_the_counts_in_the_text_are_those_of_the_tables() -> None:
    told = re.search(
        r"has\n(\d+) .*?: (\d+) are met.*?, (\d+) are yours,.*?, (\d+) are about.*?, (\d+) are open",
        PAGE,
        re.DOTALL,
    )
    assert told is not None
    parts = {
        name: PAGE.split(f"## {name}\n")[1].split("\n## ")[0] for name in ("Open", "Yours", "Not applicable")
    }
    count = {name: len(re.findall(r"\bV\d+\.\d+\.\d+\b", text)) for name, text in parts.items()}
    found = (len(ITEMS), len(MET), count["Yours"], count["Not applicable"], count["Open"])
    assert tuple(map(int, told.groups())) == found


def test_every_row_says_why() -> None:
    assert all(all(cells) for cells in rows())
    assert len(OTHERS) > 30
