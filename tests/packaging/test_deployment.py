"""The files to deploy by name commands, settings, paths and figures that exist, and run nothing as root."""

import configparser
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from browser.house import BASE, LOCAL, furnish, site_of
from command_lines import SETTINGS, check
from starlette.testclient import TestClient

from dunning.parts import WORK_ENDS_WITHIN_MS
from dunning.web.gates import is_public

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OURS = ("migrate", "web", "worker", "clock")
WORK_ENDS_WITHIN_S = WORK_ENDS_WITHIN_MS // 1000


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def dockerfile() -> list[str]:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


@pytest.fixture
def metrics(sqlite_url: str) -> Iterator[str]:
    house, _ = furnish(sqlite_url, recoveries=12)
    yield TestClient(site_of(house), client=LOCAL, base_url=BASE).get("/metrics").text
    house.store.engine.dispose()


def test_compose_runs_our_commands_with_our_settings(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {*OURS, "postgres", "redis", "caddy"}
    for name in OURS:
        assert check(f"dunning {shlex.join(services[name]['command'])}") is None
        assert set(services[name]["environment"]) <= SETTINGS
    written = re.findall(r"^([A-Z_]+)=", (DEPLOY / "env.example").read_text(encoding="utf-8"), re.MULTILINE)
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    assert asked <= set(written) <= SETTINGS | asked


def test_compose_shuts_strangers_out_and_lets_work_end(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert [name for name, one in services.items() if "ports" in one] == ["caddy"]
    for name in OURS:
        one = services[name]
        assert (one["read_only"], one["cap_drop"], one.get("privileged")) == (True, ["ALL"], None)
    assert int(services["worker"]["stop_grace_period"].rstrip("s")) > WORK_ENDS_WITHIN_S
    redis = services["redis"]["command"]
    assert redis[redis.index("--maxmemory-policy") + 1] == "noeviction"


def test_compose_starts_in_an_order_that_works(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, one in services.items():
        for other, how in one.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            probed = "test" in services[other].get("healthcheck", {}) or other == "web"  # the image's own
            assert probed if healthy else services[other]["command"] == ["db", "upgrade"], (name, other)
    named = {volume.split(":")[0] for one in services.values() for volume in one.get("volumes", [])}
    assert {volume for volume in named if not volume.startswith(".")} == set(compose["volumes"])


def test_the_image_runs_as_nobody_in_particular_and_is_asked_how_it_is(dockerfile: list[str]) -> None:
    names = [line.split()[0] for line in dockerfile]
    user = dockerfile[names.index("USER")].split()[1]
    assert user not in {"root", "0", "0:0"}
    assert names.index("USER") < names.index("ENTRYPOINT")
    probe = re.search(r"http://127\.0\.0\.1:8000(/\w+)", dockerfile[names.index("HEALTHCHECK")])
    assert probe is not None
    assert is_public(probe[1])
    for line in dockerfile:
        if line.startswith("COPY") and "--from" not in line:
            assert all((ROOT / source).exists() for source in line.split()[1:-1]), line
    entry, command = (
        json.loads(dockerfile[names.index(name)].split(" ", 1)[1]) for name in ("ENTRYPOINT", "CMD")
    )
    assert check(shlex.join([*entry, *command])) is None
    kept = {word.split("=")[0] for line in dockerfile if line.startswith("ENV") for word in line.split()[1:]}
    assert {name for name in kept if name.startswith("DUNNING_")} <= SETTINGS


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_exists_as_its_own_user_and_lets_it_end(unit: Path) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[method-assign,assignment]
    parsed.read(unit)
    service = parsed["Service"]
    assert check(service["ExecStart"].removeprefix("/opt/dunning/bin/")) is None
    assert service["User"] == "dunning"
    assert service["NoNewPrivileges"] == "yes"
    works = any(word in service["ExecStart"] for word in ("serve", "worker"))
    assert int(service["TimeoutStopSec"]) > (WORK_ENDS_WITHIN_S if works else 5)


def test_the_procfile_starts_commands_that_exist() -> None:
    lines = (DEPLOY / "Procfile").read_text(encoding="utf-8").splitlines()
    assert [line.split(":")[0] for line in lines] == ["release", "web", "worker", "clock"]
    for line in lines:
        assert check(line.split(": ", 1)[1]) is None


def test_alerts_and_dashboard_ask_for_figures_that_are_there(metrics: str) -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    board = json.loads((DEPLOY / "grafana.json").read_text(encoding="utf-8"))
    told = set(re.findall(r"^(dunning_\w+)", metrics, re.MULTILINE)) | {"dunning_bells_waiting"}  # with Redis
    told |= {"dunning_last_event_seconds"}  # after the first event
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    used = {name for expression in asked for name in re.findall(r"dunning_\w+", expression)}
    assert used <= told
    assert told <= used, "an operator sees every figure somewhere"
    for expression in asked:
        for selected in re.findall(r"dunning_\w+\{\w+=\"\w+\"\}", expression):
            assert selected in metrics, selected
        for name, label in re.findall(r"by \((\w+)\) \(.*?(dunning_\w+)", expression):
            assert f"{label}{{{name}=" in metrics or label == "dunning_dead_rows", expression


def test_every_alert_says_what_happened_and_what_to_do() -> None:
    rules = yaml.safe_load((DEPLOY / "alerts.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    for rule in rules:
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["annotations"]["do"].endswith(".")
        for line in re.findall(r"`(dunning [^`]+)`", rule["annotations"]["do"]):
            assert check(line) is None


def test_the_forms_of_the_issue_tracker_and_the_workflow_are_whole_and_name_commands_that_exist() -> None:
    for path in sorted((ROOT / ".github").rglob("*.yml")):
        text = path.read_text(encoding="utf-8")
        told = yaml.safe_load(text)
        if path.parent.name == "ISSUE_TEMPLATE" and path.name != "config.yml":
            assert {"name", "description", "body"} <= set(told), path
            named = [part["id"] for part in told["body"] if part["type"] != "markdown"]
            assert len(named) == len(set(named)), path
        assert [line for line in re.findall(r"`(dunning [^`]+)`", text) if check(line)] == [], path
    steps = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8"))["jobs"]["test"][
        "steps"
    ]
    programs = [step["run"] for step in steps if "run" in step]
    assert programs
    assert all((ROOT / program.split()[0]).exists() for program in programs)
