"""The laws are looked at by a chore; what it found is kept and shown, and a slow look rests."""

import html
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from browser.house import BASE, LOCAL, furnish, site_of
from browser.seed import NOW
from sqlalchemy import text
from starlette.testclient import TestClient

from dunning.core.clock import VirtualClock
from dunning.flows import checking, safety, work
from dunning.flows.house import House
from dunning.store import checked, invariants
from dunning.store.law import PROMISES
from dunning.store.laws_of_work import PUNCTUAL
from workers.clock import CHORES

LAW = "no event is left behind"


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made, _ = furnish(database_url, recoveries=12)
    with made.store.write() as connection:  # as the flows do before they charge
        connection.execute(text("UPDATE recoveries SET taken_over = true WHERE retries = 'own'"))
    yield made
    made.store.engine.dispose()


def leave_an_event_behind(house: House) -> None:
    row = "'self', false, 'evt_1', 'x', :body, :at, 'new', 0, 0"
    columns = "account_id, livemode, id, type, payload, received_at, state, tries, fence"
    late = NOW - timedelta(hours=1)
    at = str(late.replace(tzinfo=None)) if house.store.engine.dialect.name == "sqlite" else late
    with house.store.write() as connection:
        sentence = text(f"INSERT INTO events ({columns}) VALUES ({row})")
        connection.execute(sentence, {"body": b"{}", "at": at})


def look(house: House) -> checked.Checked:
    work.work_chore(house, "laws")
    with house.store.read() as connection:
        found = checked.last(connection)
    assert found is not None
    return found


def test_a_look_is_kept_and_says_since_when_a_law_is_broken(house: House) -> None:
    first = look(house)
    assert (first.at, first.broken, set(first.counts)) == (NOW, {}, {law.name for law in invariants.LAWS})
    leave_an_event_behind(house)
    later = replace(house, clock=VirtualClock(NOW + timedelta(minutes=5)))
    assert look(later).broken == {LAW: 1}
    last = look(replace(house, clock=VirtualClock(NOW + timedelta(minutes=10))))
    assert last.since == {LAW: NOW + timedelta(minutes=5)}
    with house.store.read() as connection:
        assert any(LAW in alarm for alarm in safety.alarms(connection, NOW))


def test_a_look_that_took_long_rests_for_twenty_times_as_long(house: House) -> None:
    with house.store.write() as connection:
        checked.keep(connection, {LAW: 3}, at=NOW - timedelta(seconds=390), took_s=20)
    assert checking.look(house) == 1
    assert look(replace(house, clock=VirtualClock(NOW + timedelta(seconds=11)))).broken == {}


def test_settings_and_metrics_show_what_the_chore_has_found(house: House) -> None:
    http = TestClient(site_of(house), client=LOCAL, base_url=BASE)
    assert "Not looked at yet" in http.get("/settings").text
    look(house)
    page = html.unescape(http.get("/settings").text)
    assert f"All {len(invariants.LAWS)} laws hold." in page
    assert all(law.says in page for law in invariants.LAWS)
    with house.store.write() as connection:
        checked.keep(connection, {LAW: 7}, at=NOW - timedelta(minutes=4), took_s=0.1)
    assert f"<strong>{LAW}</strong>: 7" in http.get("/settings").text
    figures = http.get("/metrics").text
    assert f'dunning_invariant_violations{{law="{LAW}"}} 7.0' in figures
    assert "dunning_invariants_age_seconds 240.0" in figures


def test_a_look_too_old_is_not_shown_as_the_state_of_things(house: House) -> None:
    with house.store.write() as connection:
        checked.keep(connection, {LAW: 7}, at=NOW - timedelta(minutes=16), took_s=0.1)
    figures = TestClient(site_of(house), client=LOCAL, base_url=BASE).get("/metrics").text
    assert f'dunning_invariant_violations{{law="{LAW}"}} 0.0' in figures


def test_the_clock_has_the_laws_looked_at_every_five_minutes() -> None:
    assert CHORES["laws"] == timedelta(minutes=5)


def test_every_law_has_a_name_of_its_own_and_guards_a_promise() -> None:
    names = [law.name for law in invariants.LAWS]
    assert len(set(names)) == len(names)
    assert all(set(law.holds) <= set(PROMISES) and law.holds for law in invariants.LAWS)
    assert all(law.late_after for law in PUNCTUAL)
    guarded = {one for law in invariants.LAWS for one in law.holds}
    elsewhere = {name for name, said in PROMISES.items() if ". " in said or "`tests/" in said}
    assert set(PROMISES) == guarded | elsewhere


@pytest.mark.parametrize("name", sorted(invariants.GUARDED | {"ledger_entries"}))
def test_a_guard_that_the_database_lost_is_told(house: House, name: str, monkeypatch: Any) -> None:
    sqlite = house.store.engine.dialect.name == "sqlite"
    trigger = "ledger_refuses_update" if sqlite else "ledger_only_grows ON ledger_entries"
    lose = [f"DROP INDEX {name}"] if name in invariants.GUARDED else [f"DROP TRIGGER {trigger}"]
    if sqlite and name == "ledger_entries":
        lose.append("DROP TRIGGER ledger_refuses_delete")
    with house.store.write() as connection:
        for sentence in lose:
            connection.execute(text(sentence))
    assert look(house).broken == {invariants.GUARDS: 1}
