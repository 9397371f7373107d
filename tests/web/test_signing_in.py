"""Signing in and out: who gets a session, what ends it, and what a stranger cannot do with it."""

import html
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from browser.house import BASE, LOCAL, StillDemo, front_of, furnish
from signed_in import COOKIE
from starlette.testclient import TestClient

from dunning.core.clock import VirtualClock
from dunning.core.people import TRIES_OF_PAIR, Role
from dunning.flows import people
from dunning.flows.house import House
from dunning.store import audit, sessions
from dunning.store import people as kept
from dunning.store.people import User

PASSWORD = "a sentence that is easy to remember"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
ANA, BO = "ana@juniper.example", "bo@juniper.example"
MORNING = datetime(2027, 3, 18, 8, tzinfo=UTC)


@dataclass
class Door:
    """A site with two accounts, and browsers that come from anywhere."""

    house: House
    wall: VirtualClock

    def __post_init__(self) -> None:
        self.site = front_of(self.house)

    def browser(self, address: str = "203.0.113.9", base: str = BASE) -> TestClient:
        made = TestClient(self.site, client=(address, 1), base_url=base, follow_redirects=False)
        made.headers["Sec-Fetch-Site"] = "same-origin"
        return made

    def enter(self, email: str = ANA, password: str = PASSWORD, address: str = "203.0.113.9") -> TestClient:
        browser = self.browser(address)
        answer = browser.post("/login", data={"email": email, "password": password})
        assert answer.status_code == 303, answer.text
        return browser

    def later(self, **passed: int) -> None:
        self.wall.advance_to(self.wall.now() + timedelta(**passed))


def put_up(url: str) -> Door:
    house, _ = furnish(url, recoveries=4)
    wall = VirtualClock(MORNING)
    house = replace(house, wall=wall)
    with house.store.write() as connection:
        for email, role in ((ANA, Role.ADMIN), (BO, Role.STAFF)):
            row = (f"usr_{role}", email, email[:3].title(), role, CHEAP.hash(PASSWORD), MORNING, None, None)
            kept.add(connection, User(*row))
    return Door(house, wall)


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    found = put_up(database_url)
    yield found
    found.house.store.engine.dispose()


@pytest.fixture
def quick(sqlite_url: str) -> Iterator[Door]:
    found = put_up(sqlite_url)
    yield found
    found.house.store.engine.dispose()


def test_whoever_knows_the_password_is_led_where_they_were_going(door: Door) -> None:
    browser = door.browser()
    away = browser.get("/recoveries?tab=closed")
    assert away.headers["location"] == "/login?next=/recoveries%3Ftab%3Dclosed"
    assert 'value="/recoveries?tab=closed"' in browser.get(away.headers["location"]).text
    form = {"email": f"  {ANA.upper()} ", "password": PASSWORD, "next": "/recoveries?tab=closed"}
    answer = browser.post("/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/recoveries?tab=closed")
    assert "Sign out" in browser.get("/").text
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


@pytest.mark.parametrize(("email", "password"), [(ANA, "wrong"), ("nobody@x.example", PASSWORD)])
def test_unknown_and_wrong_are_refused_in_the_same_words(quick: Door, email: str, password: str) -> None:
    answer = quick.browser().post("/login", data={"email": email, "password": password})
    assert answer.status_code == 401
    assert "Address and password do not belong together." in answer.text
    assert "set-cookie" not in answer.headers


def test_a_session_is_new_at_every_sign_in_and_the_one_before_ends(quick: Door) -> None:
    """Session fixation: a cookie that somebody planted is never the session of whoever signs in."""
    browser = quick.browser()
    planted = {"Cookie": f"{COOKIE}=planted"}
    browser.post("/login", data={"email": ANA, "password": PASSWORD}, headers=planted)
    first = browser.cookies[COOKIE]
    assert first != "planted"
    browser.post("/login", data={"email": ANA, "password": PASSWORD})
    assert browser.cookies[COOKIE] != first
    old = quick.browser()
    for value in (first, "planted"):
        old.cookies.clear()
        old.cookies.set(COOKIE, value)
        assert old.get("/").status_code == 303


