"""The queue's page and its API on a seeded database: filters, order, views, export, bulk, two people."""

import csv
import io
from collections.abc import Iterator

import pytest
from browser.seed import NOW
from sqlalchemy import select
from web.test_pages import Desk, sit_down

from dunning.flows import bulk
from dunning.store import tables
from dunning.web.queue_address import Asked

ITEM = tables.queue_items.c


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    found = sit_down(sqlite_url)
    yield found
    found.house.store.engine.dispose()


def lines(desk: Desk, *where: object) -> list[str]:
    query = select(ITEM.recovery_id).where(*where)  # type: ignore[arg-type]
    order = (ITEM.rank.desc(), ITEM.worth.desc(), ITEM.recovery_id.desc())
    with desk.house.store.read() as connection:
        return list(connection.execute(query.order_by(*order)).scalars())


def version(desk: Desk, recovery_id: str) -> int:
    with desk.house.store.read() as connection:
        return int(
            connection.execute(select(ITEM.version).where(ITEM.recovery_id == recovery_id)).scalar_one()
        )


def exported(desk: Desk, query: str) -> list[dict[str, str]]:
    answer = desk.browser.get(f"/recoveries.csv?{query}")
    assert answer.status_code == 200
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_the_queue_is_sorted_by_what_a_person_can_still_recover(desk: Desk) -> None:
    assert [row["id"] for row in exported(desk, "tab=open")] == lines(desk, ITEM.open.is_(True))


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("decline_class=soft_funds", ITEM.decline_class == "soft_funds"),
        ("least=100&most=200", ITEM.face.between(10_000, 20_099)),
        ("currency=EUR", ITEM.currency == "eur"),
        ("country=us", ITEM.country == "US"),
        ("plan=Team,+monthly", ITEM.plan == "Team, monthly"),
        ("owner=nobody", ITEM.owner.is_(None)),
        ("owner=ada", ITEM.owner == "ada"),
        ("budget=none", ITEM.attempts_left == 0),
        ("slipping=true", ITEM.slipping >= 3),
        ("value=60", ITEM.value >= 6000),
        ("late=true", ITEM.breached.is_(True)),
        ("status=scheduled&currency=usd", (ITEM.status == "scheduled") & (ITEM.currency == "usd")),
        ("campaign=standard", ITEM.campaign_key == "standard"),
    ],
)
def test_a_filter_finds_what_it_says(desk: Desk, query: str, where: object) -> None:
    found = [row["id"] for row in exported(desk, f"tab=open&{query}")]
    assert found == lines(desk, ITEM.open.is_(True), where)


@pytest.mark.parametrize("sort", ["worth", "newest", "amount", "deadline", "value"])
def test_every_order_is_paged_without_gap_or_repeat(desk: Desk, sort: str) -> None:
    seen: list[str] = []
    path: str | None = f"/api/v1/recoveries?limit=7&sort={sort}"
    while path:
        page = desk.browser.get(path).json()
        seen += [one["id"] for one in page["data"]]
        more = page["next_cursor"]
        path = f"/api/v1/recoveries?limit=7&sort={sort}&cursor={more.replace('+', '%2B')}" if more else None
    assert sorted(seen) == sorted(desk.ids)


def test_what_was_chosen_stands_in_the_address_and_can_be_taken_away(desk: Desk) -> None:
    page = desk.see("/recoveries?tab=open&currency=usd&slipping=true&sort=amount")
    assert "Currency: <strong>USD</strong>" in page
    assert 'href="/recoveries?tab=open&sort=amount&slipping=True"' in page
    assert (
        Asked.model_validate({"tab": "open", "currency": "usd"}).address()
        == "/recoveries?tab=open&currency=usd"
    )
    assert desk.browser.get("/recoveries?tab=nowhere").status_code == 422
    assert "begin again" in desk.see("/recoveries?cursor=xyz", 400)
    assert desk.browser.get("/api/v1/recoveries?sort=worth&cursor=xyz").status_code == 422


def test_a_view_is_saved_opened_and_removed(desk: Desk) -> None:
    page = desk.press("/recoveries/views", name="Large ones", address="/recoveries?tab=open&least=100")
    assert "Saved as “Large ones”" in page
    assert 'href="/recoveries?tab=open&least=100">Large ones</a>' in page
    with desk.house.store.read() as connection:
        view_id = connection.execute(select(tables.saved_views.c.id)).scalar_one()
    assert "Large ones" not in desk.press(f"/recoveries/views/{view_id}/remove")


def test_an_export_cannot_become_a_formula(desk: Desk) -> None:
    with desk.house.store.write() as connection:
        connection.execute(tables.customers.update().values(name="=HYPERLINK(1)"))
    assert {row["customer_name"] for row in exported(desk, "tab=open")} == {"'=HYPERLINK(1)"}


