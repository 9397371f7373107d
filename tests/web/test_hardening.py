"""What protects the site whoever asks: limits, headers, and a line in the log for whoever was refused."""

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from browser.house import BASE, front_of, furnish
from signed_in import open_session, signed_in
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from dunning.core.people import Role
from dunning.flows import passwords, remembering, signing_in
from dunning.flows.house import House
from dunning.web.punctual import Punctual
from dunning.web.server import WebServer, listen
from dunning.web.site import MAX_BODY

SECRET = "a password that nobody may read"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Any) -> Iterator[House]:
    path = tmp_path_factory.mktemp("hardening") / "dunning.db"
    path.write_bytes(sqlite_template.read_bytes())
    made, _ = furnish(f"sqlite:///{path}", recoveries=4)
    yield made
    made.store.engine.dispose()


def browser(house: House, role: Role | None = None, base: str = BASE) -> TestClient:
    site = signed_in(front_of(house), house, role) if role else front_of(house)
    made = TestClient(site, client=("203.0.113.9", 1), base_url=base, follow_redirects=False)
    made.headers["Sec-Fetch-Site"] = "same-origin"
    return made


def logged(house: House, *asked: Any, role: Role | None = None, **more: Any) -> list[dict[str, Any]]:
    """Return the lines that a request leaves in the log."""
    client = browser(house, role)
    with capture_logs() as lines:
        client.request(*asked, **more)
    return [dict(line) for line in lines]


def test_a_refused_sign_in_leaves_a_line_without_the_words_that_were_typed(house: House) -> None:
    browser(house, Role.ADMIN)  # there are accounts
    form = {"email": "admin@juniper.example", "password": SECRET}
    (line,) = logged(house, "POST", "/login", data=form)
    assert (line["event"], line["why"], line["user"]) == ("sign_in_refused", "wrong", "usr_admin")
    assert line["client"] == "203.0.113.9"
    (line,) = logged(house, "POST", "/login", data={**form, "email": "eve@x.example"})
    assert line["user"] is None
    assert SECRET not in repr(line)
    assert "eve@" not in repr(line)
    for _ in range(6):
        last = logged(house, "POST", "/login", data=form)
    assert last[0]["why"] == "too many tries"