def test_over_https_the_cookie_is_bound_to_this_host(quick: Door) -> None:
    public = quick.house.settings.model_copy(update={"public_url": "https://pay.juniper.example"})
    door = Door(replace(quick.house, settings=public), quick.wall)
    for base in ("https://other.example", "http://pay.juniper.example"):  # TLS here, or at the proxy
        browser = door.browser(base=base)
        cookie = browser.post("/login", data={"email": ANA, "password": PASSWORD}).headers["set-cookie"]
        assert cookie.startswith("__Host-dunning=")
        assert "; secure" in cookie.lower()
        assert "domain" not in cookie.lower()
    answer = door.browser(base="https://pay.juniper.example").get("/login")
    assert answer.headers["strict-transport-security"]
    planted = door.browser(base="https://pay.juniper.example")
    planted.cookies.set(COOKIE, quick.enter().cookies[COOKIE])
    assert planted.get("/").status_code == 303, "a cookie without the prefix counts over https"


def test_guessing_is_slowed_down_per_account_and_address(door: Door) -> None:
    browser = door.browser()
    for _ in range(TRIES_OF_PAIR):
        assert browser.post("/login", data={"email": ANA, "password": "guess"}).status_code == 401
    right = browser.post("/login", data={"email": ANA, "password": PASSWORD})
    assert right.status_code == 429
    assert right.headers["retry-after"]
    door.enter(BO)
    door.enter(ANA, address="198.51.100.7")
    door.later(minutes=16)
    assert browser.post("/login", data={"email": ANA, "password": PASSWORD}).status_code == 303


def test_an_address_that_tries_many_accounts_is_slowed_down(quick: Door) -> None:
    with quick.house.store.write() as connection:
        for number in range(30):
            kept.add_try(connection, f"try {number}", f"{number}@x.example", "203.0.113.9", MORNING)
    form = {"email": ANA, "password": PASSWORD}
    assert quick.browser().post("/login", data=form).status_code == 429
    assert quick.browser("198.51.100.7").post("/login", data=form).status_code == 303


def test_a_session_that_is_ended_elsewhere_opens_nothing_any_more(door: Door) -> None:
    desk, phone = door.enter(BO), door.enter(BO)
    with door.house.store.read() as connection:
        other = min(row["id"] for row in sessions.of_user(connection, "usr_staff"))
    theirs = door.enter(ANA).post("/account/sessions/end", data={"session": other})
    assert "refused" in theirs.headers["set-cookie"], "somebody else's session"
    desk.post("/account/sessions/end", data={"session": other})
    assert sorted([desk.get("/").status_code, phone.get("/").status_code]) == [200, 303]
    people.end_sessions(door.house, BO, by="test")
    assert desk.get("/").status_code == 303


def test_signing_out_ends_the_session_on_the_server(quick: Door) -> None:
    browser = quick.enter()
    copied = browser.cookies[COOKIE]
    assert browser.post("/logout").headers["location"] == "/login"
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, copied)
    assert browser.get("/").status_code == 303


def test_a_role_counts_from_the_next_click_on(door: Door) -> None:
    browser = door.enter(BO)
    assert browser.get("/settings/people").status_code == 403
    people.set_role(door.house, BO, Role.ADMIN, by=ANA)
    assert browser.get("/settings/people").status_code == 200
    people.set_role(door.house, BO, Role.VIEWER, by=ANA)
    refused = browser.post("/settings/resume")
    assert refused.status_code == 403
    assert "the right to act, which you lack as viewer" in refused.text
    people.disable(door.house, BO, by=ANA)
    assert browser.get("/").status_code == 303
    answer = door.browser().post("/login", data={"email": BO, "password": PASSWORD})
    assert "do not belong together" in answer.text


