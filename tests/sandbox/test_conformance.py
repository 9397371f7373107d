"""Whatever the sandbox sends is what Stripe's schema allows; with STRIPE_SAMPLES set, Stripe's own schema."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import stripe
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox


class Schema:
    """Validators by object, made once each."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.defs = schema["$defs"]
        self._made: dict[str, Validator] = {}
        self._schema = schema

    def problems(self, name: str, obj: dict[str, Any]) -> list[str]:
        if name not in self.defs:
            return []
        if name not in self._made:
            root = {"$schema": self._schema["$schema"], "$defs": self.defs, "$ref": f"#/$defs/{name}"}
            self._made[name] = Draft202012Validator(root)
        errors = self._made[name].iter_errors(obj)
        return [f"{name}: {error.json_path}: {error.message[:200]}" for error in errors]


@pytest.fixture(scope="module")
def rules(schema: dict[str, Any]) -> Schema:
    return Schema(schema)


def everything(sandbox: Sandbox) -> Iterator[dict[str, Any]]:
    for table in sandbox.world.tables.values():
        yield from table.values()
    for event in sandbox.world.events.values():
        body = json.loads(event.body)
        yield body
        yield body["data"]["object"]


def test_every_object_and_event_of_a_lively_world_is_valid(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any, rules: Schema
) -> None:
    sandbox.populate(customers=80, until=clock.now() + timedelta(days=45))
    one_of_everything(client, control)
    control("advance", seconds=45 * 86400)
    types = {event.type for event in sandbox.world.events.values()}
    assert {
        "invoice.paid",
        "invoice.payment_failed",
        "invoice.payment_action_required",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "payment_method.attached",
        "payment_method.detached",
        "charge.refunded",
        "charge.dispute.created",
        "charge.dispute.closed",
        "checkout.session.completed",
        "radar.early_fraud_warning.created",
        "customer.deleted",
    } <= types
    problems = sorted(
        {problem for obj in everything(sandbox) for problem in rules.problems(obj["object"], obj)}
    )
    assert problems == []


def one_of_everything(client: stripe.StripeClient, control: Any) -> None:
    """Make the rarer things happen once."""
    paid = control("customer")
    for action in ("refund", "warning", "dispute"):
        control(action, invoice=paid["invoice"])
    control("customer", fail="authentication_required", country="FR", currency="eur")
    client.v1.invoices.void_invoice(control("customer", fail="lost_card")["invoice"])
    client.v1.invoices.mark_uncollectible(control("customer", fail="fraudulent", one_off=True)["invoice"])
    moving = control("customer", fail="expired_card")
    card = client.v1.payment_methods.attach("pm_card_visa", {"customer": moving["customer"]})
    client.v1.payment_methods.detach(moving["payment_method"])
    client.v1.customers.update(moving["customer"], {"invoice_settings": {"default_payment_method": card.id}})
    client.v1.credit_notes.create({"invoice": moving["invoice"], "amount": 100})
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "customer": moving["customer"],
            "currency": "usd",
            "success_url": "http://x.invalid/",
        }
    )
    httpx.post(str(session.url), data={"card": "works"})
    client.v1.billing_portal.sessions.create(
        {"customer": moving["customer"], "flow_data": {"type": "payment_method_update"}}
    )
    client.v1.customers.delete(control("customer")["customer"])
    client.v1.webhook_endpoints.create({"url": "http://x.invalid/", "enabled_events": ["invoice.paid"]})


def test_expanded_answers_and_pages_are_valid(server: Any, control: Any, rules: Schema) -> None:
    invoice = control("customer", fail="insufficient_funds")["invoice"]
    with httpx.Client(base_url=server.url, headers={"Authorization": "Bearer sk_test_x"}) as raw:
        params = {"expand[]": "payments.data.payment.payment_intent"}
        answer = raw.get(f"/v1/invoices/{invoice}", params=params).json()
        page = raw.get("/v1/invoices", params={"limit": "1"}).json()
    intent = answer["payments"]["data"][0]["payment"]["payment_intent"]
    assert rules.problems("payment_intent", intent) == []
    assert rules.problems("invoice", page["data"][0]) == []


def test_the_rules_do_find_what_is_wrong(sandbox: Sandbox, control: Any, rules: Schema) -> None:
    made = control("customer")
    broken = sandbox.world.tables["invoices"][made["invoice"]] | {"amount_due": "much"}
    del broken["customer"]
    assert len(rules.problems("invoice", broken)) == 2
