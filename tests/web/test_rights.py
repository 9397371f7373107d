"""Every route declares who may use it, and is refused to everybody else."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser.house import BASE, LOCAL, StillDemo, front_of, furnish
from fastapi import APIRouter
from signed_in import COOKIE, open_session
from sqlalchemy import select
from starlette.testclient import TestClient

from dunning.core.people import RIGHTS, Right, Role
from dunning.flows import tokens
from dunning.flows.house import House
from dunning.store import tables
from dunning.web.gates import is_public
from dunning.web.rights import Declared, declared
from dunning.web.screen import make_screen
from dunning.web.site import routes_of

OPEN = {
    ("GET", "/healthz"),
    ("HEAD", "/healthz"),
    ("GET", "/healthz/recovery"),
    ("HEAD", "/healthz/recovery"),
    ("GET", "/readyz"),
    ("HEAD", "/readyz"),
    ("GET", "/static/{digest}/{name}"),
    ("GET", "/pay/{token}"),
    ("POST", "/pay/{token}"),
    ("HEAD", "/pay/{token}"),
    ("GET", "/pay/{token}/done"),
    ("HEAD", "/pay/{token}/done"),
    ("POST", "/pay/{token}/new-link"),
    ("GET", "/pay/notices/{token}"),
    ("POST", "/pay/notices/{token}"),
    ("POST", "/webhooks/twilio"),
    ("GET", "/login"),
    ("POST", "/login"),
    ("GET", "/setup"),
    ("POST", "/setup"),
    ("GET", "/join/{secret}"),
    ("POST", "/join/{secret}"),
}
ALONE = {"/logout"}  # would end the session that walks the other routes


@dataclass
class Walk:
    """A site, its routes, and a browser for each role."""

    house: House
    routes: tuple[Declared, ...]
    http: TestClient

    def ask(self, route: Declared, **headers: str) -> int:
        path = re.sub(r"\{\w+\}", "nobody", route.path)
        answer = self.http.request(route.method, path, headers={"Sec-Fetch-Site": "same-origin", **headers})
        return answer.status_code

    @property
    def open_recovery(self) -> str:
        column = tables.recoveries.c
        with self.house.store.read() as connection:
            query = select(column.id).where(column.closed_at.is_(None)).limit(1)
            return str(connection.execute(query).scalar_one())

    @property
    def closed(self) -> list[Declared]:
        return [one for one in self.routes if one.rights and one.path not in ALONE]


@pytest.fixture(scope="module")
def walk(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    path = shutil.copyfile(sqlite_template, tmp_path_factory.mktemp("walk") / "dunning.db")
    house, _ = furnish(f"sqlite:///{path}", recoveries=12)
    routes = routes_of(make_screen(house, StillDemo()))
    client = TestClient(
        front_of(house, StillDemo()), client=("203.0.113.9", 1), base_url=BASE, follow_redirects=False
    )
    open_session(house)
    yield Walk(house, routes, client)
    house.store.engine.dispose()


def test_the_routes_for_everybody_are_these_and_no_others(walk: Walk) -> None:
    assert {(one.method, one.path) for one in walk.routes if not one.rights} == OPEN
    assert {(one.method, one.path) for one in walk.routes if is_public(one.path)} == OPEN


def test_a_route_that_declares_nothing_keeps_the_site_from_starting() -> None:
    router = APIRouter()
    router.get("/pay/one")(lambda: None)
    assert declared([router])
    router.get("/settings/forgotten")(lambda: None)
    with pytest.raises(RuntimeError, match="GET /settings/forgotten"):
        declared([router])


def test_what_changes_something_takes_more_than_looking_except_for_ones_own_account(walk: Walk) -> None:
    lax = {one.path for one in walk.closed if one.method != "GET" and one.rights == {Right.READ}}
    own = {"/account/language", "/account/zone", "/account/password", "/account/sessions/end"}
    assert lax == own | {"/demo/{action}", "/api/v1/schedule"}
    staff = {one.path for one in walk.closed if one.path.startswith("/settings") and Right.ACT in one.rights}
    assert staff == {"/settings/pause", "/settings/resume"}
    private = ("/settings/people", "/settings/tokens", "/settings/audit", "/api/v1/audit")
    assert all(Right.ADMIN in one.rights for one in walk.closed if one.path.startswith(private))


@pytest.mark.parametrize("role", list(Role))
def test_each_role_gets_what_its_rights_open_and_nothing_else(walk: Walk, role: Role) -> None:
    cookie = {"Cookie": f"{COOKIE}={open_session(walk.house, role)}"}
    wrong = []
    for route in walk.closed:
        refused = walk.ask(route, **cookie) in {401, 403}
        if refused is (route.rights <= RIGHTS[role]):
            wrong.append(f"{route.method} {route.path}")
    assert not wrong


@pytest.mark.parametrize("scope", list(Right))
def test_a_token_opens_the_api_as_far_as_its_scope(walk: Walk, scope: Right) -> None:
    _, secret = tokens.create(walk.house, name="test", scopes=[scope], by="test")
    rights = frozenset(Right) if scope is Right.ADMIN else {scope, Right.READ}
    for route in walk.closed:
        status = walk.ask(route, Authorization=f"Bearer {secret}")
        if route.path.startswith(("/api/", "/metrics")):
            assert (status == 403) is not (route.rights <= rights), route
        else:
            assert status in {303, 401}, route  # a token is no key to pages


def test_a_stranger_gets_nowhere(walk: Walk) -> None:
    wrong = [one for one in walk.closed if walk.ask(one) not in {303, 401}]
    assert not wrong
    assert walk.http.get("/").headers["location"] == "/login?next=/"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_path_changes_anything_for_another_site(walk: Walk, method: str) -> None:
    cookie = {"Cookie": f"{COOKIE}={open_session(walk.house)}"}
    for path in sorted({one.path for one in walk.routes}):
        answer = walk.http.request(method, path, headers={**cookie, "Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path


def test_on_loopback_the_scraper_needs_nothing_and_the_rest_does(walk: Walk) -> None:
    near = TestClient(front_of(walk.house), client=LOCAL, base_url=BASE, follow_redirects=False)
    assert near.get("/metrics").status_code == 200
    assert near.get("/recoveries").status_code == 303
    assert near.get("/api/v1/recoveries").status_code == 401


def test_a_page_offers_only_what_its_reader_may_do(walk: Walk) -> None:
    recovery = f"/recoveries/{walk.open_recovery}"
    offered = {
        role: [_offers(walk, role, path) for path in (recovery, "/settings", "/reports/recovered-revenue")]
        for role in Role
    }
    acts, looks = ("/retry", "/stop", "/link"), ()
    assert {role: tuple(part for part in acts if part in told[0]) for role, told in offered.items()} == {
        Role.VIEWER: looks,
        Role.STAFF: acts,
        Role.FINANCE: looks,
        Role.ADMIN: acts,
    }
    assert [role for role, told in offered.items() if "/settings/people" in told[1]] == [Role.ADMIN]
    assert [role for role, told in offered.items() if " disabled>Pause everything" in told[1]] == [
        Role.VIEWER,
        Role.FINANCE,
    ]
    assert [role for role, told in offered.items() if ".csv" in told[2]] == [Role.FINANCE, Role.ADMIN]


def _offers(walk: Walk, role: Role, path: str) -> str:
    answer = walk.http.get(path, headers={"Cookie": f"{COOKIE}={open_session(walk.house, role)}"})
    assert answer.status_code == 200
    return answer.text
