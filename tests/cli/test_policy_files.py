"""The policy on the command line: read, checked, published whole or not at all."""

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dunning.commands import policy_file
from dunning.core.policy import RULES, LastResort, Policy, PolicyVersion
from dunning.core.vocabulary import InvoiceClass

GOOD = """
[default]
window = "21d"
backup_cards = "oldest_first"
last_resort = "cancel_subscription"

[trial_end]
window = "5d"        # they have not paid yet
attempts_per_invoice = 3
"""


@pytest.fixture
def policy(cli: Any, sqlite_url: str) -> Callable[..., Any]:
    return lambda *words: cli("policy", *words, DATABASE_URL=sqlite_url)


def written(text: str, name: str = "policy.toml") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def shown(policy: Callable[..., Any], *words: str) -> Any:
    ended = policy("show", *words, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


def test_a_new_installation_shows_the_built_in_policy(policy: Callable[..., Any]) -> None:
    told = shown(policy)
    assert told["version"] == 1
    assert set(told["classes"]) == set(InvoiceClass)
    assert told["classes"]["renewal"]["last_resort"] == "leave"
    assert "attempts per invoice" not in policy("show").out
    assert "attempts_per_invoice" in policy("show").out


def test_a_published_file_is_the_next_version_once(policy: Callable[..., Any]) -> None:
    file = written(GOOD)
    assert "version 2" in policy("publish", file).out.lower()
    assert "Nothing changed" in policy("publish", file).out
    told = shown(policy)
    assert told["version"] == 2
    assert told["classes"]["renewal"]["window"] == "21d"
    assert told["classes"]["trial_end"]["window"] == "5d"
    assert told["classes"]["trial_end"]["last_resort"] == "cancel_subscription"
    assert told["classes"]["one_off"]["last_resort"] == "leave", "it has no subscription"
    assert shown(policy, "--version", "1")["classes"]["renewal"]["window"] == "14d"


def test_what_is_exported_is_what_was_published(policy: Callable[..., Any]) -> None:
    policy("publish", written(GOOD))
    assert policy("export", "-o", "out.toml").code == 0
    exported = Path("out.toml").read_text(encoding="utf-8")
    values = policy_file.read(exported)
    assert policy_file.problems(exported, values) == []
    assert policy_file.policy(values) == policy_file.policy(policy_file.read(GOOD))
    assert "Nothing changed" in policy("publish", "out.toml").out


PROBLEMS = [
    ('[defalt]\nwindow = "3d"\n', 1, "did you mean default?"),
    ("window = 3\n", 1, "no section"),
    ('[default]\nwindo = "3d"\n', 2, "did you mean window?"),
    ("[default]\nwindow = 3\n", 2, "in quotes"),
    ('[default]\nwindow = "99d"\n', 2, "1d to 60d"),
    ('[default]\ngap = "2h"\n', 2, "12h to 14d"),
    ("[default]\nattempts_per_invoice = 99\n", 2, "0 to 15"),
    ("[default]\nattempts_per_invoice = true\n", 2, "whole number"),
    ('[default]\nbackup_cards = "on"\n', 2, "newest_first"),
    ('[default]\nlast_resort = "sue"\n', 2, "mark_uncollectible"),
    ('[default]\ndrafts = "burn"\n', 2, "collect"),
    ('[renewal]\n\n[one_off]\nlast_resort = "pause_subscription"\n', 4, "no subscription"),
    ("default = 3\n", 1, "write [default]"),
    ("[default\n", 1, "not TOML"),
]


@pytest.mark.parametrize(("text", "line", "says"), PROBLEMS, ids=[says for _, _, says in PROBLEMS])
def test_a_problem_names_its_line_its_key_and_the_cure(
    policy: Callable[..., Any], text: str, line: int, says: str
) -> None:
    file = written(text)
    checked = policy("validate", file)
    assert checked.code == 1
    assert checked.out.startswith(f"{file}:{line}: ")
    assert says in checked.out
    ended = policy("publish", file)
    assert ended.code == 2
    assert says in ended.complaint
    assert "nothing was published" in ended.complaint
    assert shown(policy)["version"] == 1


def test_every_problem_of_a_file_is_listed(policy: Callable[..., Any]) -> None:
    text = '[default]\nwindow = 3\ngap = "1h"\n[renewal]\nattempts = 3\n'
    told = json.loads(policy("validate", written(text), "--json").out)
    assert told["valid"] is False
    assert [problem["line"] for problem in told["problems"]] == [2, 3, 5]


@pytest.mark.parametrize("name", ["nowhere.toml", "policy.yaml"])
def test_a_file_that_cannot_be_read_is_named(policy: Callable[..., Any], name: str) -> None:
    if name.endswith("yaml"):
        written(GOOD, name)
    assert name in policy("publish", name).complaint


def test_a_version_that_never_was_is_refused(policy: Callable[..., Any]) -> None:
    assert "--version 9" in policy("show", "--version", "9").complaint


def test_the_documented_example_is_a_valid_policy() -> None:
    example = inspect.cleandoc(policy_file.__doc__ or "").partition("\n")[2]
    values = policy_file.read(example)
    assert policy_file.problems(example, values) == []
    assert set(values["default"]) == set(RULES)
    assert policy_file.policy(values).default == Policy()


def test_a_policy_of_the_first_installations_is_read_as_its_default_section() -> None:
    old = {name: value for name, value in Policy().dumps().items() if name not in {"backup_cards", "drafts"}}
    assert PolicyVersion.loads(old) == PolicyVersion()
    assert PolicyVersion.loads(PolicyVersion().dumps()) == PolicyVersion()


def test_a_section_changes_only_what_it_names() -> None:
    found = PolicyVersion(
        Policy(attempts_per_invoice=5), {InvoiceClass.ONE_OFF: {"last_resort": LastResort.MARK_UNCOLLECTIBLE}}
    )
    assert found.rules_for(InvoiceClass.RENEWAL) == found.default
    assert found.rules_for(InvoiceClass.ONE_OFF).attempts_per_invoice == 5
    assert found.rules_for(InvoiceClass.ONE_OFF).last_resort is LastResort.MARK_UNCOLLECTIBLE
    assert PolicyVersion.loads(found.dumps()) == found