def test_a_session_ends_by_itself_unused_for_two_hours_or_after_twelve(quick: Door) -> None:
    browser = quick.enter()
    quick.later(minutes=119)
    assert browser.get("/", headers={"X-Live": "1"}).status_code == 200  # the page's own refresh is no use
    quick.later(minutes=2)
    assert browser.get("/", headers={"X-Live": "1"}).status_code == 401
    used = quick.enter()
    for _ in range(7):
        quick.later(minutes=100)
        assert used.get("/").status_code == 200
    quick.later(minutes=30)
    assert used.get("/").status_code == 303


@pytest.mark.parametrize(
    "going",
    ["//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil", "/\t/evil", "javascript:x", ""],
)
def test_nobody_is_led_to_another_site(quick: Door, going: str) -> None:
    answer = quick.browser().post("/login", data={"email": ANA, "password": PASSWORD, "next": going})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Sec-Fetch-Site": "none"}, 303),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": BASE}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_a_session_acts_only_for_our_own_pages(quick: Door, headers: dict[str, str], status: int) -> None:
    browser = quick.enter()
    del browser.headers["Sec-Fetch-Site"]
    assert browser.post("/settings/resume", headers=headers).status_code == status
    assert browser.get("/", headers=headers).status_code == 200


def test_another_site_cannot_sign_anybody_in(quick: Door) -> None:
    form = {"email": ANA, "password": PASSWORD}
    answer = quick.browser().post("/login", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/login", "/join/nobody", "/account", "/settings/people"])
def test_no_door_can_be_framed_or_run_a_strangers_script(quick: Door, path: str) -> None:
    headers = quick.enter().get(path).headers
    assert headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_a_password_is_changed_by_whoever_knows_it_and_ends_the_other_sessions(quick: Door) -> None:
    here, there = quick.enter(), quick.enter()
    wrong = here.post("/account/password", data={"old": "wrong", "new": "another long sentence"})
    assert "refused" in wrong.headers["set-cookie"]
    short = here.post("/account/password", data={"old": PASSWORD, "new": "short"})
    assert "12%20characters" in short.headers["set-cookie"]
    here.post("/account/password", data={"old": PASSWORD, "new": "another long sentence"})
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 303
    quick.enter(password="another long sentence")


def test_who_signed_in_from_where_stands_in_the_audit_log(quick: Door) -> None:
    page = html.unescape(quick.enter().get("/settings/audit?q=sign_in").text)
    assert "user.sign_in" in page
    assert "203.0.113.9" in page
    with quick.house.store.read() as connection:
        assert audit.broken(connection) is None


def test_a_demo_takes_who_sits_at_this_machine_for_its_admin_and_says_so(quick: Door) -> None:
    site = front_of(quick.house, StillDemo())
    here = TestClient(site, client=LOCAL, base_url=BASE, follow_redirects=False)
    assert "signed in by the demo" in here.get("/").text
    assert "The demo has signed you in" in here.get("/account").text
    assert here.get("/api/v1/recoveries").status_code == 200
    assert here.post("/settings/resume").status_code == 303
    assert here.post("/settings/resume", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    with quick.house.store.read() as connection:
        assert {row["actor"] for row in audit.page(connection)} == {"demo visitor"}
    here.headers["Sec-Fetch-Site"] = "same-origin"
    here.post("/login", data={"email": BO, "password": PASSWORD})
    assert "Sign out" in here.get("/").text  # somebody with an account is themselves
    away = TestClient(site, client=("203.0.113.9", 1), base_url=BASE, follow_redirects=False)
    assert away.get("/").status_code == 303
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert TestClient(site, client=LOCAL, base_url=BASE).get("/metrics", headers=proxied).status_code == 401


def test_a_database_that_is_away_is_said_so(quick: Door) -> None:
    browser = quick.enter()
    with quick.house.store.write() as connection:
        connection.exec_driver_sql("DROP TABLE sessions")
    assert browser.get("/").status_code == 503
    answer = browser.get("/api/v1/recoveries")
    assert (answer.status_code, answer.json()["status"]) == (503, 503)
