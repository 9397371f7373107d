"""What an admin, finance and staff do to the house by API: each as by page, entered, and refused alike."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from browser.house import BASE, front_of, furnish
from browser.seed import NOW
from signed_in import open_session
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from dunning.core.people import Right
from dunning.core.vocabulary import OPEN, TaskKind, TaskState
from dunning.flows import campaigns, tokens
from dunning.flows.house import House
from dunning.store import audit, tables

API = "/api/v1"


@dataclass
class Programs:
    """Programs with a token each, by what it may do."""

    house: House
    by: dict[Right, TestClient]

    def post(self, right: Right, path: str, body: Any = None, **headers: str) -> Any:
        return self.by[right].post(f"{API}{path}", json=body, headers=headers)

    def get(self, path: str) -> Any:
        answer = self.by[Right.READ].get(f"{API}{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def newest(self) -> str:
        with self.house.store.read() as connection:
            return str(audit.page(connection, limit=1)[0]["action"])

    def recovery(self) -> tuple[str, str]:
        column = tables.recoveries.c
        query = select(column.id, column.campaign_key).where(column.status.in_(OPEN)).order_by(column.id)
        with self.house.store.read() as connection:
            row = connection.execute(query.limit(1)).one()
        return row.id, row.campaign_key


@pytest.fixture
def programs(sqlite_url: str) -> Iterator[Programs]:
    house, _ = furnish(sqlite_url, recoveries=12)
    open_session(house)
    by = {}
    for right in Right:
        _, secret = tokens.create(house, name=right, scopes=[right], by="ada")
        by[right] = TestClient(front_of(house), client=("203.0.113.9", 1), base_url=BASE)
        by[right].headers["Authorization"] = f"Bearer {secret}"
    yield Programs(house, by)
    house.store.engine.dispose()


def test_the_kill_switch_is_thrown_and_released_with_its_reason_in_view(programs: Programs) -> None:
    assert programs.post(Right.READ, "/switches/pause", {"reason": "x"}).status_code == 403
    assert programs.post(Right.ACT, "/switches/pause", {"reason": " "}).status_code == 422
    answer = programs.post(Right.ACT, "/switches/pause", {"reason": "A wrong price"})
    assert answer.json()["paused"] == "A wrong price"
    assert programs.newest() == "switch.pause"
    assert programs.get("/switches")["paused"] == "A wrong price"
    assert programs.post(Right.ACT, "/switches/resume", {}).json()["paused"] is None
    nowhere = {"reason": "x", "segment": "nowhere"}
    assert "nowhere" in programs.post(Right.ACT, "/switches/pause", nowhere).json()["detail"]


def test_the_mode_is_an_admins_to_change(programs: Programs) -> None:
    change = {"retries": "own", "messages": False}
    assert programs.post(Right.ACT, "/switches", change).status_code == 403
    told = programs.post(Right.ADMIN, "/switches", change).json()
    assert (told["retries"], told["messages"]) == ("own", False)
    assert programs.newest() == "switch.mode"
    both = {"notices": True, "segment": "big"}
    assert "leave `segment` out" in programs.post(Right.ADMIN, "/switches", both).json()["detail"]


def test_a_month_is_closed_by_finance_and_opened_again_by_an_admin(programs: Programs) -> None:
    assert programs.post(Right.ACT, "/months/2027-02/close").status_code == 403
    closed = programs.post(Right.FINANCE, "/months/2027-02/close")
    assert closed.json()["month"] == "2027-02"
    again = programs.post(Right.FINANCE, "/months/2027-02/close")
    assert (again.status_code, "closed already" in again.json()["detail"]) == (409, True)
    frozen = programs.by[Right.FINANCE].get(f"{API}/months/2027-02")
    assert frozen.json()["month"] == "2027-02"
    assert [one["digest"] for one in programs.get("/months")["data"]] == [closed.json()["digest"]]
    assert programs.by[Right.FINANCE].get(f"{API}/months/2027-01").status_code == 404
    for never in ("0000-01", "9999-12", "1999-12"):
        refused = programs.post(Right.FINANCE, f"/months/{never}/close")
        assert (refused.status_code, "is no month" in refused.json()["detail"]) == (409, True)
    why = {"why": "A late refund"}
    assert programs.post(Right.FINANCE, "/months/2027-02/reopen", why).status_code == 403
    assert programs.post(Right.ADMIN, "/months/2027-02/reopen", why).json()["data"] == []
    assert programs.newest() == "month.reopen"


def test_people_are_added_changed_and_shut_out_and_one_admin_stays(programs: Programs) -> None:
    new = {"email": "Bo@juniper.example", "name": "Bo", "role": "staff"}
    made = programs.post(Right.ADMIN, "/people", new)
    assert made.status_code == 201
    assert "/join/" in made.json()["link"]
    assert programs.post(Right.ADMIN, "/people", new).status_code == 422
    path = "/people/bo@juniper.example"
    changed = programs.post(Right.ADMIN, path, {"role": "finance", "disabled": True}).json()
    assert (changed["role"], changed["disabled"]) == ("finance", True)
    assert programs.newest() == "user.disable"
    assert programs.post(Right.ADMIN, f"{path}/link").status_code == 409
    assert programs.post(Right.ADMIN, path, {"disabled": False}).json()["disabled"] is False
    assert "/join/" in programs.post(Right.ADMIN, f"{path}/link").json()["link"]
    assert programs.post(Right.ADMIN, "/people/nobody@juniper.example", {}).status_code == 404
    everybody = programs.by[Right.ADMIN].get(f"{API}/people").json()["data"]
    admin = next(one["email"] for one in everybody if one["role"] == "admin")
    assert programs.post(Right.ADMIN, f"/people/{admin}", {"role": "viewer"}).status_code == 409


def test_a_tokens_secret_is_in_one_answer_and_nowhere_else(programs: Programs) -> None:
    body = {"name": "export", "scopes": ["read"], "days": 30}
    made = programs.post(Right.ADMIN, "/tokens", body, **{"Idempotency-Key": "t1"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    again = programs.post(Right.ADMIN, "/tokens", body, **{"Idempotency-Key": "t1"})
    assert again.status_code == 409
    assert "shown once" in again.json()["detail"]
    with programs.house.store.read() as connection:
        kept = connection.execute(select(tables.api_answers.c.body)).scalars().all()
    assert kept
    assert not [body for body in kept if made.json()["secret"].encode() in body]
    programs.post(Right.ADMIN, f"/tokens/{made.json()['id']}/revoke")
    assert programs.newest() == "token.revoke"
    listed = programs.by[Right.ADMIN].get(f"{API}/tokens").json()["data"]
    [one] = [token for token in listed if token["id"] == made.json()["id"]]
    assert one["revoked_at"] is not None
    assert programs.post(Right.ADMIN, "/tokens/tok_nobody/revoke").status_code == 404


def test_views_are_saved_for_everybody_and_forgotten(programs: Programs) -> None:
    saved = programs.post(Right.ACT, "/views", {"name": "Euro", "query": "tab=open&currency=eur"}).json()
    assert programs.newest() == "view.save"
    [view] = saved["data"]
    assert programs.get("/views")["data"] == [view]
    assert programs.post(Right.ACT, f"/views/{view['id']}/remove").json()["data"] == []
    assert programs.newest() == "view.remove"


def test_a_task_is_listed_and_closed_once(programs: Programs) -> None:
    recovery_id, _ = programs.recovery()
    task = {"id": "task_1", "account_id": "self", "livemode": False, "recovery_id": recovery_id}
    with programs.house.store.write() as connection:
        message = connection.execute(select(tables.messages.c.id).limit(1)).scalar_one()
        task |= {"message_id": message, "kind": TaskKind.CALL, "what": "Ring.", "state": TaskState.OPEN}
        connection.execute(insert(tables.staff_tasks).values(**task, due_at=NOW))
    assert [one["id"] for one in programs.get("/tasks")["data"]] == ["task_1"]
    done = programs.post(Right.ACT, "/tasks/task_1/done", {"note": "They will pay"})
    assert (done.json()["task"]["state"], done.json()["task"]["note"]) == ("done", "They will pay")
    assert programs.newest() == "task.finish"
    assert programs.post(Right.ACT, "/tasks/task_1/done", {}).status_code == 409
    assert programs.post(Right.ACT, "/tasks/nothing/done", {}).status_code == 404


def test_a_recovery_is_moved_to_a_campaign_that_exists(programs: Programs) -> None:
    recovery_id, key = programs.recovery()
    path = f"/recoveries/{recovery_id}/move"
    same = programs.post(Right.ACT, path, {"campaign": key})
    assert same.status_code == 409
    made = campaigns.publish_ready_made(programs.house, by="ada")
    other = next(one.campaign.key for one in made if one.campaign.key != key)
    moved = programs.post(Right.ACT, path, {"campaign": other})
    assert moved.status_code == 200, moved.text
    assert f"to {other} version 1" in moved.json()["sentence"]
    assert programs.newest() == "recovery.move_campaign"
    nowhere = programs.post(Right.ACT, path, {"campaign": "nowhere"})
    assert "no campaign nowhere" in nowhere.json()["detail"]
    assert programs.post(Right.ACT, "/recoveries/rec_nobody/move", {"campaign": key}).status_code == 404
