"""Recoveries whose whole window is over, each with its side in the experiments and what it came to.

By intention to treat: a recovery counts on the side it opened on, whatever happened to it; card updates and
payments by customers count on every side.
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Subquery, and_, func, select

from dunning.core.vocabulary import Arm, Experiment, LedgerKind, Reason, Retries
from dunning.store.tables import assignments, cards, ledger_entries, recoveries

OURS: Final = frozenset({Reason.OUR_RETRY, Reason.BACKUP_CARD})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recovery; money in minor units, gross, as it came until the window's end."""

    id: str
    customer: str
    currency: str
    amount: int
    decline_class: str
    funding: str | None
    retries: Retries
    arms: dict[Experiment, Arm | None]
    holdout: dict[Experiment, Fraction | None]  # how likely its customer was to be held out
    recovered: int
    paid_after: float | None  # days from the failure to the payment
    by_retry: bool  # paid by a retry of ours, not by the customer or anybody else
    campaign: str = ""  # the key of the campaign that it opened with
    policy: int = 0  # the version of the policy that it opened with


def finished(
    connection: Connection, now: datetime, *, livemode: bool, experimental: bool = False
) -> list[Outcome]:
    """Return the recoveries of one mode whose window was over at `now`, oldest first.

    `experimental` leaves out those that are in no experiment.
    """
    money = recovered_in_window()
    retries, messages = assignments.alias("its_retries"), assignments.alias("its_messages")
    joined = recoveries.outerjoin(money, money.c.recovery_id == recoveries.c.id)
    for side, experiment in ((retries, Experiment.RETRIES), (messages, Experiment.MESSAGES)):
        joined = joined.outerjoin(side, _assigned(side, experiment))
    joined = joined.outerjoin(cards, _card())
    query = (
        select(
            recoveries,
            cards.c.funding,
            money.c.recovered,
            money.c.paid_at,
            money.c.reason.label("paid_by"),
            retries.c.arm.label("side_retries"),
            retries.c.probability.label("chance_retries"),
            messages.c.arm.label("side_messages"),
            messages.c.probability.label("chance_messages"),
        )
        .select_from(joined)
        .where(recoveries.c.livemode == livemode, recoveries.c.deadline <= now)
        .order_by(recoveries.c.failed_at, recoveries.c.id)
    )
    if experimental:
        query = query.where(recoveries.c.retries_arm.is_not(None) | recoveries.c.messages_arm.is_not(None))
    return [_outcome(row) for row in connection.execute(query.execution_options(yield_per=2000))]


def recovered_in_window() -> Subquery:
    """Return, by recovery, what was recovered until its window's end, when first, and by what."""
    return (
        select(
            ledger_entries.c.recovery_id,
            func.sum(ledger_entries.c.amount).label("recovered"),
            func.min(ledger_entries.c.at).label("paid_at"),
            func.min(ledger_entries.c.reason).label("reason"),
        )
        .join(recoveries, recoveries.c.id == ledger_entries.c.recovery_id)
        .where(ledger_entries.c.kind == LedgerKind.RECOVERED, ledger_entries.c.at <= recoveries.c.deadline)
        .group_by(ledger_entries.c.recovery_id)
        .subquery()
    )


def _assigned(side: Any, experiment: Experiment) -> Any:
    return and_(
        side.c.experiment == experiment,
        side.c.account_id == recoveries.c.account_id,
        side.c.livemode == recoveries.c.livemode,
        side.c.customer_id == recoveries.c.customer_id,
    )


def _card() -> Any:
    return and_(
        cards.c.account_id == recoveries.c.account_id,
        cards.c.livemode == recoveries.c.livemode,
        cards.c.id == recoveries.c.card_id,
    )


def _outcome(row: Any) -> Outcome:
    after = None if row.paid_at is None else (row.paid_at - row.failed_at).total_seconds() / 86400
    return Outcome(
        id=row.id,
        customer=row.customer_id or row.id,
        currency=row.currency,
        amount=row.amount,
        decline_class=row.decline_class.value,
        funding=row.funding,
        retries=row.retries,
        arms={Experiment.RETRIES: row.retries_arm, Experiment.MESSAGES: row.messages_arm},
        holdout={
            Experiment.RETRIES: _holdout(row.retries_arm, row.chance_retries, row.side_retries),
            Experiment.MESSAGES: _holdout(row.messages_arm, row.chance_messages, row.side_messages),
        },
        recovered=int(row.recovered or 0),
        paid_after=after,
        by_retry=row.paid_by in OURS,
        campaign=row.campaign_key,
        policy=row.policy_version,
    )


def _holdout(arm: Arm | None, chance: str | None, side: Arm | None) -> Fraction | None:
    """Return how likely the customer was to be held out; None where the recovery is in no experiment."""
    if arm is None or chance is None:
        return None
    return Fraction(chance) if side is Arm.HOLDOUT else 1 - Fraction(chance)
