"""Personal data on the page and in the API: who is told what, what is typed, and what is refused."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from browser.house import BASE, front_of, furnish
from signed_in import COOKIE, open_session
from sqlalchemy import select
from starlette.testclient import TestClient

from dunning.core.people import Right, Role
from dunning.core.vocabulary import OPEN
from dunning.flows import erasing, tokens
from dunning.flows.house import House
from dunning.store import audit, tables
from dunning.web.personal_data import HOME

API = "/api/v1"
WHY = "Their mail of 3 May"


@dataclass
class Desk:
    """A house as an admin sees it, somebody who owes nothing more, and somebody who still owes."""

    house: House
    page: TestClient
    api: TestClient
    settled: str
    owing: str

    def newest(self) -> tuple[str, str]:
        with self.house.store.read() as connection:
            entry = audit.page(connection, limit=1)[0]
        return entry["action"], entry["object"]


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    house, _ = furnish(sqlite_url, recoveries=60)
    column = tables.recoveries.c
    open_ones = select(column.customer_id).where(column.status.in_(OPEN))
    with house.store.read() as connection:
        owing = connection.execute(open_ones.order_by(column.id).limit(1)).scalar_one()
        rest = select(column.customer_id).where(column.customer_id.not_in(open_ones)).order_by(column.id)
        settled = connection.execute(rest.limit(1)).scalar_one()
    site = front_of(house)
    _, secret = tokens.create(house, name="admin", scopes=[Right.ADMIN], by="ada")
    page = TestClient(site, base_url=BASE, headers={"sec-fetch-site": "same-origin"}, follow_redirects=False)
    page.cookies.set(COOKIE, open_session(house, Role.ADMIN))
    api = TestClient(site, base_url=BASE, headers={"authorization": f"Bearer {secret}"})
    yield Desk(house, page, api, settled, owing)
    house.store.engine.dispose()


def said(page: TestClient, answer: Any) -> str:
    assert (answer.status_code, answer.headers["location"]) == (303, HOME)
    return str(page.get(HOME).text)


def test_the_page_says_how_long_what_is_kept_and_by_which_setting(desk: Desk) -> None:
    page = desk.page.get(HOME).text
    assert "DUNNING_KEEP_PAYLOADS_DAYS" in page
    assert "Nothing was taken away yet" in page
    assert "for good" in page


def test_a_copy_is_a_zip_of_one_persons_rows_and_is_entered(desk: Desk) -> None:
    answer = desk.page.post(f"{HOME}/export", data={"who": desk.settled})
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"] == f'attachment; filename="{desk.settled}.zip"'
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    told = json.loads(archive.read(f"{desk.settled}.json"))
    assert {row["customer_id"] for row in told["tables"]["recoveries"]} == {desk.settled}
    assert desk.newest() == ("person.export", desk.settled)
    again = desk.api.get(f"{API}/customers/{desk.settled}/personal-data").json()["tables"]
    assert len(again.pop("audit_log")) == len(told["tables"].pop("audit_log", [])) + 1
    assert again == told["tables"]
    assert "Nothing is held" in said(desk.page, desk.page.post(f"{HOME}/export", data={"who": "nobody"}))


def test_who_still_owes_is_shown_with_what_must_be_settled(desk: Desk) -> None:
    page = desk.page.post(f"{HOME}/look", data={"who": desk.owing}).text
    assert "They still owe" in page
    assert "Erase this person" not in page
    form = {"who": desk.owing, "why": WHY, "typed": desk.owing}
    assert "still owes" in said(desk.page, desk.page.post(f"{HOME}/erase", data=form))
    answer = desk.api.post(f"{API}/customers/{desk.owing}/erasure", json={"why": WHY})
    assert answer.status_code == 409
    assert erasing.every(desk.house) == []


def test_a_person_is_erased_only_when_their_id_was_typed(desk: Desk) -> None:
    look = desk.page.post(f"{HOME}/look", data={"who": desk.settled}).text
    assert f"Type {desk.settled} to go on" in look
    form = {"who": desk.settled, "why": WHY, "typed": "cus_another"}
    assert "nothing was erased" in said(desk.page, desk.page.post(f"{HOME}/erase", data=form))
    assert erasing.every(desk.house) == []
    form["typed"] = desk.settled
    page = said(desk.page, desk.page.post(f"{HOME}/erase", data=form))
    assert "will be erased within minutes" in page
    assert desk.newest() == ("person.erase", desk.settled)
    assert [one["customer_id"] for one in desk.api.get(f"{API}/erasures").json()["data"]] == [desk.settled]
    again = desk.api.post(f"{API}/customers/{desk.settled}/erasure", json={"why": WHY})
    assert again.status_code == 409


def test_a_program_asks_once_and_is_told_what_nobody_knows(desk: Desk) -> None:
    path = f"{API}/customers/{desk.settled}/erasure"
    keyed = {"idempotency-key": "era-1"}
    first = desk.api.post(path, json={"why": WHY}, headers=keyed)
    assert first.status_code == 202
    assert first.json()["finished_at"] is None
    second = desk.api.post(path, json={"why": WHY}, headers=keyed)
    assert (second.status_code, second.json()) == (202, first.json())
    assert desk.api.get(f"{API}/customers/cus_nobody/personal-data").status_code == 404
    assert desk.api.post(f"{API}/customers/cus_nobody/erasure", json={"why": WHY}).status_code == 404
    assert desk.api.post(path, json={}).status_code == 422
