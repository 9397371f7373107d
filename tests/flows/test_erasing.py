"""Erasing a person: nothing of them is left, the books are equal to the minor unit, nothing comes back."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from browser.house import furnish
from browser.seed import NOW, WHOSE
from sqlalchemy import JSON, LargeBinary, Text, func, insert, select, update

from dunning.core.billing import Card, Customer, Whose
from dunning.core.vocabulary import OPEN
from dunning.errors import Unusable
from dunning.flows import contacting, desk, erasing, exporting_person, suppressing
from dunning.flows.house import House
from dunning.store import audit, contacts, messages, objects, suppressions, tables
from dunning.store.not_personal import NOT_PERSONAL
from dunning.store.personal import ERASED
from dunning.store.types import Word

NAME, MAIL, PHONE, LAST4 = "Zebulon Quackenbush", "zebulon@canary.example", "+447700900987", "7391"
SECOND = "second@canary.example"
CANARIES = ("Zebulon", "quackenbush", "canary.example", "7700900987", LAST4)
BY = "ana@juniper.example"


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    found, _ = furnish(database_url, recoveries=12)
    yield found
    found.store.engine.dispose()


def wordy(table: Any) -> list[Any]:
    kinds = (Text, JSON, LargeBinary)
    return [c for c in table.columns if isinstance(c.type, kinds) and not isinstance(c.type, Word)]


def test_every_column_that_can_hold_words_is_said_to_be_personal_or_not() -> None:
    for table in tables.metadata.sorted_tables:
        personal, rest = set(ERASED.get(table.name, ())), set(NOT_PERSONAL.get(table.name, "").split())
        assert not personal & rest, table.name
        assert personal | rest == {column.name for column in wordy(table)}, table.name
    assert {*ERASED, *NOT_PERSONAL} <= set(tables.metadata.tables)


def scan(house: House) -> list[tuple[str, str, str]]:
    """Every place of the database that still holds a canary."""
    found = []
    with house.store.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for column in wordy(table):
                    value = row[column.name]
                    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else json.dumps(value)
                    hits = [one for one in CANARIES if one.lower() in text.lower()]
                    found += [(table.name, column.name, one) for one in hits]
    return found


def ledger(house: House) -> list[Any]:
    with house.store.read() as connection:
        return list(connection.execute(select(tables.ledger_entries).order_by(tables.ledger_entries.c.id)))


def closed_with_money(house: House) -> Any:
    column = tables.recoveries.c
    paid = select(tables.ledger_entries.c.recovery_id)
    query = select(tables.recoveries).where(column.status.not_in(OPEN), column.id.in_(paid))
    with house.store.read() as connection:
        return connection.execute(query.order_by(column.id).limit(1)).mappings().one()


def plant(house: House) -> Any:
    """Write the canaries wherever a person's data may be, and return their closed recovery."""
    found = closed_with_money(house)
    rec, cus = found["id"], found["customer_id"]
    suppressing.suppress(house, MAIL, why=f"{NAME} asked", by=BY)
    desk.note(house, rec, text=f"Called {NAME} on {PHONE}", by=BY)
    contacting.keep(house, rec, "second_contact", SECOND, by=BY)
    with house.store.write() as connection:
        for name, values in ERASED.items():
            table = tables.metadata.tables[name]
            plain = {c for c in values if c in table.c and not table.c[c].primary_key}
            mine = next((table.c[c] for c in ("customer_id", "recovery_id") if c in table.c), None)
            if name in {"customers", "events", "queue_items", "erasures"} or mine is None:
                continue
            said = {c: f"{NAME} {MAIL} {LAST4}" for c in plain if c not in {"before", "address", "last4"}}
            said |= {"last4": LAST4} if "last4" in plain else {}
            said |= {"address": MAIL} if "address" in plain and name != "contacts" else {}
            if said:
                where = mine == (cus if mine.name == "customer_id" else rec)
                connection.execute(update(table).where(where).values(**said))
        _rows(connection, rec, cus)
    return found


def _rows(connection: Any, rec: str, cus: str) -> None:
    people = {"email": MAIL, "name": NAME}
    connection.execute(update(tables.customers).where(tables.customers.c.id == cus).values(**people))
    line = {"snooze_reason": f"{NAME} is away", "named": f"zebulon {MAIL}"}
    connection.execute(
        update(tables.queue_items).where(tables.queue_items.c.recovery_id == rec).values(**line)
    )
    asked = {"action": "x", "why": NAME, "asked_by": BY, "asked_at": NOW}
    changed = {"by": BY, "at": NOW, "said": NAME, "before": {"w": NAME}, "version": 1}
    answered = {"request": "r", "claimed_at": NOW, "body": f'"{NAME}"'.encode()}
    bounced = {"kind": "hard_bounce", "address": MAIL, "detail": f"<{MAIL}>", "at": NOW, "received_at": NOW}
    view = {"name": "x", "query": f"q={MAIL}", "by": BY, "saved_at": NOW}
    rows: list[tuple[Any, dict[str, Any]]] = [
        (tables.search_words, {"word": "quackenbush", "recovery_id": rec}),
        (tables.saved_views, {"id": "v"} | view),
        (tables.staff_changes, {"id": "c", "recovery_id": rec} | changed),
        (tables.approvals, {"id": "a", "recovery_id": rec} | asked),
        (tables.api_answers, {"actor": "t", "key": "k"} | answered),
        (tables.mail_events, {"provider": "p", "id": "1"} | bounced),
    ]
    for table, values in rows:
        connection.execute(insert(table).values(**values))
    _events(connection, rec, cus)


