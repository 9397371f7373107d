"""Each law is broken once, on both databases, and only it or its neighbours say so."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert
from store.test_laws import ATTEMPT, CLOSED, ENTRY, MESSAGE, NOW, RECOVERY, put

from dunning.core.policy import Policy
from dunning.core.vocabulary import AttemptState, MessageState, Reason, Status
from dunning.flows.placing import place
from dunning.store import invariants, recoveries, tables
from dunning.store.engine import Store, open_store

HOUR = timedelta(hours=1)
OURS: dict[str, Any] = ATTEMPT | {"asked_at": NOW, "parameters": {}, "made_by": "dunning"}
SENT = MESSAGE | {"state": MessageState.SENT, "sent_at": NOW, "address": "ann@example.com", "body_text": "Hi"}
INVOICE = {
    "account_id": "self",
    "livemode": False,
    "id": "in_1",
    "invoice_class": RECOVERY["invoice_class"],
    "currency": "usd",
    "amount_due": 2900,
    "amount_paid": 0,
    "amount_remaining": 2900,
}
PERSON = {"account_id": "self", "livemode": False, "id": "cus_gone"}
ERASURE = {"account_id": "self", "livemode": False, "id": "era_1", "customer_id": "cus_gone"}
ERASURE |= {"asked_by": "ada", "asked_at": NOW, "finished_at": NOW}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url, durable=False)
    with opened.write() as connection:
        policy = {"version": 1, "definition": Policy().dumps(), "published_at": NOW}
        connection.execute(insert(tables.policies).values(policy))
        recoveries.add(connection, RECOVERY | {"taken_over": True})
    yield opened
    opened.engine.dispose()


def charge(ordinal: int, **more: Any) -> dict[str, Any]:
    key = f"v1:pay:self:in_1:{ordinal}"
    return OURS | {"id": f"att_{ordinal}", "ordinal": ordinal, "idempotency_key": key} | more


def declined(ordinal: int, **more: Any) -> dict[str, Any]:
    return charge(ordinal, state=AttemptState.DECLINED, finished_at=NOW) | more


def visa(ordinal: int) -> dict[str, Any]:
    at = NOW - timedelta(days=29) + ordinal * HOUR
    card = {"fingerprint": "fp_1", "brand": "visa"}
    return declined(ordinal, at=at, asked_at=at, finished_at=at, **card)


CASES: dict[str, list[tuple[Any, dict[str, Any]]]] = {
    "no charge was asked while another was unfinished": [
        (tables.attempts, declined(1, finished_at=NOW + HOUR)),
        (tables.attempts, declined(2, asked_at=NOW)),
    ],
    "our charges of a card keep Visa's budget": [(tables.attempts, visa(n)) for n in range(1, 17)],
    "a charge of ours that paid is in the ledger": [
        (tables.attempts, charge(1, state=AttemptState.PAID, finished_at=NOW))
    ],
    "an amount has the sign of its kind": [
        (tables.ledger_entries, ENTRY | {"kind": "refund", "reason": None, "amount": 1})
    ],
    "an entry has the currency of its recovery": [
        (tables.ledger_entries, ENTRY | {"currency": "eur", "amount": 1})
    ],
    "an entry was recorded after it happened": [
        (tables.ledger_entries, ENTRY | {"amount": 1, "at": NOW + 2 * HOUR})
    ],
    "no recovery is open of an invoice known to be settled": [
        (tables.invoices, INVOICE | {"status": "paid", "paid_at": NOW - 3 * HOUR})
    ],
    "an erased person stays erased": [
        (tables.customers, PERSON | {"name": "Ann", "deleted": False, "read_at": NOW}),
        (tables.erasures, ERASURE),
    ],
    "no reading is applied that was not begun": [
        (tables.invoices, INVOICE | {"status": "open", "read_ticket": 1, "applied_ticket": 2})
    ],
    "no mail to an address that bounced, complained or is left alone": [
        (tables.messages, SENT),
        (
            tables.suppressions,
            {
                "account_id": "self",
                "address": "ann@example.com",
                "reason": "bounced",
                "added_at": NOW - HOUR,
            },
        ),
    ],
    "no message left before its text was kept": [(tables.messages, SENT | {"body_text": None})],
    "no link acts after it has expired": [
        (
            tables.links,
            {
                "account_id": "self",
                "livemode": False,
                "id": "lnk_1",
                "recovery_id": "rec_1",
                "created_at": NOW,
                "expires_at": NOW,
                "last_used_at": NOW + HOUR,
            },
        )
    ],
    "no unknown charge is left alone": [
        (tables.attempts, charge(1, state=AttemptState.UNKNOWN, asked_at=NOW - timedelta(days=5)))
    ],
    "no errand is left behind": [
        (
            tables.errands,
            {
                "account_id": "self",
                "livemode": False,
                "id": "err_1",
                "recovery_id": "rec_1",
                "kind": "collect_drafts",
                "object_id": "in_1",
                "by": "test",
                "state": "planned",
                "planned_at": NOW,
                "ring_at": NOW - HOUR,
            },
        )
    ],
    "events are compared with Stripe's own list": [
        (
            tables.switches,
            {
                "name": "chore:reconcile",
                "value": "x",
                "changed_at": NOW - timedelta(hours=27),
                "changed_by": "clock",
            },
        )
    ],
    "the ledger is Stripe's balance": [
        (
            tables.balance_breaks,
            {
                "account_id": "self",
                "livemode": False,
                "source_id": "ch_1",
                "direction": "in",
                "currency": "usd",
                "day": "2026-11-01",
                "ledger": 1,
                "stripe": 2,
                "found_at": NOW - timedelta(days=3),
            },
        )
    ],
}


@pytest.mark.parametrize("law", CASES)
def test_a_law_finds_what_breaks_it(store: Store, law: str) -> None:
    for table, row in CASES[law]:
        put(store, table, row)
    with store.write() as connection:
        place(connection, RECOVERY["id"], NOW)
        broken = {name for name, count in invariants.check(connection, NOW).items() if count}
    assert broken == {law}


def test_a_retry_that_is_credited_was_charged(store: Store) -> None:
    put(store, tables.ledger_entries, ENTRY)
    with store.write() as connection:
        recovered = {"status": Status.RECOVERED, "closed_reason": None, "reason": Reason.OUR_RETRY}
        connection.execute(tables.recoveries.update().values(CLOSED | recovered))
        place(connection, RECOVERY["id"], NOW)
        broken = {name for name, count in invariants.check(connection, NOW).items() if count}
    assert broken == {"what is credited to our retries we have charged"}


def test_the_budget_asks_about_charges_since_an_instant_only(store: Store) -> None:
    for table, row in CASES["our charges of a card keep Visa's budget"]:
        put(store, table, row)
    with store.read() as connection:
        law = "our charges of a card keep Visa's budget"
        assert invariants.check(connection, NOW)[law] == 1
        assert invariants.check(connection, NOW, NOW - timedelta(days=2))[law] == 0
