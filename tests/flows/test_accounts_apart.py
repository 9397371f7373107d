"""Connected accounts: the same ids in two accounts are two invoices, and each question names its account."""

import json
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
import stripe
from flows.every_event import deliver
from scenarios.stage import Stage
from simulation.wire import Answer, Request, Wire, send, speak_through

from dunning.core.billing import Whose
from dunning.core.breaker import Cause
from dunning.core.vocabulary import AttemptState, ClosedReason, EventState, Status
from dunning.flows import switches
from dunning.sandbox import Sandbox
from dunning.sandbox.server import application
from dunning.store import attempts, breakers, recoveries
from dunning.store.rows import AttemptRow, RecoveryRow

ACCOUNTS = ("acct_tea", "acct_coffee")


@dataclass
class Platform:
    """Two connected accounts, born from one seed: each object of one has a twin of the same id."""

    stage: Stage
    accounts: dict[str, Sandbox]
    asked: list[tuple[str | None, str]] = field(default_factory=list)

    def carry(self, request: Request) -> Answer:
        account = request.headers.get("Stripe-Account")
        self.asked.append((account, request.path))
        assert account is not None, f"{request.path} was asked of the platform itself"
        own = {name: value for name, value in request.headers.items() if name != "Stripe-Account"}
        return send(application(self.accounts[account]), replace(request, headers=own))

    def deliver(self) -> None:
        """Let what happened at the accounts be told, with the account's name on it."""
        for account, sandbox in self.accounts.items():
            sandbox.play()
            told, sandbox.world.outbox = sandbox.world.outbox, []
            for event in told:
                deliver(self.stage, json.loads(event.body) | {"account": account})

    def pass_time(self, hours: int) -> None:
        for _ in range(hours):
            self.stage.clock.advance_to(self.stage.clock.now().replace(minute=0) + HOUR)
            self.stage.ring()
            self.deliver()

    def recovery(self, account: str, ids: dict[str, Any]) -> RecoveryRow:
        with self.stage.house.store.read() as connection:
            found = recoveries.newest_of_invoice(connection, Whose(account), ids["invoice"])
        assert found is not None
        return found

    def ours(self, account: str, ids: dict[str, Any]) -> list[AttemptRow]:
        with self.stage.house.store.read() as connection:
            found = attempts.of_recovery(connection, self.recovery(account, ids).id)
        return [attempt for attempt in found if attempt.ordinal is not None]


HOUR = timedelta(hours=1)


@pytest.fixture
def platform(quick_stage: Stage) -> Platform:
    accounts = {name: Sandbox(clock=quick_stage.clock, seed=7) for name in ACCOUNTS}
    made = Platform(quick_stage, accounts)
    switches.set_mode(
        quick_stage.house, by="ada", messages=False
    )  # the stage's post office knows one town only
    client = stripe.StripeClient("sk_test_x", http_client=Wire(made.carry))
    speak_through(quick_stage.house.stripe, client)
    return made


def both_fail(platform: Platform) -> dict[str, Any]:
    """Bill the twin customers; only the one of the tea account will ever have money."""
    tea, coffee = ACCOUNTS
    ids = platform.accounts[tea].customer(fail="insufficient_funds", country="GB", clears_after_hours=1)
    assert platform.accounts[coffee].customer(fail="insufficient_funds", country="GB") == ids
    platform.deliver()
    return ids


def test_invoices_of_one_id_are_two_recoveries_each_charged_in_its_account(platform: Platform) -> None:
    ids = both_fail(platform)
    assert platform.recovery("acct_tea", ids).id != platform.recovery("acct_coffee", ids).id
    platform.pass_time(hours=24 * 7)
    assert platform.recovery("acct_tea", ids).status is Status.RECOVERED
    assert platform.recovery("acct_coffee", ids).status is not Status.RECOVERED
    assert {row.state for row in platform.ours("acct_tea", ids)} == {AttemptState.PAID}
    assert {row.state for row in platform.ours("acct_coffee", ids)} == {AttemptState.DECLINED}
    for account, sandbox in platform.accounts.items():
        keys = {line["idempotency_key"] for line in sandbox.books() if line["made_by"] == "dunning"}
        assert keys == {row.idempotency_key for row in platform.ours(account, ids)}
        assert all(key.startswith(f"v1:pay:{account}:") for key in keys)


def test_what_happens_to_a_customer_of_one_account_leaves_the_twin_alone(platform: Platform) -> None:
    ids = both_fail(platform)
    gone = {"id": "evt_x", "type": "customer.deleted", "account": "acct_tea"}
    deliver(platform.stage, gone | {"data": {"object": {"id": ids["customer"], "object": "customer"}}})
    assert platform.recovery("acct_tea", ids).closed_reason is ClosedReason.CUSTOMER_DELETED
    assert platform.recovery("acct_coffee", ids).status is Status.SCHEDULED


def test_an_account_that_disconnects_is_left_alone_and_says_why(platform: Platform) -> None:
    ids = both_fail(platform)
    with platform.stage.house.store.write() as connection:  # its last charge was refused for the key
        breakers.trip(connection, "acct_tea", Cause.KEY, "403", platform.stage.clock.now())
    left = {"id": "evt_x", "type": "account.application.deauthorized", "account": "acct_tea"}
    for _ in range(2):
        deliver(platform.stage, left | {"data": {"object": {"id": "ca_1", "object": "application"}}})
    assert platform.recovery("acct_tea", ids).status is Status.STOPPED
    assert platform.recovery("acct_coffee", ids).status is Status.SCHEDULED
    platform.accounts["acct_tea"].enabled_events = frozenset()  # Stripe tells us nothing of it any more
    platform.asked.clear()
    platform.pass_time(hours=48)
    assert {account for account, _ in platform.asked} == {"acct_coffee"}


def test_a_thin_notification_names_its_account_in_its_context(platform: Platform) -> None:
    tea = platform.accounts["acct_tea"]
    ids = tea.customer(fail="insufficient_funds", country="GB")
    tea.world.outbox.clear()
    named = {"id": ids["invoice"], "type": "invoice"}
    told = {"id": "evt_x", "type": "v1.invoice.payment_failed", "context": "acct_tea", "livemode": False}
    state, _ = deliver(platform.stage, told | {"object": "v2.core.event", "related_object": named})
    assert state is EventState.HANDLED
    assert platform.recovery("acct_tea", ids).status is Status.SCHEDULED


def test_an_event_of_the_other_mode_is_kept_and_never_acted_on(platform: Platform) -> None:
    tea = platform.accounts["acct_tea"]
    ids = tea.customer(fail="insufficient_funds", country="GB")
    failed = next(event for event in tea.world.outbox if event.type == "invoice.payment_failed")
    tea.world.outbox.clear()
    body = json.loads(failed.body) | {"account": "acct_tea", "livemode": True}
    assert deliver(platform.stage, body) == (EventState.IGNORED, "wrong livemode")
    platform.pass_time(hours=2)
    assert platform.asked == []
    with pytest.raises(AssertionError):
        platform.recovery("acct_tea", ids)
