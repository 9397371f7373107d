"""Signing in through an identity provider: a small real one over HTTP, and what it must not be believed."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from browser.house import BASE, front_of, furnish
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr
from starlette.testclient import TestClient

from dunning.core.clock import VirtualClock
from dunning.core.people import Role
from dunning.flows import people
from dunning.flows.house import House

MORNING = datetime(2027, 3, 18, 8, tzinfo=UTC)
BO = "bo@juniper.example"
KEY = ECKey.generate_key("P-256", {"kid": "now"})
STRANGERS = ECKey.generate_key("P-256", {"kid": "now"})


@dataclass
class Idp:
    """An identity provider that says of everybody what it is told to."""

    claims: dict[str, Any] = field(default_factory=dict)
    key: ECKey = field(default_factory=lambda: KEY)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str, form: dict[str, list[str]]) -> Any:
        if path == "/.well-known/openid-configuration":
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            return {"issuer": self.url, **{name: f"{self.url}/{end}" for name, end in ends.items()}}
        if path == "/jwks":
            return {"keys": [KEY.as_dict(private=False)]}
        self.asked.append(form)
        head = {"alg": "ES256", "kid": "now"}
        return {"id_token": jwt.encode(head, self.claims, self.key), "token_type": "Bearer"}


@pytest.fixture
def idp() -> Iterator[Idp]:
    found = Idp()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(found.answer(self.path, parse_qs(body))).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_port}"
        yield found
        server.shutdown()
        thread.join()


@dataclass
class Visit:
    """A browser on its way to the provider and back."""

    house: House
    idp: Idp
    http: TestClient

    def leave(self, going: str = "/recoveries") -> dict[str, str]:
        """What the provider is asked, and the claims of an honest answer."""
        away = self.http.get("/login/oidc", params={"next": going})
        url = urlsplit(away.headers["location"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{self.idp.url}/authorize"
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        now = int(MORNING.timestamp())
        self.idp.claims = {"iss": self.idp.url, "aud": "dunning", "sub": "1", "nonce": asked["nonce"]}
        self.idp.claims |= {"iat": now, "exp": now + 300, "email": "BO@juniper.example"}
        self.idp.claims["email_verified"] = True
        return asked

    def come_back(self, state: str) -> Any:
        return self.http.get("/login/oidc/back", params={"code": "c0de", "state": state})

    @property
    def inside(self) -> bool:
        return self.http.get("/").status_code == 200


@pytest.fixture
def visit(sqlite_url: str, idp: Idp) -> Iterator[Visit]:
    house, _ = furnish(sqlite_url, recoveries=0)
    named = {"oidc_issuer": idp.url, "oidc_client_id": "dunning", "oidc_client_secret": SecretStr("s")}
    settings = house.settings.model_copy(update={**named, "public_url": BASE})
    house = replace(house, settings=settings, wall=VirtualClock(MORNING))
    people.add(house, email=BO, name="Bo Li", role=Role.STAFF, by="test")
    browser = TestClient(front_of(house), client=("203.0.113.9", 1), base_url=BASE, follow_redirects=False)
    yield Visit(house, idp, browser)
    house.store.engine.dispose()


def test_whoever_the_provider_vouches_for_is_signed_in_as_their_account(visit: Visit) -> None:
    assert "Sign in with 127.0.0.1" in visit.http.get("/login").text
    asked = visit.leave()
    assert asked["redirect_uri"] == f"{BASE}/login/oidc/back"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    back = visit.come_back(asked["state"])
    assert (back.status_code, back.headers["location"]) == (303, "/recoveries")
    assert "Bo Li" in visit.http.get("/").text
    [told] = visit.idp.asked
    assert told["code"] == ["c0de"]
    assert len(told["code_verifier"][0]) >= 43
    assert visit.come_back(asked["state"]).status_code == 401, "used up"


@pytest.mark.parametrize(
    "lie",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": int(MORNING.timestamp()) - 120},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email": "nobody@juniper.example"},
        {"email": None},
    ],
)
def test_a_claim_that_does_not_hold_lets_nobody_in(visit: Visit, lie: dict[str, Any]) -> None:
    asked = visit.leave()
    visit.idp.claims |= lie
    answer = visit.come_back(asked["state"])
    assert answer.status_code == 401
    assert 'role="alert"' in answer.text
    assert not visit.inside


def test_an_audience_of_several_holds_us_too(visit: Visit) -> None:
    asked = visit.leave()
    visit.idp.claims["aud"] = ["another", "dunning"]
    assert visit.come_back(asked["state"]).status_code == 303


def test_a_signature_of_somebody_else_lets_nobody_in(visit: Visit) -> None:
    asked = visit.leave()
    visit.idp.key = STRANGERS
    assert visit.come_back(asked["state"]).status_code == 401
    assert not visit.inside


def test_who_comes_back_in_another_browser_or_too_late_is_not_let_in(visit: Visit) -> None:
    asked = visit.leave()
    assert visit.come_back("another state").status_code == 401
    cookie = visit.http.cookies.pop("dunning-oidc")
    assert visit.come_back(asked["state"]).status_code == 401
    for text in (cookie[:-1], "", "x.y", f"x{cookie}"):
        late = visit.http.get(
            f"/login/oidc/back?code=c&state={asked['state']}", headers={"Cookie": f"dunning-oidc={text}"}
        )
        assert late.status_code == 401
    asked = visit.leave()
    visit.house.wall.advance_to(MORNING + timedelta(minutes=11))  # type: ignore[attr-defined]
    assert visit.come_back(asked["state"]).status_code == 401
    assert visit.idp.asked == []


def test_a_disabled_account_and_a_foreign_page_are_led_nowhere(visit: Visit) -> None:
    asked = visit.leave("//evil.example")
    assert visit.come_back(asked["state"]).headers["location"] == "/"
    people.disable(visit.house, BO, by="test")
    asked = visit.leave()
    assert visit.come_back(asked["state"]).status_code == 401


def test_a_provider_that_is_away_is_said_so_and_passwords_still_work(visit: Visit) -> None:
    away = visit.house.settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:1"})
    site = front_of(replace(visit.house, settings=away))
    answer = TestClient(site, base_url=BASE, follow_redirects=False).get("/login/oidc")
    assert answer.status_code == 503
    assert "use a password" in answer.text


def test_without_passwords_the_provider_is_the_only_way_in(visit: Visit) -> None:
    link = people.reset_link(visit.house, BO, by="test").rpartition("/")[2]
    only = visit.house.settings.model_copy(update={"passwords": False})
    house = replace(visit.house, settings=only)
    http = TestClient(front_of(house), client=("203.0.113.9", 1), base_url=BASE, follow_redirects=False)
    http.headers["Sec-Fetch-Site"] = "same-origin"
    page = http.get("/login").text
    assert "Sign in with 127.0.0.1" in page
    assert 'name="password"' not in page
    refused = http.post("/login", data={"email": BO, "password": "a sentence that is easy to remember"})
    assert refused.status_code == 401
    assert "use your identity provider" in refused.text
    chosen = http.post(f"/join/{link}", data={"password": "a sentence that is easy to remember"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/login")
    visit.http = http
    assert visit.come_back(visit.leave()["state"]).status_code == 303
    assert visit.inside


def test_an_address_that_the_provider_gave_to_somebody_else_lets_nobody_in(visit: Visit) -> None:
    assert visit.come_back(visit.leave()["state"]).status_code == 303
    visit.http.post("/logout", headers={"Sec-Fetch-Site": "same-origin"})
    state = visit.leave()["state"]
    visit.idp.claims["sub"] = "2"
    refused = visit.come_back(state)
    assert refused.status_code == 401
    assert "meant somebody else by that address" in refused.text
    assert visit.come_back(visit.leave()["state"]).status_code == 303, "whom it meant at first"
    people.reset_link(visit.house, BO, by="an admin")
    state = visit.leave()["state"]
    visit.idp.claims["sub"] = "2"
    assert visit.come_back(state).status_code == 303
    state = visit.leave()["state"]
    del visit.idp.claims["sub"]
    assert visit.come_back(state).status_code == 401
