"""What the documents say is so: commands, settings, links, paths, tables and examples."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser.house import BASE, front_of, furnish
from command_lines import SETTINGS, check, commands_in
from sqlalchemy import text
from starlette.testclient import TestClient
from transitions import transitions

from dunning.core.definitions import REASONS
from dunning.core.people import Right
from dunning.core.policy import Policy
from dunning.core.vocabulary import OPEN, Status
from dunning.flows import rights, tokens
from dunning.flows.house import House
from dunning.store import invariants
from dunning.store.law import PROMISES
from dunning.web.api_schedule import Schedule, ScheduleBody

ROOT = Path(__file__).resolve().parents[1]
DOCS = (
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
)
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCS]


@cache
def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str, heading: str) -> list[tuple[str, ...]]:
    """Return the cells of the table under a header row that begins so."""
    lines = read(name).splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith(f"| {heading}"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
    return found


def words(cells: list[tuple[str, ...]]) -> set[str]:
    return {word for row in cells for word in re.findall(r"`(\w+)`", row[0])}


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_in_the_documents_exists_with_its_options(name: str) -> None:
    wrong = [(line, why) for line in commands_in(read(name)) if (why := check(line)) is not None]
    assert not wrong


def test_a_command_that_is_none_would_be_found() -> None:
    block = "```console\n$ A=1 .venv/bin/dunning mode --retry own && dunning serve &\n```\n"
    text = f"Run `dunning stop`, then\n{block}"
    assert list(commands_in(text)) == ["dunning mode --retry own", "dunning serve", "dunning stop"]
    assert [check(line) for line in commands_in(text)] == [
        "dunning mode has no option --retry",
        None,
        "dunning has no stop",
    ]
    assert len(list(commands_in(read("README.md")))) > 60


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_in_the_documents_exists(name: str) -> None:
    named = set(re.findall(r"\b(?:DUNNING|STRIPE|DATABASE|REDIS)_[A-Z_]*[A-Z]\b", read(name)))
    known = SETTINGS | {"STRIPE_SAMPLES", "DUNNING_OIDC"}
    assert {one for one in named if f"{one}_" not in read(name) or one in known} <= known


@pytest.mark.parametrize("name", NAMES)
def test_every_link_and_every_path_in_the_documents_leads_somewhere(name: str) -> None:
    here, broken = (ROOT / name).parent, []
    for target in re.findall(r"\]\(([^)\s]+)\)", read(name)):
        if urlsplit(target).scheme:
            continue
        path, _, part = target.partition("#")
        file = here / path if path else ROOT / name
        headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE) if part else []
        if not file.exists() or (part and part not in map(anchor, headings)):
            broken.append(target)
    paths = re.findall(r"`((?:tests|deploy|dunning|docs|workers|templates)/[\w/.\-]+\w)`", read(name))
    assert not broken
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_document_is_in_the_index() -> None:
    listed = set(re.findall(r"\(([\w\-]+\.md)\)", read("docs/README.md")))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"} <= listed


def test_the_rights_of_the_key_are_the_ones_that_the_code_asks() -> None:
    asked = [(one.resource, one.access, one.why) for one in rights.RIGHTS]
    assert [row[:2] for row in rows("docs/install.md", "resource")] == [one[:2] for one in asked]
    told = [re.sub("`", "", row[2]) for row in rows("docs/install.md", "resource")]
    assert told == [re.sub("`", "", one[2]) for one in asked]


def test_the_picture_of_the_states_is_the_state_machine() -> None:
    drawn = re.findall(r"^  (\w+) --> (\w+)", read("docs/architecture.md"), re.MULTILINE)
    pairs = [(Status(one), Status(other)) for one, other in drawn]
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == transitions()
    begun = set(re.findall(r"^  \[\*\] --> (\w+)", read("docs/architecture.md"), re.MULTILINE))
    assert begun <= {status.value for status in OPEN}


def test_the_tables_of_reports_policy_scopes_and_the_schedule_are_whole() -> None:
    assert words(rows("docs/reports.md", "reason")) == set(REASONS)
    assert words(rows("docs/policy.md", "rule")) == {one.name for one in fields(Policy)} - {"version"}
    assert words(rows("docs/api.md", "scope")) - {"write"} == {right.value for right in Right}
    assert words(rows("docs/api.md", "field")) == set(ScheduleBody.model_fields)
    answer = re.findall(r"`(\w+)`", read("docs/api.md").partition("The answer has ")[2].partition("|")[0])
    assert set(answer) - {"read"} == set(Schedule.model_fields) - {"id"}


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    made, _ = furnish(sqlite_url, recoveries=12)
    yield made
    made.store.engine.dispose()


def test_the_examples_of_the_api_work_as_they_stand(house: House) -> None:
    _, secret = tokens.create(house, name="docs", scopes=[Right.ACT], by="test")
    http = TestClient(front_of(house), client=("203.0.113.9", 1), base_url=BASE)
    listed = http.get(
        "/api/v1/recoveries?status=waiting", headers={"Authorization": f"Bearer {secret}"}
    ).json()
    one = listed["data"][0]
    known = {"$DUNNING": BASE, "$TOKEN": secret, "$ID": one["id"], "$CUSTOMER": one["customer"]}
    examples = re.findall(r"^\$ (curl .*)$", read("docs/api.md"), re.MULTILINE)
    assert len(examples) >= 7
    for example in examples:
        line = re.sub(r"\$[A-Z]+", lambda name: known[name[0]], example)
        answer = asked(http, shlex.split(line)[1:])
        assert answer.status_code == 200, (example, answer.text)
    assert answer.json()["at"] is not None


def asked(http: TestClient, arguments: list[str]) -> Any:
    """Send what curl would."""
    method, headers, body, url = "GET", {}, None, ""
    given = iter(arguments)
    for word in given:
        if word == "-X":
            method = next(given)
        elif word == "-H":
            name, _, value = next(given).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(given)
        else:
            url = word
    return http.request(method, url, headers=headers, content=body)


def test_what_operators_are_told_to_delete_can_be_deleted(database_url: str) -> None:
    (statement,) = re.findall(r"```sql\n(.*?)```", read("docs/operations.md"), re.DOTALL)
    house, _ = furnish(database_url, recoveries=0)
    with house.store.write() as connection:
        connection.execute(text(statement))
    house.store.engine.dispose()


def test_every_figure_is_explained_to_operators(house: House) -> None:
    http = TestClient(front_of(house), client=("127.0.0.1", 1), base_url=BASE)
    told = set(re.findall(r"^(dunning_\w+)", http.get("/metrics").text, re.MULTILINE))
    explained = set(re.findall(r"`(dunning_\w+)", read("docs/operations.md")))
    assert told <= explained <= told | {"dunning_bells_waiting", "dunning_last_event_seconds"}


def test_the_table_of_promises_is_the_list_of_laws() -> None:
    told = rows("docs/proof.md", "promise")
    kept = {
        name: "; ".join(law.name for law in invariants.LAWS if name in law.holds) or "–" for name in PROMISES
    }
    assert {name.strip("`"): laws for name, _, laws in told} == kept
    assert {name.strip("`"): said for name, said, _ in told} == PROMISES
