"""The staff's pages on a seeded database."""

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest
from browser.house import BASE, LOCAL, StillDemo, furnish, site_of
from browser.seed import NOW
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from dunning.core.breaker import Cause
from dunning.flows.house import House
from dunning.flows.placing import place
from dunning.store import breakers, segments, switches, tables

NASTY = "<script>alert('hi')</script> & \"friends\""


@dataclass
class Desk:
    """Somebody at this machine with a browser, and what they look at."""

    house: House
    ids: Sequence[str]
    browser: TestClient

    def see(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        assert answer.status_code == status, answer.text
        return html.unescape(answer.text)

    def press(self, path: str, **form: str) -> str:
        """Post a form and return the page it leads to."""
        answer = self.browser.post(path, data=form)
        assert answer.status_code == 200, answer.text
        return html.unescape(answer.text)

    def one(self, status: str) -> str:
        """The newest recovery with this status."""
        column = tables.recoveries.c
        with self.house.store.read() as connection:
            query = select(column.id).where(column.status == status).order_by(column.id.desc()).limit(1)
            return str(connection.execute(query).scalar_one())


def sit_down(url: str, demo: StillDemo | None = None) -> Desk:
    house, ids = furnish(url)
    browser = TestClient(site_of(house, demo), client=LOCAL, base_url=BASE)
    return Desk(house, ids, browser)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    found = sit_down(database_url)
    yield found
    found.house.store.engine.dispose()


@pytest.fixture
def quick_desk(sqlite_url: str) -> Iterator[Desk]:
    found = sit_down(sqlite_url)
    yield found
    found.house.store.engine.dispose()


def test_every_page_opens_on_both_databases(desk: Desk) -> None:
    for path in ("/", "/recoveries", "/campaigns", "/settings", "/reports/recovered-revenue"):
        assert "Juniper Coffee" in desk.see(path)
    for tab in ("needs_action", "mine", "snoozed", "waiting", "open", "closed"):
        assert "Recoveries" in desk.see(f"/recoveries?tab={tab}")
    for recovery_id in desk.ids[::6]:
        assert "Timeline" in desk.see(f"/recoveries/{recovery_id}")


def test_tabs_count_what_they_show(quick_desk: Desk) -> None:
    page = quick_desk.see("/recoveries?tab=open")
    shown = page.count('<th scope="row" class="who">')
    assert f'All open <span class="count">{shown}</span>' in page
    assert shown > 0


def test_the_queue_is_paged_without_gap_or_repeat(quick_desk: Desk) -> None:
    seen: list[str] = []
    path: str | None = "/api/v1/recoveries?limit=7"
    while path:
        page = quick_desk.browser.get(path).json()
        seen += [item["id"] for item in page["data"]]
        cursor = page["next_cursor"]
        path = f"/api/v1/recoveries?limit=7&cursor={cursor}" if cursor else None
    assert seen == sorted(quick_desk.ids, reverse=True)


@pytest.mark.parametrize("q", ["zoë", "ZOË", "zoe@mail", "in_0001Qm7Xw2", "cus_0001Qm7Xw2", "ch_0001Qm7Xw20"])
def test_a_search_finds_by_name_address_and_id(quick_desk: Desk, q: str) -> None:
    assert "Zoë Martin" in quick_desk.see(f"/recoveries?q={q}")


@pytest.mark.parametrize("q", ["%", "_", "\\", "' OR 1=1 --"])
def test_a_search_takes_no_wildcards(quick_desk: Desk, q: str) -> None:
    answer = quick_desk.browser.get("/recoveries", params={"q": q})
    assert "Nothing is found for" in answer.text


def test_a_scheduled_recovery_says_when_and_why(quick_desk: Desk) -> None:
    page = quick_desk.see(f"/recoveries/{quick_desk.one('scheduled')}")
    assert "Next: Retry" in page
    assert "41 of 96 such retries" in page
    assert "Why this time?" in page
    assert "Chance that it pays: 34 %" in page
    assert "Runners-up" in page
    assert "Two tries are kept 12 hours apart." in page


def test_a_waiting_recovery_says_why_nothing_is_next_and_why_staff_cannot_retry(quick_desk: Desk) -> None:
    page = quick_desk.see(f"/recoveries/{quick_desk.one('waiting')}")
    assert "Only the customer can help" in page
    assert 'disabled aria-describedby="refusal"' in page
    assert "This card must not be tried again" in page


def test_the_timeline_tells_whose_attempts_were_made_and_what_the_bank_said(quick_desk: Desk) -> None:
    page = quick_desk.see(f"/recoveries/{quick_desk.one('lost')}")
    assert "Stripe’s try" in page
    assert "Our retry" in page
    assert "req_" in page
    assert "View as sent" in page


def test_what_customers_and_stripe_wrote_cannot_become_markup(quick_desk: Desk) -> None:
    with quick_desk.house.store.write() as connection:
        connection.execute(update(tables.customers).values(name=NASTY, email=NASTY))
        connection.execute(update(tables.recoveries).values(why=NASTY))
        connection.execute(update(tables.invoices).values(plan=NASTY))
        connection.execute(update(tables.attempts).values(note=NASTY))
    newest = quick_desk.ids[-1]
    for path in ("/", "/recoveries", f"/recoveries/{newest}", "/reports/recovered-revenue/payments"):
        assert "<script>alert" not in quick_desk.browser.get(path).text


def test_a_message_is_shown_as_sent_inside_a_frame_that_can_only_open_its_links(quick_desk: Desk) -> None:
    recovery_id = quick_desk.one("lost")
    with quick_desk.house.store.read() as connection:
        query = select(tables.messages.c.id).where(tables.messages.c.recovery_id == recovery_id).limit(1)
        message_id = connection.execute(query).scalar_one()
    answer = quick_desk.browser.get(f"/recoveries/{recovery_id}/messages/{message_id}")
    only_popups = 'sandbox="allow-popups allow-popups-to-escape-sandbox"'
    assert f'<iframe class="mail" title="The message as HTML" {only_popups} srcdoc="&lt;base' in answer.text
    assert "&lt;h1" in answer.text
    assert "please update your card" in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    other = quick_desk.ids[0] if quick_desk.ids[0] != recovery_id else quick_desk.ids[1]
    quick_desk.see(f"/recoveries/{other}/messages/{message_id}", 404)


def test_staff_pause_resume_and_stop_a_recovery(desk: Desk) -> None:
    path = f"/recoveries/{desk.one('waiting')}"
    assert "Paused until 25 March 2027" in desk.press(f"{path}/pause", until="2027-03-25", why="On holiday")
    assert "On holiday" in desk.see(path)
    assert "Resumed." in desk.press(f"{path}/resume")
    assert "Stopped" in desk.press(f"{path}/stop")
    assert "Retry now" not in desk.see(path)


def test_a_pause_must_end_in_the_future_and_within_a_quarter(quick_desk: Desk) -> None:
    path = f"/recoveries/{quick_desk.one('waiting')}/pause"
    for day in ("2027-03-17", "2029-01-01"):
        assert "A pause ends on a day between" in quick_desk.press(path, until=day, why="Too long")


def test_a_refused_retry_says_which_rule_forbids_it(quick_desk: Desk) -> None:
    page = quick_desk.press(f"/recoveries/{quick_desk.one('waiting')}/retry")
    assert 'class="notice refused"' in page
    assert "This card must not be tried again" in page


def test_a_sentence_about_what_was_done_is_shown_once(quick_desk: Desk) -> None:
    path = f"/recoveries/{quick_desk.one('scheduled')}"
    assert 'class="notice said"' in quick_desk.press(f"{path}/retry")
    assert 'class="notice' not in quick_desk.see(path)


def test_a_link_for_the_customer_can_be_copied(quick_desk: Desk) -> None:
    page = quick_desk.press(f"/recoveries/{quick_desk.one('scheduled')}/link")
    assert f'value="{BASE}/pay/lnk_' in page


def test_an_unknown_recovery_is_a_page_that_says_so(quick_desk: Desk) -> None:
    assert "There is no such recovery." in quick_desk.see("/recoveries/rec_nobody", 404)
    assert quick_desk.browser.post("/recoveries/rec_nobody/stop").status_code == 404


def test_every_page_says_when_dunning_only_watches(quick_desk: Desk) -> None:
    assert "Watching only" not in quick_desk.see("/recoveries")
    quick_desk.press("/settings/retries", retries="watch")
    assert "Messages are off" in quick_desk.press("/settings/messages", messages="off")
    for path in ("/", "/recoveries", "/campaigns", "/reports/recovered-revenue"):
        page = quick_desk.see(path)
        assert "Watching only:" in page
        assert "no messages are sent" in page


def test_the_kill_switch_shows_on_every_page_until_it_is_released(quick_desk: Desk) -> None:
    quick_desk.press("/settings/pause", reason="Wrong price was billed")
    assert "Wrong price was billed" in quick_desk.see("/recoveries")
    quick_desk.press("/settings/resume")
    assert "Everything is paused" not in quick_desk.see("/recoveries")
    with quick_desk.house.store.read() as connection:
        assert not switches.read(connection).paused


@pytest.mark.parametrize("form", [{}, {"retries": "always"}, {"retries": "own", "surprise": "1"}])
def test_a_form_that_is_not_ours_changes_nothing(quick_desk: Desk, form: dict[str, str]) -> None:
    assert quick_desk.browser.post("/settings/retries", data=form).status_code == 422


def test_a_simulation_is_named_as_one(quick_desk: Desk) -> None:
    assert '<span class="pill">Simulation</span>' in quick_desk.see("/")


def test_the_demo_bar_runs_the_clock_and_comes_back(sqlite_url: str) -> None:
    demo = StillDemo()
    desk = sit_down(sqlite_url, demo)
    assert "<strong>Day 23 of 90</strong>" in desk.see("/recoveries?tab=closed")
    for action in ("pause", "faster", "slower", "resume"):
        answer = desk.browser.post(f"/demo/{action}", data={"back": "/campaigns"}, follow_redirects=False)
        assert answer.headers["location"] == "/campaigns"
    assert demo.pressed == ["pause", "faster", "slower", "resume"]
    answer = desk.browser.post("/demo/pause", data={"back": "//evil.example"}, follow_redirects=False)
    assert answer.headers["location"] == "/"
    desk.house.store.engine.dispose()


def test_without_a_demo_there_is_no_bar_and_no_button(quick_desk: Desk) -> None:
    assert 'class="demo"' not in quick_desk.see("/")
    assert quick_desk.browser.post("/demo/pause", data={"back": "/"}).status_code == 404


def test_an_empty_house_explains_itself(sqlite_url: str) -> None:
    house, _ = furnish(sqlite_url, recoveries=0)
    browser = TestClient(site_of(house), client=LOCAL, base_url=BASE)
    assert "No failed payments yet" in browser.get("/recoveries").text
    assert "No payment failed" in browser.get("/reports/recovered-revenue").text
    assert "Nothing needs you" in browser.get("/").text
    house.store.engine.dispose()


def test_a_process_is_ready_only_at_the_newest_migration(desk: Desk) -> None:
    assert desk.browser.get("/readyz").status_code == 200
    with desk.house.store.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'older'")
    answer = desk.browser.get("/readyz")
    assert answer.status_code == 503
    assert "dunning db upgrade" in answer.json()["why"]
    assert desk.browser.get("/healthz").text == "ok\n"
    assert desk.browser.head("/healthz").status_code == 200


def test_metrics_count_what_is_under_way(desk: Desk) -> None:
    with desk.house.store.write() as connection:
        event = {"account_id": "self", "livemode": False, "id": "evt_1", "type": "x", "payload": b"{}"}
        connection.execute(
            insert(tables.events).values(**event, received_at=NOW, ring_at=NOW.replace(hour=8))
        )
    text = desk.browser.get("/metrics").text
    assert 'dunning_recoveries_open{status="scheduled"}' in text
    assert 'dunning_attempts{state="declined"}' in text
    assert "dunning_events_unhandled 1.0" in text
    assert 'dunning_oldest_due_seconds{kind="event"} 3600.0' in text


def test_segments_are_put_in_force_turned_and_paused_in_settings(quick_desk: Desk) -> None:
    desk = quick_desk
    assert "There is none yet" in desk.see("/settings")
    page = desk.press(
        "/settings/segments", text='[[segment]]\nname = "big"\n[segment.when]\ncurrency = "euro"'
    )
    assert "Nothing was changed. Segment 'big'" in page
    page = desk.press(
        "/settings/segments", text='[[segment]]\nname = "big"\n[segment.when]\ncurrency = "eur"'
    )
    assert "The segments are in force" in page
    assert "currency eur" in page
    assert "Retries are set to weave in big" in desk.press(
        "/settings/retries", retries="weave", segment="big"
    )
    assert "Messages are off in big" in desk.press("/settings/messages", messages="off", segment="big")
    assert "big is paused" in desk.press("/settings/pause", reason="audit", segment="big")
    assert "Everything is paused" not in desk.see("/")
    desk.press("/settings/resume", segment="big")
    with desk.house.store.read() as connection:
        big = segments.current(connection).named("big")
    assert big is not None
    assert (big.retries, big.messages, big.paused) == ("weave", False, None)
    unknown = desk.browser.post("/settings/retries", data={"retries": "own", "segment": "small"})
    assert unknown.status_code == 400
    assert "There is no segment" in html.unescape(unknown.text)


def test_a_charge_that_nobody_knows_is_asked_about_and_concluded(quick_desk: Desk) -> None:
    desk = quick_desk
    recovery_id = desk.one("scheduled")
    with desk.house.store.write() as connection:
        one = select(tables.attempts.c.id).where(tables.attempts.c.recovery_id == recovery_id).limit(1)
        lost = {"abandoned_at": NOW, "finished_at": None, "state": "unknown", "ordinal": 99}
        connection.execute(
            update(tables.attempts)
            .where(tables.attempts.c.id == connection.execute(one).scalar_one())
            .values(**lost, idempotency_key="v1:pay:lost")
        )
        connection.execute(
            update(tables.recoveries)
            .where(tables.recoveries.c.id == recovery_id)
            .values(status="attempting", next_attempt_at=None, why="Nobody knows.")
        )
        place(connection, recovery_id, NOW)
    assert "v1:pay:lost" in desk.see("/")
    assert recovery_id in desk.see("/recoveries?tab=needs_action")
    page = desk.see(f"/recoveries/{recovery_id}")
    assert "A person must conclude the last charge" in page
    assert page.count('name="verdict"') == 4
    assert (
        desk.browser.post(f"/recoveries/{recovery_id}/conclude", data={"verdict": "maybe"}).status_code == 422
    )
    assert 'dunning_alarms{kind="abandoned"} 1.0' in desk.see("/metrics")


def test_every_page_says_why_nothing_is_charged(quick_desk: Desk) -> None:
    with quick_desk.house.store.write() as connection:
        breakers.trip(connection, "all", Cause.OUTAGE, "500", NOW)
    for path in ("/", "/recoveries", "/settings"):
        assert "Stripe is away (500)" in quick_desk.see(path)
