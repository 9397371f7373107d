"""Reading a charge's outcome, only where nothing else tells a block from the bank's no."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from dunning.core.billing import Failure, Whose
from dunning.core.clock import VirtualClock
from dunning.core.declines import Decline
from dunning.gateway.ask import Stripe
from dunning.gateway.shapes import with_outcome
from dunning.sandbox import Sandbox, Server, serve

OURS = Whose()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(clock=VirtualClock(datetime(2026, 1, 5, 9, tzinfo=UTC)), seed=7)
    yield made
    made.close()


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[Server]:
    running = serve(sandbox)
    yield running
    running.stop()


@pytest.fixture
def stripe(server: Server) -> Stripe:
    return Stripe("sk_test_outcome", server.url)


def reads(sandbox: Sandbox) -> Any:
    """Return a fault that does nothing but count the reads of charges down from 100."""
    return sandbox.faults.add(path="/v1/charges/*", method="GET", times=100, seconds=0.001)


def failure_of(stripe: Stripe, ids: dict[str, Any]) -> Failure:
    failure = stripe.failed_invoice(OURS, ids["invoice"]).failure
    assert failure is not None
    return failure


def test_a_failed_invoice_tells_that_stripe_blocked_its_charge(stripe: Stripe, sandbox: Sandbox) -> None:
    ids = sandbox.customer(fail="rule")
    plain = stripe.invoice(OURS, ids["invoice"]).failure
    assert plain is not None
    assert plain.decline.outcome_type is None
    told = failure_of(stripe, ids)
    assert (told.decline.outcome_type, told.decline.outcome_reason) == ("blocked", "rule")
    assert told.decline.network_status == "not_sent_to_network"
    assert told.decline.code == plain.decline.code == "generic_decline"
    assert told.charge == plain.charge


def test_a_refused_charge_of_ours_tells_it_too(stripe: Stripe, sandbox: Sandbox) -> None:
    ids = sandbox.customer(fail="previously_declined_do_not_retry")
    answer = stripe.pay(OURS, ids["invoice"], key="v1:pay:self:in:1")
    assert answer.outcome == "declined"
    assert answer.failure is not None
    assert answer.failure.decline.outcome_reason == "previously_declined_do_not_retry"


@pytest.mark.parametrize(
    ("code", "times"),
    [("generic_decline", 0), ("insufficient_funds", 0), ("lost_card", 0), ("fraudulent", 1)],
)
def test_the_charge_is_read_once_and_only_for_what_the_answer_leaves_open(
    stripe: Stripe, sandbox: Sandbox, code: str, times: int
) -> None:
    ids, counted = sandbox.customer(fail=code), reads(sandbox)
    failure_of(stripe, ids)
    assert 100 - counted.times == times


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429}, {"drop": True}, {"status": 400}])
def test_a_charge_that_cannot_be_read_leaves_the_failure(
    stripe: Stripe, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    ids = sandbox.customer(fail="fraudulent")
    sandbox.faults.add(path="/v1/charges/*", method="GET", times=None, **fault)
    told = failure_of(stripe, ids)
    assert told.decline.code == "fraudulent"
    assert told.decline.outcome_type is None


@pytest.mark.parametrize("charge", [{}, {"outcome": None}, {"outcome": {"type": 3, "reason": None}}])
def test_an_outcome_that_says_nothing_takes_nothing_away(charge: dict[str, Any]) -> None:
    failure = Failure(Decline(code="generic_decline", network_decline_code="05"), "ch_1")
    assert with_outcome(failure, charge) == failure
