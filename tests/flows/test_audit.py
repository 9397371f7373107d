"""The audit log: who changed what, in a chain that shows when somebody has tampered with it."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.house import furnish
from browser.seed import NOW
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from dunning.core.policy import Policy, PolicyVersion
from dunning.core.vocabulary import Experiment, Retries
from dunning.flows import card_rules, experiments, policies, staff, switches
from dunning.flows.house import House
from dunning.store import audit, tables

SEGMENT = '[[segment]]\nname = "big"\n[segment.when]\ncurrency = "eur"'
BY = "ana@juniper.example"
TRIGGERS = {
    "sqlite": ("DROP TRIGGER audit_log_refuses_update", "DROP TRIGGER audit_log_refuses_delete"),
    "postgresql": ("DROP TRIGGER audit_log_only_grows ON audit_log",),
}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    found, _ = furnish(database_url, recoveries=12)
    yield found
    found.store.engine.dispose()


def one(house: House, status: str) -> str:
    column = tables.recoveries.c
    with house.store.read() as connection:
        query = select(column.id).where(column.status == status).limit(1)
        return str(connection.execute(query).scalar_one())


def entries(house: House, q: str = "") -> list[Any]:
    """Entries, oldest first, with what was and what is as facts."""
    with house.store.read() as connection:
        rows = audit.page(connection, q=q, limit=1000)
    facts = {"before": json.loads, "after": json.loads}
    return [{k: facts[k](v) if k in facts and v else v for k, v in row.items()} for row in reversed(rows)]


def whole(house: House) -> str | None:
    with house.store.read() as connection:
        return audit.broken(connection)


def fill(house: House) -> None:
    for reason in ("first", "second", "third"):
        switches.pause_all(house, reason, by=BY)
    assert whole(house) is None


def test_what_a_person_does_to_a_recovery_is_kept_with_before_and_after(house: House) -> None:
    recovery_id = one(house, "scheduled")
    until = NOW + timedelta(days=3)
    staff.pause(house, recovery_id, until=until, why="On holiday", by=BY)
    staff.link(house, recovery_id, by=BY)
    staff.stop(house, recovery_id, by="token nightly (tok_1)")
    assert not staff.stop(house, recovery_id, by=BY).done  # what changes nothing is no entry
    paused, link, stopped = entries(house)
    assert (paused["actor"], paused["action"], paused["object"]) == (BY, "recovery.pause", recovery_id)
    assert (paused["before"]["status"], paused["after"]["status"]) == ("scheduled", "paused")
    assert paused["after"]["pause_reason"] == "given"
    assert link["after"]["link"].startswith("lnk_")
    assert (stopped["actor"], stopped["after"]["status"]) == ("token nightly (tok_1)", "stopped")
    assert whole(house) is None


def test_every_rule_and_switch_that_is_changed_is_kept(house: House) -> None:
    switches.set_mode(house, by=BY, retries=Retries.WEAVE, messages=False)
    switches.publish_segments(house, SEGMENT, by=BY)
    switches.pause_all(house, "A wrong price", by=BY, segment="big")
    experiments.set_shares(house, {Experiment.RETRIES: 0}, by=BY)
    card_rules.set_row(house, "do_not_honor", {"class": "hard"}, by=BY)
    policies.publish(house, PolicyVersion(default=Policy(attempts_per_invoice=5)), by=BY)
    found = {row["action"]: row for row in entries(house)}
    assert found["switch.mode"]["before"] == {"messages": True, "retries": "own"}
    assert found["switch.mode"]["after"] == {"messages": False, "retries": "weave"}
    assert found["segments.publish"]["after"]["big"]["paused"] == "A wrong price"
    assert found["holdout.set"]["object"] == "holdout"
    assert found["card_rules.publish"]["after"]["declines"]["do_not_honor"]["class"] == "hard"
    assert found["policy.publish"]["before"] == {"attempts_per_invoice": 8}
    assert found["policy.publish"]["after"] == {"attempts_per_invoice": 5}
    assert {row["actor"] for row in found.values()} == {BY}


def test_a_change_that_is_undone_leaves_no_entry(house: House) -> None:
    class Gone(Exception):
        pass

    def change_and_die() -> None:
        with house.store.write() as connection:
            audit.append(connection, at=NOW, by=BY, action="switch.pause", about="overall")
            raise Gone

    with pytest.raises(Gone):
        change_and_die()
    assert entries(house) == []
    assert whole(house) is None


def test_changes_at_the_same_time_stand_in_one_line(house: House) -> None:
    def throw(number: int) -> None:
        for turn in range(5):
            switches.pause_all(house, f"{number}.{turn}", by=BY)

    people = [threading.Thread(target=throw, args=(number,)) for number in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    assert [row["seq"] for row in entries(house)] == list(range(1, 21))
    assert whole(house) is None


@pytest.mark.parametrize(
    "statement", [update(tables.audit_log).values(actor="nobody"), delete(tables.audit_log)]
)
def test_the_database_itself_refuses_to_change_the_log(house: House, statement: Any) -> None:
    fill(house)
    with pytest.raises(DBAPIError, match="only grows"), house.store.write() as connection:
        connection.execute(statement)


log = tables.audit_log


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        (update(log).where(log.c.seq == 2).values(actor="bo@juniper.example"), "Entry 2 was changed"),
        (update(log).where(log.c.seq == 2).values(after='{"paused":"x"}'), "Entry 2 was changed"),
        (delete(log).where(log.c.seq == 2), "Entry 2 is missing"),
        (delete(log).where(log.c.seq == 3), "ends with entry 2, and should end with entry 3"),
        (delete(log), "ends with entry 0, and should end with entry 3"),
    ],
)
def test_tampering_past_the_trigger_is_found(house: House, statement: Any, says: str) -> None:
    fill(house)
    with house.store.write() as connection:
        for trigger in TRIGGERS[connection.dialect.name]:
            connection.execute(text(trigger))
        connection.execute(statement)
    assert says in (whole(house) or "")


def test_a_search_finds_every_word_anywhere_and_takes_no_wildcards(house: House) -> None:
    switches.pause_all(house, "A wrong Price", by=BY)
    switches.resume_all(house, by="bo@juniper.example")

    def found(q: str) -> list[int]:
        return [row["seq"] for row in entries(house, q)]

    assert found("price ANA") == [1]
    assert found("switch.resume") == [2]
    assert found("%") == []