def test_a_form_that_is_late_changes_nothing_and_says_who_was_faster(desk: Desk) -> None:
    recovery_id = lines(desk, ITEM.open.is_(True))[0]
    seen = str(version(desk, recovery_id))
    path = f"/recoveries/{recovery_id}"
    assert "Given to ada" in desk.press(f"{path}/assign", to="ada", seen=seen)
    refused = desk.press(f"{path}/stop", seen=seen)
    assert "has changed since you looked" in refused
    assert "admin@juniper.example: “Given to ada.”" in refused
    assert "Undone: Given to ada." in desk.press(f"{path}/undo", seen=str(version(desk, recovery_id)))
    assert "Undone" in desk.see(path)


def test_a_bulk_action_says_what_it_will_do_before_it_does_it(desk: Desk) -> None:
    chosen = lines(desk, ITEM.open.is_(True))
    page = desk.press(
        "/recoveries/bulk", action="assign", everything="true", address="/recoveries?tab=open", to="ada"
    )
    assert f"{len(chosen)} will be done, 0 skipped" in page
    assert lines(desk, ITEM.owner == "ada") == []
    with desk.house.store.read() as connection:
        run_id = connection.execute(select(tables.bulk_runs.c.id)).scalar_one()
    assert "It has begun" in desk.press(f"/recoveries/bulk/{run_id}/go")
    bulk.go_on(desk.house, run_id)
    assert lines(desk, ITEM.owner == "ada") == chosen
    assert f"{len(chosen)} done, 0 skipped" in desk.see(f"/recoveries/bulk/{run_id}")
    assert "Choose between 1 and 500" in desk.press("/recoveries/bulk", action="retry", address="/recoveries")
    assert "A snooze ends on a day" in desk.press("/recoveries/bulk", action="snooze", id=chosen[0])
    desk.see("/recoveries/bulk/none", 404)


def test_programs_do_at_the_desk_what_people_do(desk: Desk) -> None:
    api, recovery_id = desk.browser, lines(desk, ITEM.open.is_(True))[0]
    path = f"/api/v1/recoveries/{recovery_id}"
    assert api.post(f"{path}/assign", json={"to": "ada"}).json()["recovery"]["owner"] == "ada"
    until = NOW.replace(month=4).isoformat()
    snoozed = api.post(f"{path}/snooze", json={"until": until, "why": "a copy of the bill"}).json()
    assert snoozed["recovery"]["place"] == "snoozed"
    assert api.post(f"{path}/wake").json()["recovery"]["snoozed_until"] is None
    assert api.post(f"{path}/note", json={"text": "called"}).status_code == 200
    assert (
        api.post(f"{path}/promise", json={"until": until, "why": "payday"}).json()["recovery"]["status"]
        == "paused"
    )
    assert api.post(f"{path}/undo").status_code == 409
    body = {"action": "stop", "recoveries": [recovery_id, "rec_none"]}
    shown = api.post("/api/v1/bulk", json=body).json()
    assert [row["state"] for row in shown["rows"]] == ["planned"]
    assert api.post(f"/api/v1/bulk/{shown['id']}/go").json()["state"] == "running"
    bulk.go_on(desk.house, shown["id"])
    assert api.get(f"/api/v1/bulk/{shown['id']}").json()["state"] == "done"
    assert api.get(path).json()["status"] == "stopped"
    assert api.post(f"{path}/write-off", json={"text": "too late"}).status_code == 409
    assert api.post("/api/v1/recoveries/rec_none/assign", json={"to": None}).status_code == 404
    assert api.post("/api/v1/bulk", json={"action": "note", "recoveries": [recovery_id]}).status_code == 422


def test_the_events_behind_a_recovery_are_shown_as_they_came(desk: Desk) -> None:
    recovery_id = desk.ids[0]
    with desk.house.store.write() as connection:
        invoice = select(tables.recoveries.c.invoice_id).where(tables.recoveries.c.id == recovery_id)
        row = {"account_id": "self", "livemode": False, "id": "evt_1", "type": "invoice.payment_failed"}
        row |= {"object_id": connection.execute(invoice).scalar_one(), "received_at": NOW}
        connection.execute(tables.events.insert().values(**row, payload=b'{"id": "evt_1", "x": "<b>"}'))
    page = desk.browser.get(f"/recoveries/{recovery_id}/events").text
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    desk.see("/recoveries/rec_none/events", 404)


def test_the_overview_tells_times_and_expectations_with_where_they_come_from(desk: Desk) -> None:
    page = desk.see("/")
    assert "Median time to recover" in page
    assert "open and" in page
    assert "No alarm" in page
    assert "/recoveries?tab=open&status=scheduled" in page
