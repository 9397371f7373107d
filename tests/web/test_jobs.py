"""What an operator watches: metrics, probes, and the jobs' page."""

import html
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from browser.seed import NOW
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from dunning.core.people import Role
from dunning.flows.house import House
from dunning.store import audit, switches, tables
from dunning.web.metrics import Counted


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made, _ = furnish(database_url, recoveries=12)
    yield made
    made.store.engine.dispose()


def client(house: House, role: Role = Role.ADMIN) -> TestClient:
    return TestClient(site_of(house, role=role), client=LOCAL, base_url=BASE)


def keep_event(house: House, name: str = "evt_1", **more: Any) -> None:
    row = {"account_id": "self", "livemode": False, "id": name, "type": "x", "payload": b"{}"}
    row |= {"received_at": NOW, "ring_at": NOW, **more}
    with house.store.write() as connection:
        connection.execute(insert(tables.events).values(**row))


def figure(http: TestClient, name: str) -> float:
    found = re.search(rf"^{re.escape(name)} (\S+)$", http.get("/metrics").text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def test_work_that_no_worker_hears_shows_within_a_minute(house: House) -> None:
    http = client(house)
    assert figure(http, 'dunning_oldest_due_seconds{kind="event"}') == 0
    rung = {"received_at": NOW - timedelta(seconds=61), "ring_at": NOW + timedelta(seconds=39)}
    keep_event(house, **rung)  # the clock rang; nobody came
    assert figure(http, 'dunning_oldest_due_seconds{kind="event"}') == 61
    assert figure(http, "dunning_oldest_unhandled_event_seconds") == 61
    assert figure(http, 'dunning_taken_rows{kind="event"}') == 1
    assert http.get("/healthz/recovery").status_code == 200


def test_the_probe_says_what_is_stuck_and_not_what_is_held_on_purpose(house: House) -> None:
    http, table = client(house), tables.recoveries
    with house.store.write() as connection:
        one = connection.execute(
            select(table.c.id).where(table.c.status == "scheduled").limit(1)
        ).scalar_one()
        past = {"next_attempt_at": NOW - timedelta(minutes=6), "ring_at": NOW + timedelta(seconds=30)}
        connection.execute(update(table).where(table.c.id == one).values(**past))
    answer = http.get("/healthz/recovery")
    assert answer.status_code == 503
    assert answer.json()["why"].startswith("Work of the kind recovery is due since 6 minutes")
    with house.store.write() as connection:
        switches.put(connection, "paused", "a wrong price", at=NOW, by="test")
    assert http.get("/healthz/recovery").json() == {"recovering": True, "why": None}


def test_the_figures_that_an_operator_pages_on_are_there(house: House) -> None:
    keep_event(house, received_at=NOW - timedelta(hours=2), state="handled", ring_at=None)
    http = client(house)
    assert figure(http, "dunning_last_event_seconds") == 7200
    assert figure(http, 'dunning_attempts_unfinished{state="unknown"}') == 0
    assert figure(http, 'dunning_attempts{state="declined"}') > 0
    assert figure(http, 'dunning_invariant_violations{law="one open recovery per invoice"}') == 0
    text = http.get("/metrics").text
    for name in ("dunning_messages{", "dunning_due_rows{", "dunning_dead_rows{", "dunning_missed{"):
        assert name in text


def test_totals_are_counted_behind_a_scrape_and_not_at_each(house: House) -> None:
    counted = Counted(house, every_s=3600)
    before = counted.totals()
    assert counted.totals() is before
    eager = Counted(house, every_s=0)
    first, until = eager.totals(), time.monotonic() + 10
    assert eager.totals() is first
    while eager._found is first and time.monotonic() < until:
        time.sleep(0.01)
    with eager._counting:  # until the thread has let go of the database
        assert eager._found is not first


def test_what_was_set_aside_is_tried_again_by_an_admin_and_the_log_says_so(house: House) -> None:
    parked = {"state": "parked", "handled_at": NOW, "ring_at": None, "note": "KeyError('lines')", "tries": 10}
    keep_event(house, "evt_odd", **parked)
    http = client(house)
    page = html.unescape(http.get("/settings/jobs").text)
    assert "KeyError('lines')" in page
    assert 'value="event">Try all of these again' in page
    assert client(house, Role.STAFF).post("/settings/jobs", data={"kind": "event"}).status_code == 403
    assert "1 will be tried again." in http.post("/settings/jobs", data={"kind": "event"}).text
    assert "Nothing was set aside." in http.post("/settings/jobs", data={"kind": "event"}).text
    assert http.post("/settings/jobs", data={"kind": "recovery"}).status_code == 400
    with house.store.read() as connection:
        row = (
            connection.execute(select(tables.events).where(tables.events.c.id == "evt_odd")).mappings().one()
        )
        (entry,) = audit.page(connection, q="jobs.redrive")
    assert (row["state"], row["ring_at"], row["handled_at"]) == ("new", NOW, None)
    assert (entry["object"], entry["after"]) == ("event", '{"rows":1}')
