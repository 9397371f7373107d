"""Who may ask for what, and what every answer says to a browser."""

from collections.abc import Iterator

import pytest
from browser.house import BASE, LOCAL, front_of, furnish
from fastapi import FastAPI
from starlette.testclient import TestClient

from dunning.web.gates import is_loopback_name, on_loopback

STAFF = ("/", "/recoveries", "/campaigns", "/settings", "/reports/recovered-revenue", "/metrics")
API = ("/api/v1/recoveries", "/api/v1/openapi.json", "/api/v1/reports/recovered-revenue")
OPEN = ("/pay/nobody", "/healthz", "/readyz", "/static/0/pay.css")


@pytest.fixture
def site(sqlite_url: str) -> Iterator[FastAPI]:
    house, _ = furnish(sqlite_url, recoveries=4)
    yield front_of(house)
    house.store.engine.dispose()


def client(site: FastAPI, address: str = LOCAL[0], base: str = BASE) -> TestClient:
    return TestClient(site, client=(address, 50000), base_url=base, follow_redirects=False)


@pytest.mark.parametrize("path", [*STAFF, *API])
def test_staff_pages_and_api_refuse_other_machines_and_say_why(site: FastAPI, path: str) -> None:
    answer = client(site, "192.168.1.20").get(path)
    assert answer.status_code == 403
    assert "only on the machine" in answer.text


@pytest.mark.parametrize("path", OPEN)
def test_customers_and_probes_may_come_from_anywhere(site: FastAPI, path: str) -> None:
    assert client(site, "203.0.113.9", "https://pay.example").get(path).status_code in {200, 404}


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_request_that_a_proxy_passed_on_is_refused(site: FastAPI, header: str) -> None:
    answer = client(site).get("/", headers={header: "127.0.0.1"})
    assert answer.status_code == 403
    assert "proxy" in answer.text


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""])
def test_a_foreign_name_that_leads_to_loopback_is_refused(site: FastAPI, host: str) -> None:
    assert client(site).get("/", headers={"Host": host}).status_code == 403


def test_loopback_is_known_in_all_its_spellings() -> None:
    assert all(map(on_loopback, ("127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1")))
    assert not any(map(on_loopback, ("10.0.0.1", "::ffff:10.0.0.1", "testclient", "", "128.0.0.1")))
    assert all(map(is_loopback_name, ("localhost", "localhost:8000", "[::1]:80", "dunning.localhost")))


@pytest.mark.parametrize("site_header", ["cross-site", "same-site", "nonsense"])
def test_another_site_cannot_make_a_browser_post(site: FastAPI, site_header: str) -> None:
    answer = client(site).post("/settings/resume", headers={"Sec-Fetch-Site": site_header})
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9"])
def test_an_older_browser_is_judged_by_its_origin(site: FastAPI, origin: str) -> None:
    assert client(site).post("/settings/resume", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": BASE}, {}],
)
def test_our_own_pages_and_programs_may_post(site: FastAPI, headers: dict[str, str]) -> None:
    assert client(site).post("/pay/nobody", headers=headers).status_code == 404


def test_the_webhook_goes_to_the_receiver_from_anywhere_and_whatever_the_headers(site: FastAPI) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "X-Forwarded-For": "1.2.3.4", "Host": "hooks.example"}
    answer = client(site, "54.187.1.1").post("/webhooks/stripe", headers=headers)
    assert (answer.status_code, answer.text) == (200, "kept")
    assert client(site).get("/webhooks/stripe").status_code in {404, 405}


def test_a_customer_without_fetch_metadata_may_press_the_button(site: FastAPI) -> None:
    headers = {"Origin": "null"}  # what a page with no-referrer sends over plain http
    answer = client(site, "203.0.113.9", "http://pay.example").post("/pay/nobody", headers=headers)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", [*STAFF, *API, *OPEN, "/nowhere", "/recoveries/rec_nobody"])
def test_every_answer_protects_its_reader(site: FastAPI, path: str) -> None:
    headers = client(site).get(path).headers
    policy = headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in policy
    assert policy.startswith(("default-src 'self'", "default-src 'none'"))
    assert "unsafe" not in policy
    assert headers["referrer-policy"] in {"same-origin", "no-referrer"}


def test_refusals_carry_the_headers_too(site: FastAPI) -> None:
    stranger = client(site, "203.0.113.9")
    for answer in (stranger.get("/"), stranger.get("/webhooks/stripe")):
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("simulated", [True, False])
def test_forms_may_lead_to_stripe_and_in_a_simulation_to_the_simulated_one(
    sqlite_url: str,
    *,
    simulated: bool,
) -> None:
    house, _ = furnish(sqlite_url, simulated=simulated, recoveries=0)
    policy = client(front_of(house)).get("/healthz").headers["content-security-policy"]
    house.store.engine.dispose()
    assert "form-action 'self' https://billing.stripe.com https://checkout.stripe.com" in policy
    assert ("http://127.0.0.1:12111" in policy) is simulated


def test_customer_pages_leave_no_trace(site: FastAPI) -> None:
    headers = client(site).get("/pay/nobody").headers
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "noindex" in headers["x-robots-tag"]