def test_a_token_a_right_and_a_forged_request_that_are_refused_leave_a_line(house: House) -> None:
    bearer = {"Authorization": "Bearer dun_nobodys_token_at_all"}
    (line,) = logged(house, "GET", "/api/v1/recoveries", headers=bearer)
    assert line["event"] == "token_refused"
    assert "nobodys" not in repr(line)
    (line,) = logged(house, "GET", "/settings/people", role=Role.VIEWER)
    assert (line["event"], line["right"], line["by"]) == ("right_refused", "admin", "usr_viewer")
    (line,) = logged(
        house, "POST", "/settings/pause", role=Role.ADMIN, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert (line["event"], line["path"]) == ("forged_request", "/settings/pause")


@pytest.mark.parametrize("path", ["/login", "/join/nobody", "/pay/nobody", "/api/v1/schedule"])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused_before_anybody_reads_it(
    house: House, path: str, *, chunked: bool
) -> None:
    body = b"email=" + b"x" * MAX_BODY
    kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    sent: Any = iter([body[:1000], body[1000:]]) if chunked else body
    answer = browser(house, Role.ADMIN).post(path, content=sent, headers={"content-type": kind})
    assert answer.status_code == 413, answer.text


def test_no_method_echoes_a_request(house: House) -> None:
    for path in ("/login", "/healthz", "/recoveries", "/api/v1/recoveries"):
        answer = browser(house, Role.ADMIN).request("TRACE", path, headers={"X-Secret": SECRET})
        assert answer.status_code == 405
        assert SECRET not in answer.text


def test_over_https_a_browser_keeps_to_it_for_a_year_below_this_host_too(house: House) -> None:
    answer = browser(house, base="https://dunning.acme.example").get("/login")
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


def test_signing_out_empties_what_the_browser_kept(house: House) -> None:
    answer = browser(house, Role.STAFF).post("/logout")
    assert answer.headers["clear-site-data"] == '"cache", "storage"'


@pytest.mark.parametrize(
    "path", ["/login", "/", "/recoveries", "/healthz", "/nowhere", "/settings", "/pay/nobody"]
)
def test_every_text_names_its_kind_and_its_alphabet(house: House, path: str) -> None:
    answer = browser(house, Role.ADMIN).get(path)
    assert re.fullmatch(r"text/(html|plain); charset=utf-8", answer.headers["content-type"])


def test_no_page_lets_another_site_read_it(house: House) -> None:
    for path in ("/recoveries", "/api/v1/recoveries", "/login"):
        for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}):
            answer = browser(house, Role.ADMIN).get(path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_a_parameter_that_comes_twice_is_taken_from_its_own_place_only(house: House) -> None:
    """A form's field cannot be given in the query, nor a query's in the form."""
    admin = browser(house, Role.ADMIN)
    assert admin.post("/settings/pause?reason=forged", data={}).status_code == 422
    assert admin.post("/settings/pause", data={"reason": "mine", "other": "x"}).status_code == 422


def test_over_https_every_cookie_is_bound_to_this_host(house: House) -> None:
    """Also those that tell what was done, and which language: a neighbour's of the same name is not read."""
    secure = "https://dunning.acme.example"
    site = front_of(house)
    admin = TestClient(site, client=("203.0.113.9", 1), base_url=secure, follow_redirects=False)
    admin.headers |= {"Sec-Fetch-Site": "same-origin", "Cookie": f"__Host-dunning={open_session(house)}"}
    told = admin.post("/settings/pause", data={"reason": "a test"}).headers["set-cookie"]
    assert told.startswith("__Host-notice=")
    assert "; secure" in told.lower()
    admin.post("/settings/resume")
    said = told.partition(";")[0]
    own, planted = (
        f"__Host-dunning={open_session(house)}; {one}" for one in (said, said.removeprefix("__Host-"))
    )
    assert "no message leaves" in admin.get("/", headers={"Cookie": own}).text
    assert "no message leaves" not in admin.get("/", headers={"Cookie": planted}).text


def test_a_password_is_hidden_may_be_pasted_and_is_compared_as_it_is(house: House) -> None:
    browser(house, Role.ADMIN)
    field = re.search(r'<input[^>]*name="password"[^>]*>', browser(house).get("/login").text)
    assert field is not None
    assert 'type="password"' in field[0]
    assert 'autocomplete="current-password"' in field[0]
    assert "paste" not in field[0]
    long = "a sentence of more than seventy-two bytes, that an older scheme would have cut off: " * 2
    known = passwords.hashed(long)
    assert passwords.fits(long, known)
    for wrong in (long.strip(), long.upper(), long[:-1], f"{long} "):
        assert not passwords.fits(wrong, known)


def test_an_error_that_nobody_foresaw_tells_the_reader_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> bool:
        raise RuntimeError(SECRET)

    monkeypatch.setattr(signing_in, "anybody", breaks)
    client = TestClient(front_of(house), base_url=BASE, raise_server_exceptions=False)
    answer = client.get("/login", headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 500
    for told in (SECRET, "Traceback", "RuntimeError", ".py"):
        assert told not in answer.text


def test_no_folder_is_listed_and_nothing_beside_the_files_is_served(house: House) -> None:
    for path in (
        "/static/",
        "/static/x/",
        "/static/x/..%2f..%2fsettings.py",
        "/static/x/__init__.py",
        "/.git/config",
    ):
        assert browser(house, Role.ADMIN).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/login", "/api/v1/schedule", "/pay/nobody"])
def test_a_body_that_never_ends_is_given_up(house: House, path: str) -> None:
    """Over a real connection: a few bytes, and then nothing."""
    listener = listen("127.0.0.1", 0)
    server = WebServer(Punctual(signed_in(front_of(house), house, Role.ADMIN), seconds=0.3), listener)
    server.start()
    kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\nContent-Length: 999\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
            line.sendall(f"{head}em".encode())
            answer = b"".join(iter(lambda: line.recv(65536), b""))
    finally:
        server.stop()
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_safe_mode_shows_on_every_page_and_in_the_figures(house: House) -> None:
    admin = browser(house, Role.ADMIN)
    assert "Stripe takes charges." in admin.get("/settings/health").text
    remembering.declare(house, by="a test")
    for path in ("/", "/recoveries", "/settings/health"):
        assert "Nothing is charged, nobody is written to since" in admin.get(path).text
    assert "Stripe takes charges." not in admin.get("/settings/health").text
    assert 'dunning_alarms{kind="safe_mode"} 1.0' in admin.get("/metrics").text
