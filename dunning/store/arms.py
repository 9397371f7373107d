"""Recoveries whose whole window is over, each with its arm of a campaign and what it came to.

By intention to treat: a recovery counts for the arm and the version that it opened with, wherever staff
moved it since.
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy import Connection, select

from dunning.store.outcomes import recovered_in_window
from dunning.store.tables import campaign_arms, recoveries


@dataclass(frozen=True, slots=True)
class InArm:
    """One recovery; money in minor units, gross; `probability` that its customer came to the arm."""

    campaign: str
    version: int
    arm: str
    customer: str
    currency: str
    recovered: int
    paid: bool
    probability: Fraction | None  # None: it was drawn by a share that is not kept any more


def finished(connection: Connection, now: datetime, *, livemode: bool) -> list[InArm]:
    """Return the recoveries of one mode in an arm, whose window was over at `now`."""
    money = recovered_in_window()
    query = (
        select(
            recoveries.c.id,
            recoveries.c.account_id,
            recoveries.c.campaign_key,
            recoveries.c.campaign_version,
            recoveries.c.campaign_arm,
            recoveries.c.moved_from,
            recoveries.c.customer_id,
            recoveries.c.currency,
            money.c.recovered,
        )
        .select_from(recoveries.outerjoin(money, money.c.recovery_id == recoveries.c.id))
        .where(recoveries.c.livemode == livemode, recoveries.c.deadline <= now)
        .where(recoveries.c.campaign_arm.is_not(None) | recoveries.c.moved_from.is_not(None))
        .order_by(recoveries.c.failed_at, recoveries.c.id)
    )
    drawn = _drawn(connection, livemode=livemode)
    found = (_in_arm(row, drawn) for row in connection.execute(query))
    return [case for case in found if case is not None]


def _drawn(connection: Connection, *, livemode: bool) -> dict[tuple[str, str, str, str], Fraction]:
    """Return how likely each customer came to their arm, by campaign, account, customer and arm."""
    rows = connection.execute(select(campaign_arms).where(campaign_arms.c.livemode == livemode))
    return {
        (row.campaign_key, row.account_id, row.customer_id, row.arm): Fraction(row.probability)
        for row in rows
    }


def _in_arm(row: Any, drawn: dict[tuple[str, str, str, str], Fraction]) -> InArm | None:
    began = row.moved_from or [row.campaign_key, row.campaign_version, row.campaign_arm]
    campaign, version, arm = began
    if arm is None:
        return None
    customer = row.customer_id or row.id
    return InArm(
        campaign=campaign,
        version=version,
        arm=arm,
        customer=customer,
        currency=row.currency,
        recovered=int(row.recovered or 0),
        paid=row.recovered is not None,
        probability=drawn.get((campaign, row.account_id, customer, arm)),
    )
