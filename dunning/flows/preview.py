"""The dated plan of a recovery: every retry and message to come if nobody pays, and what moved each."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.course import Retry, plan
from dunning.core.outlook import Coming, Expected, outlook
from dunning.core.vocabulary import CLOSED, MessageState, Retries
from dunning.flows import planning
from dunning.flows.house import House
from dunning.flows.steer import facts_of
from dunning.flows.steps import course_of
from dunning.store import attempts, letters, messages, objects, recoveries, rules, sending
from dunning.store.rows import MessageRow, RecoveryRow
from dunning.timing import Attempt, Case, Planner
from dunning.timing.localtime import zone_of_customer

RETRIES_MOST: Final = 8
STRIPES: Final = "Stripe’s own next try."
A_MINUTE: Final = timedelta(minutes=1)


def coming(house: House, recovery_id: str) -> list[Coming]:
    """Return what is to come for a recovery, oldest first; nothing for a closed or unknown one.

    Retries after the next one are what the planner would choose if every try before them failed.
    """
    now = house.clock.now()
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        if recovery is None or recovery.status in CLOSED:
            return []
        retries = list(_retries(connection, house, recovery, now))
        theirs = _of_stripe(connection, recovery, now)
        if recovery.silenced_at is not None:
            return outlook([*theirs, *retries], [], 1)
        found = _with_messages(connection, recovery, retries, now)
    return sorted([*found, *outlook(theirs, [], 1)], key=lambda line: line.at)


def guessed(planner: Planner, case: Case, now: datetime) -> Iterator[Expected]:
    """Yield the retries of a case as the planner would choose them, each if all before it failed."""
    at = now
    for ordinal in range(1, RETRIES_MOST + 1):
        explanation = planner.explain(case, now=at)
        if explanation.choice is None:
            return
        at = explanation.choice.at
        yield Expected(Retry(at, str(ordinal)), explanation.reason, sure=False)
        case, at = _failed(case, at), at + A_MINUTE


def _with_messages(
    connection: Connection, recovery: RecoveryRow, retries: list[Expected], now: datetime
) -> list[Coming]:
    campaign = rules.campaign(connection, recovery.campaign_key, recovery.campaign_version)
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    zone = zone_of_customer(customer)
    rows = messages.of_recovery(connection, recovery.id)
    address = customer.email if customer else None
    sent = letters.written_to(connection, address, now, but="") if address else []
    course = course_of(recovery, attempts.of_recovery(connection, recovery.id))
    wished = tuple(one.retry for one in retries)
    planned = plan(
        campaign,
        replace(course, failed=(*course.failed, *wished), coming=wished),
        zone,
        sending.current(connection),
        arm=recovery.campaign_arm,
        sent=[at for at in sent if at <= now],
        gone=_gone(rows),
        now=now,
    )
    return outlook(retries, planned, 1 if recovery.next_attempt_at is not None else 0)


def _gone(rows: list[MessageRow]) -> set[tuple[str, str]]:
    """Return the steps, with their occurrences, that are done with."""
    return {(row.step, row.occurrence) for row in rows if row.state is not MessageState.PLANNED}


def _retries(
    connection: Connection, house: House, recovery: RecoveryRow, now: datetime
) -> Iterator[Expected]:
    """Yield the retry that has a date, then those that the planner would choose if it failed."""
    at = recovery.next_attempt_at
    if at is None:
        return
    history = attempts.of_recovery(connection, recovery.id)
    asked = sum(row.ordinal is not None for row in history)
    yield Expected(Retry(at, str(asked + 1)), recovery.why, sure=True)
    policy = rules.policy(connection, recovery.policy_version, recovery.invoice_class)
    planner = planning.planner_in_service(connection, house)
    case = planning.case_of(
        connection, recovery, facts_of(connection, recovery), policy, not_before=None, now=now
    )
    case = replace(_failed(case, max(at, now)), not_before=max(at, now) + policy.gap)
    for one in guessed(planner, case, max(at, now) + A_MINUTE):
        number = asked + 1 + int(one.retry.occurrence)
        yield replace(one, retry=replace(one.retry, occurrence=str(number)))


def _of_stripe(connection: Connection, recovery: RecoveryRow, now: datetime) -> list[Expected]:
    """Return the next try of Stripe's own, where it makes the retries; no step of ours announces it."""
    invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
    at = invoice.next_payment_attempt_at if invoice is not None else None
    if at is None or at <= now or recovery.retries is Retries.OWN:
        return []
    return [Expected(Retry(at, "stripe"), STRIPES, sure=True)]


def _failed(case: Case, at: datetime) -> Case:
    """Return the case after one more try that failed as the last one did."""
    last = case.attempts[-1] if case.attempts else None
    code = last.decline_code if last else None
    tried = Attempt(at=at, paid=False, decline_code=code, card=case.card)
    return replace(case, attempts=(*case.attempts, tried), attempts_left=max(case.attempts_left - 1, 0))
