"""The API that answers when to retry, for merchants who charge by themselves."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from browser.seed import NOW
from sqlalchemy import func, select
from starlette.testclient import TestClient

from dunning.core.people import Role
from dunning.flows import card_rules
from dunning.flows.house import House
from dunning.store import tables

FAILED = NOW - timedelta(hours=2)


def attempt(at: datetime = FAILED, code: str = "insufficient_funds", **more: Any) -> dict[str, Any]:
    return {"at": at.isoformat(), "decline_code": code, **more}


@pytest.fixture(scope="module")
def house(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = shutil.copyfile(sqlite_template, tmp_path_factory.mktemp("schedule") / "dunning.db")
    made, _ = furnish(f"sqlite:///{path}", recoveries=0)
    yield made
    made.store.engine.dispose()


def ask(house: House, *attempts: dict[str, Any], status: int = 200, **more: Any) -> dict[str, Any]:
    client = TestClient(site_of(house, role=Role.VIEWER), client=LOCAL, base_url=BASE)
    body = {"id": "pay_1", "amount": 2900, "currency": "usd", "attempts": list(attempts), **more}
    answer = client.post("/api/v1/schedule", json=body, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == status, answer.text
    return dict(answer.json())


def test_it_says_when_to_retry_and_why_and_keeps_nothing(house: House) -> None:
    found = ask(house, attempt(), brand="visa", country="US")
    at = datetime.fromisoformat(found["at"])
    assert NOW <= at < datetime.fromisoformat(found["deadline"]) == FAILED + timedelta(days=14)
    assert (found["never"], found["attempts_left"]) == (None, 8)
    assert 0 < found["probability"] < 1
    assert "local" in found["reason"] or "their time" in found["reason"]
    assert found["alternatives"]
    assert found == ask(house, attempt(), brand="visa", country="US")
    with house.store.read() as connection:
        for table in (tables.recoveries, tables.plans, tables.attempts, tables.withheld):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


@pytest.mark.parametrize(
    ("never", "last", "more"),
    [
        ("stop_code", attempt(code="stolen_card"), {}),
        ("needs_customer", attempt(code="incorrect_number"), {}),
        ("paid", attempt(paid=True), {}),
        ("attempts_left", attempt(), {"attempts_left": 0}),
        ("deadline", attempt(), {"deadline": (NOW - timedelta(minutes=1)).isoformat()}),
        ("too_late", attempt(), {"deadline": (NOW + timedelta(hours=3)).isoformat()}),
    ],
)
def test_if_never_it_says_which_rule_and_a_sentence(
    house: House, never: str, last: dict[str, Any], more: dict[str, Any]
) -> None:
    found = ask(house, last, **more)
    assert (found["at"], found["never"], found["alternatives"]) == (None, never, [])
    assert found["reason"].endswith(".")


def test_the_merchants_card_rules_and_the_networks_budget_hold(sqlite_url: str) -> None:
    house, _ = furnish(sqlite_url, recoveries=0)
    assert ask(house, attempt(code="do_not_honor"))["never"] is None
    document = {"declines": {"do_not_honor": {"class": "hard"}}, "budgets": {"visa": ["1 in 5d"]}}
    assert not card_rules.publish(house, document, by="test").mistakes
    assert ask(house, attempt(code="do_not_honor"))["never"] == "stop_code"
    found = ask(house, attempt(), brand="visa")
    assert datetime.fromisoformat(found["at"]) >= FAILED + timedelta(days=5)
    house.store.engine.dispose()


def test_a_time_that_is_forbidden_is_never_chosen(house: House) -> None:
    until = NOW + timedelta(days=6)
    span = {"from": NOW.isoformat(), "to": until.isoformat()}
    assert datetime.fromisoformat(ask(house, attempt(), vetoes=[span])["at"]) >= until
    assert datetime.fromisoformat(ask(house, attempt(), not_before=until.isoformat())["at"]) >= until


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"currency": "USD"}, "currency"),
        ({"amount": "2900"}, "amount"),
        ({"attempts": []}, "attempts"),
        ({"attempts": [attempt(NOW + timedelta(days=1))]}, "an attempt lies in the future."),
        ({"attempts": [attempt(NOW), attempt()]}, "the attempts of case 'pay_1' are not oldest first."),
        ({"attempts": [{"at": "2027-03-18T08:00:00"}]}, "attempts.0.at"),
        ({"deadline": (NOW + timedelta(days=400)).isoformat()}, "within 92 days"),
        ({"card_number": "4242"}, "card_number"),
        ({"vetoes": [{"from": NOW.isoformat(), "to": 0}]}, "write an instant with its zone"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(
    house: House, wrong: dict[str, Any], says: str
) -> None:
    wrong = dict(wrong)
    attempts = wrong.pop("attempts", [attempt()])
    assert says in ask(house, *attempts, status=422, **wrong)["detail"]
