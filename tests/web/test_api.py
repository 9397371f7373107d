"""The JSON API."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from starlette.testclient import TestClient

from dunning.flows.report import AMOUNTS

RECOVERIES = "/api/v1/recoveries"
REPORT = "/api/v1/reports/recovered-revenue"


@dataclass
class Program:
    """A program on this machine that uses the API."""

    http: TestClient
    ids: Sequence[str]

    def get(self, path: str, status: int = 200) -> Any:
        answer = self.http.get(path)
        assert answer.status_code == status, answer.text
        return answer.json()

    def first(self, status: str) -> str:
        return str(self.get(f"{RECOVERIES}?status={status}&limit=1")["data"][0]["id"])

    def problem(self, answer: Any, status: int) -> str:
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
        return str(answer.json()["detail"])


@pytest.fixture
def program(database_url: str) -> Iterator[Program]:
    house, ids = furnish(database_url)
    yield Program(TestClient(site_of(house), client=LOCAL, base_url=BASE), ids)
    house.store.engine.dispose()


def test_a_recovery_has_the_promised_fields(program: Program) -> None:
    item = program.get(f"{RECOVERIES}?limit=1")["data"][0]
    promised = {"id", "invoice", "customer", "status", "amount", "currency", "opened_at"}
    assert promised | {"next_attempt_at", "reason"} <= set(item)
    assert item["invoice"].startswith("in_")
    assert item["opened_at"].endswith("Z")
    assert isinstance(item["amount"], int)


def test_one_recovery_comes_with_its_attempts(program: Program) -> None:
    recovery = program.get(f"{RECOVERIES}/{program.first('scheduled')}")
    assert recovery["attempts"][0]["made_by"] == "stripe"
    assert recovery["retry_refusal"] is None
    assert recovery["next_attempt_at"]


def test_lists_are_filtered_by_status_and_words(program: Program) -> None:
    both = program.get(f"{RECOVERIES}?status=waiting&status=lost&limit=200")["data"]
    assert {item["status"] for item in both} == {"waiting", "lost"}
    assert {item["customer_name"] for item in program.get(f"{RECOVERIES}?q=ferreira")["data"]} == {
        "Ana Ferreira"
    }


def test_a_closed_recovery_names_its_reason(program: Program) -> None:
    assert program.get(f"{RECOVERIES}?status=recovered&limit=1")["data"][0]["reason"]
    assert program.get(f"{RECOVERIES}?status=lost&limit=1")["data"][0]["closed_reason"] == "window"


def test_a_refused_retry_is_a_conflict_with_the_rule(program: Program) -> None:
    answer = program.http.post(f"{RECOVERIES}/{program.first('waiting')}/retry")
    assert "must not be tried again" in program.problem(answer, 409)


def test_actions_answer_with_the_recovery_after_them(program: Program) -> None:
    path = f"{RECOVERIES}/{program.first('scheduled')}"
    body = {"until": "2027-03-25T08:00:00Z", "why": "On holiday"}
    assert program.http.post(f"{path}/pause", json=body).json()["recovery"]["status"] == "paused"
    assert program.http.post(f"{path}/resume").json()["recovery"]["status"] != "paused"
    assert program.http.post(f"{path}/stop").json()["recovery"]["status"] == "stopped"
    program.problem(program.http.post(f"{path}/stop"), 409)


def test_a_link_is_made_for_the_customer(program: Program) -> None:
    answer = program.http.post(f"{RECOVERIES}/{program.first('waiting')}/link").json()
    assert answer["url"].startswith(f"{BASE}/pay/lnk_")


@pytest.mark.parametrize("action", ["", "/retry", "/stop", "/resume", "/link"])
def test_an_unknown_recovery_is_a_problem(program: Program, action: str) -> None:
    method = "POST" if action else "GET"
    program.problem(program.http.request(method, f"{RECOVERIES}/rec_nobody{action}"), 404)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"until": "2027-03-25T08:00:00", "why": "naive"},
        {"until": "2027-03-25T08:00:00Z", "why": 5},
        {"until": "2027-03-25T08:00:00Z", "why": "x", "surprise": True},
        {"until": "2027-03-01T08:00:00Z", "why": "the past"},
    ],
)
def test_a_body_that_is_not_understood_is_a_problem(program: Program, body: dict[str, Any]) -> None:
    path = f"{RECOVERIES}/{program.first('scheduled')}/pause"
    assert program.problem(program.http.post(path, json=body), 422)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "status=happy"])
def test_a_query_that_is_not_understood_is_a_problem(program: Program, query: str) -> None:
    program.problem(program.http.get(f"{RECOVERIES}?{query}"), 422)


def test_an_unknown_address_is_a_problem_too(program: Program) -> None:
    program.problem(program.http.get("/api/v1/nothing"), 404)
    program.problem(program.http.delete(RECOVERIES), 405)


def test_a_method_that_is_not_there_is_told_which_are(program: Program) -> None:
    """Two routes of one address, as /people has, are both named."""
    assert program.http.delete("/api/v1/people").headers["allow"] == "GET, POST"
    assert program.http.delete(RECOVERIES).headers["allow"] == "GET"


def test_the_report_has_the_promised_shape(program: Program) -> None:
    report = program.get(f"{REPORT}?from=2027-01-01&to=2027-04-01&basis=cohort&net=true&group_by=month")
    head = ("basis", "from", "to", "timezone", "net", "as_of")
    assert [report[name] for name in head] == [
        "cohort",
        "2027-01-01",
        "2027-04-01",
        "UTC",
        True,
        "2027-03-18T09:20:00Z",
    ]
    assert set(report["currencies"]["usd"]) == set(AMOUNTS)
    assert report["counts"]["usd"]["failed"] > report["counts"]["usd"]["recovered"] > 0
    assert [group["key"] for group in report["groups"]] == ["2027-01", "2027-02", "2027-03"]
    assert program.get(f"{REPORT}?from=2027-01-01&to=2027-04-01")["groups"] == []


def test_failures_are_shared_out_in_every_group(program: Program) -> None:
    report = program.get(f"{REPORT}?from=2027-01-01&to=2027-04-01&group_by=decline_class")
    for part in [report, *report["groups"]]:
        for sums in part["currencies"].values():
            assert sums["failed"] == sum(sums[name] for name in ("recovered", "lost", "stopped", "open"))


@pytest.mark.parametrize("query", ["", "from=2027-01-01", "from=2027-02-01&to=2027-01-01", "from=x&to=y"])
def test_a_report_without_a_period_is_a_problem(program: Program, query: str) -> None:
    program.problem(program.http.get(f"{REPORT}?{query}"), 422)


def test_openapi_describes_the_api_and_nothing_else(program: Program) -> None:
    paths = program.get("/api/v1/openapi.json")["paths"]
    assert paths
    assert all(path.startswith("/api/v1/") for path in paths)
    assert f"{RECOVERIES}/{{recovery_id}}/pause" in paths