def _events(connection: Any, rec: str, cus: str) -> None:
    charge = connection.execute(
        select(tables.attempts.c.charge_id).where(tables.attempts.c.recovery_id == rec)
    )
    named = next(filter(None, charge.scalars()), cus)
    payloads = ({"id": cus, "name": NAME}, {"charge": named, "email": NAME}, {"to": MAIL})
    for number, payload in enumerate(payloads):
        event = {"id": f"evt_c{number}", "type": "x", "object_id": cus, "received_at": NOW}
        body = json.dumps(payload).encode()
        row = WHOSE | event | {"state": "handled", "payload": body, "note": None}
        connection.execute(insert(tables.events).values(**row))


def finish(house: House) -> Any:
    request = erasing.every(house)[0]
    erasing.go_on(house, request["id"])
    return erasing.every(house)[0]


def test_nothing_of_a_person_is_left_and_the_books_are_equal(house: House) -> None:
    before, found = ledger(house), plant(house)
    assert {name for name, _, _ in scan(house)} >= {
        "customers",
        "messages",
        "notes",
        "events",
        "suppressions",
    }
    assert erasing.ask(house, MAIL, why=f"{NAME} wrote to us", by=BY).done
    done = finish(house)
    assert done["finished_at"] == NOW, done["waits_for"]
    assert scan(house) == []
    assert ledger(house) == before
    with house.store.read() as connection:
        assert audit.broken(connection) is None
        assert messages.suppressed(connection, "self", MAIL.upper())
        row = suppressions.of(connection, "self", MAIL)
        again = connection.execute(
            select(tables.recoveries).where(tables.recoveries.c.id == found["id"])
        ).mappings()
        kept = again.one()
    assert row is not None
    assert row["address"].startswith("digest:")
    assert (kept["status"], kept["amount"], kept["reason"]) == (
        found["status"],
        found["amount"],
        found["reason"],
    )
    assert suppressing.release(house, MAIL, by=BY).done


def test_what_stripe_tells_later_brings_nothing_back(house: House) -> None:
    found = plant(house)
    erasing.ask(house, found["customer_id"], why="asked", by=BY)
    finish(house)
    whose = Whose(found["account_id"], livemode=found["livemode"])
    with house.store.write() as connection:
        back = Customer(found["customer_id"], email=MAIL, name=NAME, country="FR")
        objects.keep_customer(connection, whose, back, NOW)
        objects.keep_card(connection, whose, Card("pm_new", "card", customer=back.id, last4=LAST4))
        event = {"id": "evt_late", "type": "customer.updated", "received_at": NOW, "state": "handled"}
        body = json.dumps({"id": back.id, "name": NAME}).encode()
        connection.execute(insert(tables.events).values(**WHOSE, **event, payload=body))
    assert erasing.follow(house) == 1
    assert erasing.follow(house) == 0
    assert scan(house) == []
    assert "erased" in contacting.keep(house, found["id"], contacts.SECOND, SECOND, by=BY).sentence


def test_a_person_who_still_owes_is_not_erased(house: House) -> None:
    column = tables.recoveries.c
    with house.store.read() as connection:
        query = select(column.id, column.customer_id).where(column.status.in_(OPEN)).limit(1)
        owing = connection.execute(query).one()
    answer = erasing.ask(house, owing.customer_id, why="asked", by=BY)
    assert not answer.done
    assert owing.id in answer.sentence
    assert erasing.every(house) == []
    with pytest.raises(Unusable, match="Nothing is held"):
        erasing.ask(house, "nobody@nowhere.example", why="asked", by=BY)


def test_it_waits_for_what_is_under_way_and_goes_on_where_it_died(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = plant(house)
    with house.store.write() as connection:
        events = tables.events.c
        connection.execute(update(tables.events).values(state="new").where(events.id == "evt_c2"))
    assert erasing.ask(house, found["customer_id"], why="asked", by=BY).done
    assert not erasing.ask(house, found["customer_id"], why="asked", by=BY).done  # asked twice, done once
    waits = finish(house)
    assert "not handled" in waits["waits_for"]
    assert waits["ring_at"] == NOW + erasing.WAIT
    with house.store.write() as connection:
        connection.execute(update(tables.events).values(state="handled").where(events.id == "evt_c2"))
    with monkeypatch.context() as patched:
        patched.setattr(erasing.placing, "place", _die)
        with pytest.raises(RuntimeError):
            finish(house)
    assert scan(house)  # all or nothing: the last transaction was undone
    with house.store.write() as connection:
        connection.execute(update(tables.erasures).values(lease_until=NOW - timedelta(days=400)))
    assert finish(house)["finished_at"] == NOW
    assert scan(house) == []
    finish(house)  # rings once more than needed: nothing happens


def _die(*_: Any, **__: Any) -> None:
    raise RuntimeError


def test_an_export_holds_every_table_and_the_log_keeps_who_asked(house: House) -> None:
    found = plant(house)
    export = exporting_person.export(house, MAIL, by=BY)
    told = json.loads(export.text)
    assert told["customer"] == found["customer_id"]
    assert {"customers", "recoveries", "messages", "events", "ledger_entries", "notes"} <= set(told["tables"])
    assert all(name in export.text for name in (NAME, MAIL, LAST4, SECOND))
    assert sum(map(len, told["tables"].values())) == export.rows
    others = {row["customer_id"] for row in told["tables"]["recoveries"]}
    assert others == {found["customer_id"]}
    assert export.packed().startswith(b"PK")
    with house.store.read() as connection:
        newest = audit.page(connection, limit=1)[0]
        count = connection.execute(select(func.count()).select_from(tables.suppressions)).scalar_one()
    assert (newest["action"], newest["actor"]) == ("person.export", BY)
    assert count == 1
