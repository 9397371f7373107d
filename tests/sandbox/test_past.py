"""A past that nobody played: as complete in the lists as if somebody had."""

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox


def every(client: stripe.StripeClient, kind: str, **more: Any) -> list[dict[str, Any]]:
    listed = getattr(client.v1, kind).list({"limit": 100, **more})
    return [one.to_dict() for one in listed.auto_paging_iter()]


def test_the_lists_hold_exactly_what_was_asked_for_newest_first(
    client: stripe.StripeClient, control: Any
) -> None:
    living = control("customer", fail="lost_card")
    told = control("past", charges=350, open=3)
    charges = every(client, "charges")
    assert told["charges"] == 350
    assert len({one["id"] for one in charges}) == 351
    assert [one["created"] for one in charges] == sorted((one["created"] for one in charges), reverse=True)
    invoices = every(client, "invoices")
    assert len({one["id"] for one in invoices}) == told["invoices"] + 1
    assert invoices[0]["id"] == living["invoice"]
    mapped = {one["payment"]["payment_intent"]: one["invoice"] for one in every(client, "invoice_payments")}
    failed = {mapped[c["payment_intent"]] for c in charges if not c["paid"] and c["payment_intent"] in mapped}
    assert len(failed) == told["invoices_failed"] + 1


def test_pages_of_the_past_follow_cursors_and_filters(client: stripe.StripeClient, control: Any) -> None:
    control("past", charges=250, open=4)
    everything = [one["id"] for one in every(client, "charges")]
    middle = everything[120]
    after = client.v1.charges.list({"limit": 5, "starting_after": middle})
    before = client.v1.charges.list({"limit": 5, "ending_before": middle})
    assert [one.id for one in after.data] == everything[121:126]
    assert [one.id for one in before.data] == everything[115:120]
    at = client.v1.charges.retrieve(middle).created
    older = every(client, "charges", created={"lt": at})
    newer = every(client, "charges", created={"gte": at})
    assert len(older) + len(newer) == 250
    open_ones = every(client, "invoices", status="open")
    assert Counter(one["status"] for one in every(client, "invoices"))["open"] == len(open_ones) > 4


def test_what_is_open_can_be_paid_and_keeps_its_place(client: stripe.StripeClient, control: Any) -> None:
    control("past", charges=200, open=2)
    control("customer")
    before = [one["id"] for one in every(client, "invoices")]
    (newest, *_) = every(client, "invoices", status="open")
    full = client.v1.invoices.retrieve(newest["id"], {"expand": ["payments.data.payment.payment_intent"]})
    assert full.payments is not None
    with pytest.raises(stripe.CardError):
        client.v1.invoices.pay(newest["id"])
    client.v1.invoices.void_invoice(newest["id"])
    assert newest["id"] not in {one["id"] for one in every(client, "invoices", status="open")}
    assert [one["id"] for one in every(client, "invoices")] == before


def test_a_paid_invoice_of_the_past_is_not_paid_again(client: stripe.StripeClient, control: Any) -> None:
    control("past", charges=50)
    paid = every(client, "invoices", status="paid")[0]
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        client.v1.invoices.pay(paid["id"])
    charge = every(client, "charges")[0]
    assert client.v1.customers.retrieve(charge["customer"]).id == charge["customer"]


def test_one_seed_has_one_past(clock: VirtualClock) -> None:
    from dunning.sandbox import archive
    from dunning.sandbox.past import Wanted

    def ids() -> list[str]:
        made = Sandbox(clock=clock, seed=11)
        archive.lay_down(made.world, Wanted(charges=80))
        return made.world.past["charges"].ids

    assert ids() == ids()


def test_a_second_past_and_an_absurd_one_are_refused(server: Any, control: Any) -> None:
    url = f"{server.url}/_sandbox/past"
    assert httpx.post(url, json={"charges": 0}).status_code == 400
    control("past", charges=10)
    assert "already" in httpx.post(url, json={"charges": 10}).json()["error"]


def test_the_past_is_shaped_as_stripe_shapes_it(server: Any, control: Any, schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    control("past", charges=60, open=2)
    for kind in ("charge", "invoice", "invoice_payment"):
        url, key = f"{server.url}/v1/{kind}s?limit=100", {"Authorization": "Bearer sk_test_x"}
        found = httpx.get(url, headers=key).json()["data"]
        assert found
        if kind in schema["$defs"]:
            check = Draft202012Validator({"$ref": f"#/$defs/{kind}", "$defs": schema["$defs"]})
            assert [list(check.iter_errors(one)) for one in found] == [[]] * len(found)


def test_a_script_can_begin_with_a_past(sandbox: Sandbox, tmp_path: Path) -> None:
    from dunning.sandbox import script

    path = tmp_path / "script.toml"
    path.write_text("[[step]]\ndo = 'past'\nwith = { charges = 40, days = 90 }\n", encoding="utf-8")
    script.plan(sandbox, script.load(path))
    sandbox.play()
    assert len(sandbox.world.past["charges"].ids) == 40
