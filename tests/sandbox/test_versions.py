"""Both generations of the API: what an event or an answer shows depends on the version it is rendered in."""

import json
from typing import Any

import httpx
import pytest
from sandbox.shape_rules import wrong

from dunning.gateway.shapes import read_invoice
from dunning.sandbox import Sandbox
from dunning.sandbox.versions import Shape, shape_of

LABELS = {"old": "2020-03-02", "hybrid": "2024-10-28.acacia", "new": "2025-03-31.basil"}


def get(url: str, path: str, version: str | None = None, **params: str) -> dict[str, Any]:
    headers = {"Authorization": "Bearer sk_test_x"} | ({"Stripe-Version": version} if version else {})
    answer = httpx.get(f"{url}{path}", headers=headers, params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("shape", ["old", "hybrid", "new"])
def test_events_are_rendered_in_the_version_of_the_endpoint(
    sandbox: Sandbox, control: Any, shape: str
) -> None:
    control("set", api_version=LABELS[shape], hybrid=shape == "hybrid")
    control("customer")
    control("customer", fail="insufficient_funds")
    control("customer", fail="lost_card", one_off=True)
    bodies = [json.loads(event.body) for event in sandbox.world.events.values()]
    assert {body["api_version"] for body in bodies} == {LABELS[shape]}
    shown = {body["data"]["object"]["object"] for body in bodies}
    assert {"invoice", "payment_intent", "charge", "subscription"} <= shown
    assert [found for body in bodies for found in wrong(body["data"]["object"], shape)] == []


def test_an_old_invoice_says_in_its_own_words_what_the_new_one_says(server: Any, control: Any) -> None:
    made = control("customer", fail="insufficient_funds")
    path = f"/v1/invoices/{made['invoice']}"
    control("set", hybrid=False)
    old, new = get(server.url, path, "2024-06-20"), get(server.url, path, "2026-10-28.endive")
    assert (old["subscription"], old["payment_intent"]) == (made["subscription"], made["payment_intent"])
    assert (old["paid"], old["charge"][:3]) == (False, "ch_")
    assert new["parent"]["subscription_details"]["subscription"] == made["subscription"]
    assert read_invoice(old).subscription == read_invoice(new).subscription


def test_answers_follow_the_version_header_and_the_accounts_own_without_one(
    server: Any, control: Any
) -> None:
    made = control("customer", fail="lost_card")
    paths = (f"/v1/invoices/{made['invoice']}", "/v1/charges", f"/v1/subscriptions/{made['subscription']}")
    for path in paths:
        assert wrong(get(server.url, path), "new") == []
        assert wrong(get(server.url, path, "2024-10-28.acacia"), "hybrid") == []
    control("set", api_version="2019-05-16", hybrid=False)
    for path in paths:
        assert wrong(get(server.url, path), "old") == []
        assert wrong(get(server.url, path, "2026-03-25.dahlia"), "new") == []


def test_old_fields_expand_in_an_old_version_only(server: Any, control: Any) -> None:
    made = control("customer", fail="lost_card")
    path, expand = f"/v1/invoices/{made['invoice']}", {"expand[]": "payment_intent.latest_charge"}
    found = get(server.url, path, "2020-08-27", **expand)
    assert found["payment_intent"]["latest_charge"]["invoice"] == made["invoice"]
    headers = {"Authorization": "Bearer sk_test_x", "Stripe-Version": "2025-09-30.clover"}
    assert httpx.get(f"{server.url}{path}", headers=headers, params=expand).status_code == 400


def test_a_refusal_shows_its_payment_intent_in_the_version_too(server: Any, control: Any) -> None:
    made = control("customer", fail="lost_card")
    headers = {"Authorization": "Bearer sk_test_x", "Stripe-Version": "2022-11-15"}
    answer = httpx.post(f"{server.url}/v1/invoices/{made['invoice']}/pay", headers=headers)
    assert answer.json()["error"]["payment_intent"]["invoice"] == made["invoice"]


@pytest.mark.parametrize(
    ("version", "shape"),
    [
        ("2025-03-30.acacia", Shape.OLD),
        ("2025-03-31.basil", Shape.NEW),
        ("2027-01-01.fig", Shape.NEW),
        (None, Shape.NEW),
    ],
)
def test_basil_is_the_border(version: str | None, shape: Shape) -> None:
    assert shape_of(version, hybrid=False) is shape
    assert shape_of(version, hybrid=True) is (Shape.HYBRID if shape is Shape.OLD else shape)


def test_a_version_that_is_none_is_refused(control: Any) -> None:
    answer = httpx.post(f"{control.url}/_sandbox/set", json={"api_version": "latest"})
    assert (answer.status_code, "write one such as" in answer.json()["error"]) == (400, True)
