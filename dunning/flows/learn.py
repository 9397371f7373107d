"""Learning: fitting a planner on the merchant's own attempts, and putting it into service."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, select

from dunning.core.vocabulary import NETWORK_ANSWERED, AttemptState, MadeBy
from dunning.flows.house import House
from dunning.store import rules
from dunning.store.tables import attempts, customers, recoveries
from dunning.timing import Attempt, Case, Planner


def learn(house: House) -> int:
    """Fit a planner on every recovery so far and return how many it learned from; 0 fits nothing."""
    now = house.clock.now()
    with house.store.read() as connection:
        cases = list(past_cases(connection))
    if not cases:
        return 0
    model = Planner.fit(cases, now=now).dumps()
    with house.store.write() as connection:
        rules.add_planner(connection, model, len(cases), now)
    return len(cases)


def past_cases(connection: Connection) -> Iterator[Case]:
    """Yield every recovery as the planner learns from it: imported, finished and running ones."""
    columns = (
        recoveries.c.id.label("recovery_id"),
        recoveries.c.amount.label("owed"),
        recoveries.c.currency,
        recoveries.c.deadline,
        recoveries.c.customer_id,
        customers.c.country.label("home"),
        customers.c.timezone,
        attempts,
    )
    joined = recoveries.join(attempts, attempts.c.recovery_id == recoveries.c.id).outerjoin(
        customers,
        (customers.c.account_id == recoveries.c.account_id)
        & (customers.c.livemode == recoveries.c.livemode)
        & (customers.c.id == recoveries.c.customer_id),
    )
    # What customers do on a page says nothing about when a retry would have worked. Of the past nobody knows
    # whether a call by hand was such a page, so there only Stripe's own tries teach.
    ours = recoveries.c.import_id.is_(None) & (attempts.c.made_by != MadeBy.CUSTOMER)
    past = recoveries.c.import_id.is_not(None) & (attempts.c.made_by == MadeBy.STRIPE)
    wanted = attempts.c.state.in_(sorted(NETWORK_ANSWERED)) & (ours | past)
    query = select(*columns).select_from(joined).where(wanted).order_by(recoveries.c.id, attempts.c.at)
    rows = connection.execute(query)
    for _, group in groupby(rows, key=lambda row: row.recovery_id):
        yield _case(list(group))


def _case(rows: list[Any]) -> Case:
    first = rows[0]
    return Case(
        id=first.recovery_id,
        amount=first.owed,
        currency=first.currency,
        attempts=tuple(_attempt(row) for row in rows),
        deadline=first.deadline,
        attempts_left=0,
        customer=first.customer_id,
        brand=first.brand,
        funding=first.funding,
        country=first.country or first.home,
        timezone=first.timezone,
    )


def _attempt(row: Any) -> Attempt:
    return Attempt(
        at=row.at,
        paid=row.state is AttemptState.PAID,
        decline_code=row.decline_code,
        advice_code=row.advice_code,
        network_advice_code=row.network_advice_code,
        card=row.fingerprint,
    )
