"""Whatever stands in a form or an address, a page answers in words: nothing that people send breaks it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest
from browser.house import BASE, LOCAL, StillDemo, front_of
from fastapi.routing import APIRoute
from signed_in import signed_in
from starlette.testclient import TestClient
from web.test_changes_are_entered import OF_HOUSE, OF_RECOVERY, Walk, walk

from dunning.settings import Settings
from dunning.web.screen import make_screen
from dunning.web.site import PAGES

__all__ = ["walk"]

ODD = (
    "",
    "9" * 23,
    "0001-01-01",
    "9999-12-31",
    "9999-12",
    "a\x00b",
    "\ud83d",
    "x" * 5000,
    "https://[::1",
    "/recoveries?least=abc",
    "//elsewhere.example",
)
EAST = "Asia/Tokyo"  # where the first day of year 1 begins before there are dates in UTC
LEAVING = {"/logout", "/account/sessions/end", "/account/password"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
FAR = (
    "from=0001-01-01&to=2027-03-01",
    "from=2027-01-01&to=9999-12-31",
    "from=1990-01-01&to=2090-01-01",
)
LISTS = ("/recoveries?least=abc", "/recoveries?tab=none", "https://[::1")


@pytest.fixture
def http(walk: Walk) -> TestClient:
    house = replace(walk.house, settings=Settings(report_timezone=EAST))
    site = signed_in(front_of(house, StillDemo()), house)
    how: dict[str, Any] = {"follow_redirects": False, "raise_server_exceptions": False}
    return TestClient(site, client=LOCAL, base_url=BASE, **how)


def test_nothing_in_a_field_breaks_a_page(walk: Walk, http: TestClient) -> None:
    names = walk.names | {"recovery_id": walk.free["scheduled"][0]}
    broken, asked = [], 0
    for route, fields in routes(walk):
        method, path = next(iter(route.methods or {"GET"})), route.path
        for name in route.param_convertors:
            path = path.replace(f"{{{name}}}", str(names.get(name, "nothing")))
        usual = usual_form(route.path, names)
        for field in fields:
            for odd in ODD:
                form = urlencode({**usual, field: odd}, errors="surrogatepass")
                answer = (
                    http.get(f"{path}?{form}")
                    if method == "GET"
                    else http.post(path, content=form, headers=FORM)
                )
                asked += 1
                if answer.status_code >= 500 or leads_away(answer.headers.get("location", "/")):
                    broken.append(f"{method} {path} {field}={odd[:30]!r}: {answer.status_code}")
    assert broken == []
    assert asked > 1000


@pytest.mark.parametrize("period", FAR)
def test_a_period_that_is_too_long_to_draw_is_refused_in_words(http: TestClient, period: str) -> None:
    answer = http.get(f"/reports/recovered-revenue?{period}")
    assert answer.status_code == 422
    assert "choose a shorter one" in answer.text


@pytest.mark.parametrize("address", LISTS)
def test_a_list_that_cannot_be_read_is_refused_in_words(http: TestClient, address: str) -> None:
    everything = {"action": "note", "text": "Called", "everything": "true", "address": address}
    for path, form in (
        ("/recoveries/bulk", everything),
        ("/recoveries/views", {"name": "Mine", "address": address}),
    ):
        answer = http.post(path, data=form)
        assert answer.status_code == 400
        assert "begin again" in answer.text


@pytest.mark.parametrize("until", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-12:00"])
def test_the_api_refuses_an_instant_that_utc_has_no_year_for(
    walk: Walk, http: TestClient, until: str
) -> None:
    path = f"/api/v1/recoveries/{walk.free['scheduled'][0]}/pause"
    answer = http.post(path, json={"until": until, "why": "A typo"})
    assert answer.status_code == 422
    assert "between the years 1 and 9999" in answer.json()["detail"]


def routes(walk: Walk) -> Iterator[tuple[APIRoute, list[str]]]:
    """Yield each route of the pages with the names of what can be filled in."""
    for make in PAGES:
        for route in make(make_screen(walk.house, StillDemo())).routes:
            if isinstance(route, APIRoute) and route.path not in LEAVING:
                yield route, list(fields_of(route))


def fields_of(route: APIRoute) -> Iterator[str]:
    for parameter in (*route.dependant.body_params, *route.dependant.query_params):
        shape = getattr(parameter.field_info.annotation, "model_fields", None)
        yield from shape or [parameter.alias]


def usual_form(path: str, names: dict[str, str]) -> dict[str, Any]:
    form: dict[str, Any] = OF_HOUSE.get(path, {})
    if path.startswith("/recoveries/{recovery_id}/"):
        form = OF_RECOVERY.get(path.rpartition("/")[2], ("", None, None))[1] or {}
    filled = {name: value.format(**names) for name, value in form.items() if "{" in str(value)[:1]}
    return form | filled


def leads_away(address: str) -> bool:
    return not address.startswith("/") or address.startswith("//")
