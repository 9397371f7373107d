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
from sandbox.shape_rules import without_old, wrong

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox
from dunning.sandbox.debit_shapes import DEBITS


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
    for world in sandbox.accounts.all():
        for table in world.tables.values():
            yield from table.values()
        for event in world.events.values():
            body = json.loads(event.body)
            yield body
            yield body["data"]["object"]


def test_every_object_and_event_of_a_lively_world_is_valid(
    sandbox: Sandbox, clock: VirtualClock, client: stripe.StripeClient, control: Any, rules: Schema
) -> None:
    sandbox.populate(customers=80, until=clock.now() + timedelta(days=45))
    one_of_everything(client, control)
    debits_and_money_back(control)
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
        "charge.pending",
        "payment_intent.processing",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.funds_reinstated",
        "charge.dispute.updated",
        "mandate.updated",
        "refund.failed",
        "refund.updated",
        "credit_note.voided",
        "payment_method.automatically_updated",
    } <= types
    problems = sorted(
        {problem for obj in everything(sandbox) for problem in rules.problems(obj["object"], obj)}
    )
    assert problems == []


def debits_and_money_back(control: Any) -> None:
    """Let every kind of bank debit fail, succeed and come back, and money go every other way."""
    for method in sorted(DEBITS):
        control("customer", debit=method, fail="insufficient_funds", settles_after_hours=1)
        control("customer", debit=method, settles_after_hours=1, returns_after_hours=2)
    control("customer", debit="sepa_debit", account="acct_acme", settles_after_hours=1)
    paid = [control("customer")["invoice"] for _ in range(3)]
    control("refund", invoice=paid[0], amount=900, fails_after_hours=1)
    inquiry = control("dispute", invoice=paid[1], inquiry=True)["dispute"]
    control("escalate", dispute=inquiry)
    control("close_dispute", dispute=inquiry, won=True)
    control(
        "void_credit", credit_note=control("credit", invoice=paid[2], amount=900, refund=500)["credit_note"]
    )
    failing = control("customer", fail="expired_card", updates_after_hours=1)
    control("pay_part", invoice=failing["invoice"], amount=900)
    control("change_card", customer=failing["customer"], via="checkout")


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


@pytest.mark.parametrize("shape", ["old", "hybrid"])
def test_every_event_of_an_old_endpoint_keeps_the_rules_of_its_shape(
    sandbox: Sandbox, client: stripe.StripeClient, control: Any, rules: Schema, shape: str
) -> None:
    control("set", api_version="2024-10-28.acacia", hybrid=shape == "hybrid")
    one_of_everything(client, control)
    debits_and_money_back(control)
    control("advance", seconds=86400)
    shown = [
        json.loads(event.body)["data"]["object"]
        for world in sandbox.accounts.all()
        for event in world.events.values()
    ]
    assert sorted({found for obj in shown for found in wrong(obj, shape)}) == []
    if shape == "hybrid":  # it is the new shape, and something more
        new = [without_old(obj) for obj in shown]
        assert sorted({found for obj in new for found in rules.problems(obj["object"], obj)}) == []


def test_a_thin_notification_has_exactly_the_fields_of_one(sandbox: Sandbox, control: Any) -> None:
    control("set", payloads="thin")
    control("customer", account="acct_acme", fail="lost_card")
    control("customer")
    fields = {"id", "object", "type", "created", "livemode", "context", "reason", "related_object"}
    bodies = [json.loads(event.body) for event in sandbox.world.outbox]
    assert bodies
    for body in bodies:
        assert set(body) == fields
        assert set(body["related_object"]) == {"id", "type", "url"}
        assert (body["object"], body["type"][:3]) == ("v2.core.event", "v1.")


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
