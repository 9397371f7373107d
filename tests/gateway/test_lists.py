"""Stripe's list pages read into core values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dunning.core.billing import Whose
from dunning.core.clock import VirtualClock
from dunning.core.declines import DeclineClass
from dunning.gateway import lists
from dunning.gateway.ask import Stripe
from dunning.gateway.lists import Asked, read_charge, read_past_invoice, read_payment
from dunning.sandbox import Sandbox, serve

START = datetime(2026, 1, 5, tzinfo=UTC)


def raw_charge(**changes: Any) -> dict[str, Any]:
    card = {"brand": "visa", "fingerprint": "fp", "funding": "debit", "country": "US", "last4": "4242"}
    return {
        "id": "ch_1",
        "created": 1767571200,
        "amount": 2900,
        "currency": "USD",
        "status": "failed",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "failure_code": "card_declined",
        "outcome": {
            "type": "issuer_declined",
            "reason": "insufficient_funds",
            "network_status": "declined_by_network",
            "advice_code": "try_again_later",
        },
        "payment_method_details": {"type": "card", "card": card},
        **changes,
    }


def test_a_refused_charge_says_why_in_its_outcome() -> None:
    found = read_charge(raw_charge())
    assert found is not None
    assert (found.currency, found.paid, found.decline.code) == ("usd", False, "insufficient_funds")
    assert found.failure.decline_class() is DeclineClass.SOFT_FUNDS
    assert found.card is not None
    assert (found.card.id, found.card.fingerprint) == ("pm_1", "fp")


def test_what_stripe_blocked_never_reached_the_network() -> None:
    blocked = {"type": "blocked", "reason": "highest_risk_level", "network_status": "not_sent_to_network"}
    found = read_charge(raw_charge(outcome=blocked))
    assert found is not None
    assert found.decline.network_status == "not_sent_to_network"
    assert found.failure.decline_class() in {DeclineClass.HARD, DeclineClass.FRAUD}


def test_a_charge_of_any_shape_is_read() -> None:
    assert read_charge(raw_charge(status="pending")) is None
    bare = read_charge({"id": "ch_1", "status": "succeeded", "currency": "jpy", "created": 1})
    assert bare is not None
    assert (bare.paid, bare.card, bare.amount) == (True, None, 0)
    old = read_charge(raw_charge(invoice="in_1", payment_intent={"id": "pi_9"}))
    assert old is not None
    assert (old.invoice, old.payment_intent) == ("in_1", "pi_9")


def test_a_payment_leads_from_an_intent_to_its_invoice() -> None:
    raw = {"id": "inpay_1", "invoice": "in_1", "created": 1, "payment": {"payment_intent": "pi_1"}}
    found = read_payment(raw)
    assert found is not None
    assert (found.invoice, found.payment_intent) == ("in_1", "pi_1")
    assert read_payment({"id": "inpay_1"}) is None


def test_a_draft_is_no_history() -> None:
    assert read_past_invoice({"id": "in_1", "status": "draft", "currency": "usd"}) is None


@pytest.fixture
def past() -> Any:
    sandbox = Sandbox(clock=VirtualClock(START), seed=7)
    server = serve(sandbox)
    from dunning.sandbox import archive
    from dunning.sandbox.past import Wanted

    archive.lay_down(sandbox.world, Wanted(charges=230, days=300))
    yield Stripe("sk_test_x", server.url)
    server.stop()
    sandbox.close()


def test_pages_follow_each_other_to_the_end(past: Stripe) -> None:
    since, after, ids = START - timedelta(days=400), None, []
    while True:
        page = lists.charges(past, Whose(), Asked(since, after=after))
        ids += [one.id for one in page.items]
        if not page.more:
            break
        after = page.last_id
    assert len(ids) == len(set(ids)) == 230
    some = lists.charges(past, Whose(), Asked(since, until=START - timedelta(days=200)))
    assert all(one.at < START - timedelta(days=200) for one in some.items)
    assert lists.invoices(past, Whose(), Asked(START)).items == ()


def test_the_charges_of_one_payment_intent_are_oldest_first(past: Stripe) -> None:
    page = lists.charges(past, Whose(), Asked(START - timedelta(days=400)))
    failed = next(one for one in page.items if not one.paid)
    found = lists.charges_of(past, Whose(), failed.payment_intent or "")
    assert failed.id in {one.id for one in found}
    assert [one.at for one in found] == sorted(one.at for one in found)
