"""Programs at the API: tokens, idempotency keys, problems, and what its description says of them."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browser.house import BASE, front_of, furnish
from signed_in import open_session
from sqlalchemy import func, select
from starlette.testclient import TestClient

from dunning.core.clock import VirtualClock
from dunning.flows import tokens
from dunning.flows.house import House
from dunning.store import answers, audit, tables

ROOT = "/api/v1/recoveries"
MORNING = datetime(2027, 3, 18, 8, tzinfo=UTC)


@dataclass
class Program:
    """A program on another machine, with a token."""

    house: House
    wall: VirtualClock
    http: TestClient
    token_id: str

    def one(self, status: str) -> str:
        answer = self.http.get(ROOT, params={"status": status, "limit": 1})
        return f"{ROOT}/{answer.json()['data'][0]['id']}"

    def write(self, path: str, key: str, **more: Any) -> Any:
        return self.http.post(path, headers={"Idempotency-Key": key}, **more)

    def links(self) -> int:
        with self.house.store.read() as connection:
            counted = select(func.count()).select_from(tables.links)
            return int(connection.execute(counted).scalar_one())


def client(house: House, secret: str | None) -> TestClient:
    made = TestClient(front_of(house), client=("203.0.113.9", 1), base_url=BASE)
    if secret is not None:
        made.headers["Authorization"] = f"Bearer {secret}"
    return made


def put_up(url: str) -> Program:
    house, _ = furnish(url, recoveries=12)
    wall = VirtualClock(MORNING)
    house = replace(house, wall=wall)
    open_session(house)
    token_id, secret = tokens.create(house, name="nightly", scopes=["act"], by="test")
    return Program(house, wall, client(house, secret), token_id)


@pytest.fixture
def program(database_url: str) -> Iterator[Program]:
    found = put_up(database_url)
    yield found
    found.house.store.engine.dispose()


@pytest.fixture
def quick(sqlite_url: str) -> Iterator[Program]:
    found = put_up(sqlite_url)
    yield found
    found.house.store.engine.dispose()


def problem(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["title"]
    return str(answer.json()["detail"])


def test_a_program_acts_under_the_name_of_its_token(program: Program) -> None:
    path = program.one("scheduled")
    assert program.http.post(f"{path}/stop").status_code == 200
    with program.house.store.read() as connection:
        [entry] = audit.page(connection, q="recovery.stop")
        used = connection.execute(select(tables.api_tokens.c.used_at)).scalar_one()
    assert entry["actor"] == f"token nightly ({program.token_id})"
    assert used == MORNING


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi", "bearer \x7f"])
def test_without_a_token_that_is_known_there_is_no_answer(quick: Program, given: str | None) -> None:
    stranger = client(quick.house, None)
    answer = stranger.get(ROOT, headers={"Authorization": given} if given is not None else {})
    assert problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_opens_nothing_any_more(quick: Program) -> None:
    tokens.revoke(quick.house, quick.token_id, by="test")
    problem(quick.http.get(ROOT), 401)


def test_a_token_that_reads_does_not_act(quick: Program) -> None:
    _, secret = tokens.create(quick.house, name="reader", scopes=["read"], by="test")
    answer = client(quick.house, secret).post(f"{quick.one('scheduled')}/stop")
    assert "the right to act" in problem(answer, 403)


def test_the_same_request_again_gets_the_same_answer_and_is_not_done_again(program: Program) -> None:
    path = f"{program.one('waiting')}/link"
    before = program.links()
    first, again = program.write(path, "k1"), program.write(path, "k1")
    assert first.json() == again.json()
    assert (first.status_code, again.status_code) == (200, 200)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert program.links() == before + 1
    assert program.write(path, "k2").json() != first.json()


def test_a_refusal_is_repeated_too(quick: Program) -> None:
    path = f"{quick.one('waiting')}/retry"
    first = problem(quick.write(path, "k1"), 409)
    assert problem(quick.write(path, "k1"), 409) == first


def test_a_key_belongs_to_one_request_of_one_program(program: Program) -> None:
    path = program.one("scheduled")
    body = {"until": "2027-03-25T08:00:00Z", "why": "On holiday"}
    assert program.write(f"{path}/pause", "k1", json=body).status_code == 200
    other = program.write(f"{path}/pause", "k1", json={**body, "why": "Something else"})
    assert "used for another request" in problem(other, 422)
    assert "used for another request" in problem(program.write(f"{path}/resume", "k1"), 422)
    _, secret = tokens.create(program.house, name="other", scopes=["act"], by="test")
    theirs = client(program.house, secret).post(f"{path}/resume", headers={"Idempotency-Key": "k1"})
    assert theirs.status_code == 200


def test_a_method_that_is_not_there_is_told_so_whatever_its_key_was_used_for(quick: Program) -> None:
    link = f"{quick.one('scheduled')}/link"
    assert quick.write(link, "k1").status_code == 200
    headers = {"Idempotency-Key": "k1"}
    assert quick.http.delete(link, headers=headers).status_code == 405
    assert quick.http.post(f"{link}/nowhere", headers=headers).status_code == 404


def test_a_request_that_changed_nothing_leaves_its_key_free(quick: Program) -> None:
    path = quick.one("scheduled")
    problem(quick.write(f"{path}/pause", "k1", json={"why": "no date"}), 422)
    body = {"until": "2027-03-25T08:00:00Z", "why": "On holiday"}
    assert quick.write(f"{path}/pause", "k1", json=body).status_code == 200


def test_a_key_is_forgotten_after_a_day(quick: Program) -> None:
    path = f"{quick.one('waiting')}/link"
    first = quick.write(path, "k1").json()
    quick.wall.advance_to(MORNING + timedelta(hours=25))
    assert quick.write(path, "k1").json() != first


def test_while_the_first_is_under_way_the_second_waits_and_takes_over_only_when_it_has_died(
    program: Program,
) -> None:
    house, actor = program.house, f"token nightly ({program.token_id})"
    with house.store.write() as connection:
        assert answers.claim(connection, actor, "k1", "the request", MORNING) is None
        running = answers.claim(connection, actor, "k1", "the request", MORNING)
        assert running is not None
        assert running.status is None
    problem(program.write(f"{program.one('waiting')}/link", "k1"), 422)  # another request
    with house.store.write() as connection:
        late = MORNING + timedelta(minutes=3)
        assert answers.claim(connection, actor, "k1", "the request", late) is None


def test_of_ten_at_once_one_is_carried_out(program: Program) -> None:
    path, before = f"{program.one('waiting')}/link", program.links()
    found: list[int] = []

    def send() -> None:
        found.append(program.write(path, "k1").status_code)

    at_once = [threading.Thread(target=send) for _ in range(10)]
    for one in at_once:
        one.start()
    for one in at_once:
        one.join()
    assert set(found) <= {200, 409}
    assert 200 in found
    assert program.links() == before + 1


@pytest.mark.parametrize("key", ["", "x" * 256, "k\u00e9y".encode().decode("latin-1"), "a\tb"])
def test_a_key_that_is_none_is_a_problem(quick: Program, key: str) -> None:
    answer = quick.http.post(
        f"{quick.one('waiting')}/link",
        headers={"Idempotency-Key": key.encode("latin-1")},  # type: ignore[dict-item]
    )
    assert "printable ASCII" in problem(answer, 400)


def test_a_body_that_is_too_large_is_a_problem_with_a_key_and_without(quick: Program) -> None:
    path = f"{quick.one('scheduled')}/pause"
    body = json.dumps({"why": "x" * 70_000})
    problem(quick.http.post(path, content=body, headers={"content-type": "application/json"}), 413)
    problem(quick.write(path, "k1", content=body), 413)


def test_the_description_says_what_each_operation_asks_and_answers(quick: Program) -> None:
    document = quick.http.get("/api/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    retry = document["paths"][f"{ROOT}/{{recovery_id}}/retry"]["post"]
    assert retry["security"] == [{"bearer": ["act"]}]
    assert "Idempotency-Key" in [one["name"] for one in retry["parameters"]]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["security"], path
            wanted = {"401", "403", *({"400", "413", "409", "422"} if method == "post" else ())}
            assert wanted <= set(operation["responses"]), path
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"], path


def test_an_admins_program_reads_the_audit_log_page_by_page(program: Program) -> None:
    _, secret = tokens.create(program.house, name="auditor", scopes=["admin"], by="test")
    path = program.one("scheduled")
    program.http.post(f"{path}/stop")
    auditor, seen = client(program.house, secret), []
    cursor: int | None = 2**31 - 1
    while cursor is not None:
        page = auditor.get("/api/v1/audit", params={"limit": 2, "cursor": cursor}).json()
        seen += page["data"]
        cursor = page["next_cursor"]
    assert [one["seq"] for one in seen] == list(range(len(seen), 0, -1))
    assert seen[0]["after"]["status"] == "stopped"
    assert seen[0]["prev_hash"] == seen[1]["hash"]
    found = auditor.get("/api/v1/audit", params={"q": "token.create auditor"}).json()["data"]
    assert [one["action"] for one in found] == ["token.create"]
    assert problem(program.http.get("/api/v1/audit"), 403)
