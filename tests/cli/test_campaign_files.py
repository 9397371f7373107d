"""Campaigns as files: written, read back, judged line by line, and dated."""

import json
from pathlib import Path
from typing import Any

import pytest

from dunning.core import campaign_file
from dunning.core.campaign import BUILT_IN

GOOD = """key = "mine"
name = "Mine"

[[steps]]
key = "first"
offset = "6h"
template = "payment_failed"

[[steps]]
key = "second"
offset = "4d"
template = "payment_reminder"
condition = "retry_failed"
"""


def problems(cli: Any, text: str, name: str = "mine.toml") -> list[tuple[int, str]]:
    Path(name).write_text(text, encoding="utf-8")
    ended = cli("campaign", "validate", name, "--json")
    told = json.loads(ended.out)
    assert ended.code == (0 if told["valid"] else 1)
    assert told["valid"] is (not told["problems"])
    return [(problem["line"], problem["field"]) for problem in told["problems"]]


@pytest.mark.parametrize("form", ["toml", "json"])
def test_the_exported_campaign_is_valid_and_means_the_built_in_one(form: str, cli: Any) -> None:
    ended = cli("campaign", "export", "--format", form, "-o", f"mine.{form}")
    assert ended.code == 0
    text = Path(f"mine.{form}").read_text(encoding="utf-8")
    assert problems(cli, text, f"mine.{form}") == []
    assert campaign_file.campaign(campaign_file.read(text, is_json=form == "json")) == BUILT_IN
    assert cli("campaign", "export", "--format", form).out == text


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ('key = "mine"', 'key = "My Campaign"', 1, "key"),
        ('name = "Mine"\n', "", 1, "name"),
        ('name = "Mine"', "name = 3", 2, "name"),
        ('name = "Mine"', 'name = "Mine"\nversion = 0', 3, "version"),
        ('name = "Mine"', 'name = "Mine"\ncolour = "red"', 3, "colour"),
        ('key = "second"', 'key = "first"', 10, "steps[2].key"),
        ('key = "second"\n', "", 9, "steps[2].key"),
        ('offset = "4d"', 'offset = "4 days"', 11, "steps[2].offset"),
        ('offset = "4d"', 'offset = "99999w"', 11, "steps[2].offset"),
        ('offset = "4d"', "offset = 4", 11, "steps[2].offset"),
        ('offset = "4d"', 'offset = "1h"', 11, "steps[2].offset"),
        ('template = "payment_reminder"', 'template = "shout"', 12, "steps[2].template"),
        ('condition = "retry_failed"', 'condition = "monday"', 13, "steps[2].condition"),
        ('condition = "retry_failed"', 'channel = "pigeon"', 13, "steps[2].channel"),
        ('condition = "retry_failed"', 'condtion = "always"', 13, "steps[2].condtion"),
    ],
)
def test_each_mistake_is_named_with_its_line(old: str, new: str, line: int, field: str, cli: Any) -> None:
    assert problems(cli, GOOD) == []
    assert problems(cli, GOOD.replace(old, new)) == [(line, field)]


def test_json_mistakes_have_lines_too(cli: Any) -> None:
    good = cli("campaign", "export", "--format", "json").out
    lines = good.splitlines()
    at = next(n for n, line in enumerate(lines, 1) if "payment_reminder" in line)
    assert problems(cli, good.replace("payment_reminder", "shout"), "mine.json") == [
        (at, "steps[2].template")
    ]


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("a.toml", 'key = "x"\nname = \n', 2),
        ("a.json", '{"key": "x",\n "name" 3}', 2),
        ("b.json", "[1]", 1),
        ("c.json", "[" * 90000, 1),
    ],
)
def test_a_file_that_is_not_what_it_is_called_says_where(name: str, text: str, line: int, cli: Any) -> None:
    assert [found for found, _ in problems(cli, text, name)] == [line]


@pytest.mark.parametrize(
    ("steps", "field"),
    [("", "steps"), ("steps = 3", "steps"), ("steps = []", "steps"), ("steps = [1]", "steps[1]")],
)
def test_a_campaign_needs_steps_that_are_tables(steps: str, field: str, cli: Any) -> None:
    assert [found for _, found in problems(cli, f'key = "x"\nname = "X"\n{steps}\n')] == [field]


def test_problems_for_people_read_like_a_compiler(cli: Any) -> None:
    Path("mine.toml").write_text(GOOD.replace('"4d"', '"soon"'), encoding="utf-8")
    ended = cli("campaign", "validate", "mine.toml")
    assert ended.code == 1
    assert ended.out.startswith("mine.toml:11: steps[2].offset must be ")


def test_a_plan_dates_every_step_in_the_customers_daytime(cli: Any) -> None:
    told = json.loads(
        cli("campaign", "plan", "--failed", "2026-10-01T20:00:00Z", "--timezone", "Asia/Tokyo", "--json").out
    )
    first = told["steps"][0]
    assert told["failed"] == "2026-10-01T20:00:00Z"
    # Six hours later it is 11:00 in Tokyo, inside the daytime; four days later it is 05:00, too early.
    assert first["due_at"] == "2026-10-02T02:00:00Z"
    assert told["steps"][1]["due_at"] == "2026-10-06T00:00:00Z"


def test_a_plan_of_ones_own_file_names_its_steps(cli: Any) -> None:
    Path("mine.toml").write_text(GOOD, encoding="utf-8")
    out = cli("campaign", "plan", "mine.toml", "--failed", "2026-10-01").out
    assert "second" in out
    assert "+4d9h" in out
    Path("mine.toml").write_text(GOOD.replace('"4d"', '"soon"'), encoding="utf-8")
    ended = cli("campaign", "plan", "mine.toml")
    assert ended.code == 2
    assert "mine.toml:11" in ended.complaint
