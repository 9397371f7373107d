"""A log that we made, so that the truth is known: recoveries of a past year, on both sides of experiments."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from sqlalchemy import insert

from dunning.core.clock import VirtualClock
from dunning.core.experiments import arm_of, probability
from dunning.core.vocabulary import Arm, Experiment
from dunning.flows.guard import Guard
from dunning.flows.house import House
from dunning.resources import templates
from dunning.settings import Settings
from dunning.store import rules, tables
from dunning.store.engine import open_store

NOW = datetime(2026, 6, 1, tzinfo=UTC)
HALF = Fraction(1, 2)
CHANCES = {Arm.TREATED: 0.5, Arm.HOLDOUT: 0.4}


@contextmanager
def quiet_house(url: str) -> Iterator[House]:
    """Yield a house that asks nobody."""
    clock = VirtualClock(NOW)
    store = open_store(url, lease_clock=clock, durable=False)
    with store.write() as connection:
        rules.current_policy(connection, NOW)
        rules.current_campaign(connection, NOW)
    guard = Guard(store, clock)
    yield House(store, None, None, clock, Settings(), b"s" * 32, templates(), "Juniper Coffee", guard=guard)  # type: ignore[arg-type]  # nobody is asked
    store.engine.dispose()


def keep_log(
    house: House,
    cases: int,
    *,
    experiment: Experiment | None = Experiment.RETRIES,
    share: Fraction = HALF,
    chances: dict[Arm, float] | None = None,
    retries: str = "own",
    seed: int = 1,
    currency: str = "usd",
    paid_after: float = 4,
) -> None:
    """Keep finished recoveries, two per customer, each paid by a retry with its arm's chance."""
    dice, rows = random.Random(seed), _Rows()
    for number in range(cases):
        customer = f"cus_{seed}_{number // 2}"
        arm = arm_of(experiment, customer, share, salt="1") if experiment else None
        chance = (chances or CHANCES)[arm or Arm.TREATED]
        row = _recovery(f"{seed}_{number:05d}", customer, NOW - timedelta(days=30 + number % 300))
        row |= {"currency": currency, "retries": retries, "amount": dice.choice((900, 2900, 9900))}
        if experiment and arm:
            row[f"{experiment}_arm"] = arm
            rows.assign(experiment, customer, arm, share)
        rows.recoveries.append(row)
        if dice.random() < chance:
            _pay(row)
            rows.ledger.append(_entry(row, paid_after))
    with house.store.write() as connection:
        connection.execute(insert(tables.recoveries), rows.recoveries)
        connection.execute(insert(tables.ledger_entries), rows.ledger)
        if rows.assignments:
            connection.execute(insert(tables.assignments), list(rows.assignments.values()))


class _Rows:
    def __init__(self) -> None:
        self.recoveries: list[dict[str, Any]] = []
        self.ledger: list[dict[str, Any]] = []
        self.assignments: dict[str, dict[str, Any]] = {}

    def assign(self, experiment: Experiment, customer: str, arm: Arm, share: Fraction) -> None:
        row = {"experiment": experiment, "account_id": "self", "livemode": False, "customer_id": customer}
        row |= {"arm": arm, "probability": str(probability(arm, share)), "salt": "1", "assigned_at": NOW}
        self.assignments[customer] = row


def _recovery(key: str, customer: str, failed: datetime) -> dict[str, Any]:
    row = {"id": f"rec_{key}", "account_id": "self", "livemode": False, "invoice_id": f"in_{key}"}
    row |= {"customer_id": customer, "invoice_class": "renewal", "status": "lost", "closed_reason": "window"}
    row |= {"failed_at": failed, "opened_at": failed, "deadline": failed + timedelta(days=14)}
    row |= {"closed_at": failed + timedelta(days=14), "reason": None, "decline_class": "soft_funds"}
    row |= {"retries_arm": None, "messages_arm": None}
    return row | {"why": ".", "policy_version": 1, "campaign_key": "k", "campaign_version": 1}


def _pay(row: dict[str, Any]) -> None:
    row |= {"status": "recovered", "closed_reason": None, "reason": "our_retry"}


def _entry(row: dict[str, Any], paid_after: float) -> dict[str, Any]:
    at = row["failed_at"] + timedelta(days=paid_after)
    entry = {"id": f"led_{row['id']}", "account_id": "self", "livemode": False, "kind": "recovered"}
    entry |= {"source_id": f"ch_{row['id']}", "recovery_id": row["id"], "invoice_id": row["invoice_id"]}
    entry |= {"currency": row["currency"], "amount": row["amount"], "reason": "our_retry"}
    return entry | {"at": at, "recorded_at": at}
