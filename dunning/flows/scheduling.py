"""When to retry a payment that somebody else charges, by planner, card rules and policy; no writes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.card_rules import CardRules
from dunning.core.declines import DeclineClass, DeclineTable, classify, may_retry, retry_limit
from dunning.core.network_rules import next_free
from dunning.core.policy import Policy, PolicyVersion
from dunning.core.vocabulary import InvoiceClass
from dunning.flows.house import House
from dunning.flows.planning import planner_in_service
from dunning.flows.retelling import retold
from dunning.store import card_rules, rules
from dunning.timing import Attempt, Case, Explanation
from dunning.timing.case import check, decline_of, own_attempts
from dunning.timing.rules import allowed

TOO_LATE: Final = "too_late"
NOT_WORTH_IT: Final = "not_worth_it"
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Advice:
    """What the planner says of a case as the house's rules bound it; `never` names why there is no time."""

    case: Case
    explanation: Explanation
    never: str | None
    as_of: datetime


def advise(house: House, case: Case, invoice_class: InvoiceClass) -> Advice:
    """Return when to retry, or why never; every charge of the card must be among the case's attempts.

    The policy's limits and the network's budget for the card hold beside what the case brings.

    Raises:
        ValueError: the case cannot be meant.
    """
    check(case)
    now = house.clock.now()
    if any(attempt.at > now for attempt in case.attempts):
        raise ValueError("an attempt lies in the future")
    with house.store.read() as connection:
        own_rules = card_rules.newest(connection)
        planner = planner_in_service(connection, house)
        policy = policy_of(connection, invoice_class)
    bound = _bound(case, own_rules, policy, now)
    explanation = planner.explain(bound, now=now)
    return Advice(bound, explanation, _never(bound, explanation, now), now)


def terms(house: House, invoice_class: InvoiceClass) -> Policy:
    """Return the policy in force for a class of invoice: its window and its number of attempts."""
    with house.store.read() as connection:
        return policy_of(connection, invoice_class)


def policy_of(connection: Connection, invoice_class: InvoiceClass) -> Policy:
    """Return the newest rules for a class of invoice; before the first were published, the built-in ones."""
    return (rules.newest_policy(connection) or PolicyVersion()).rules_for(invoice_class)


def _bound(case: Case, own_rules: CardRules, policy: Policy, now: datetime) -> Case:
    """Return the case with the house's limits, its codes as the planner must read them."""
    own, table = own_attempts(case), own_rules.table
    waits = [case.not_before or now, next_free(case.brand, [one.at for one in own], now, own_rules.budgets)]
    if own:
        waits.append(own[-1].at + _gap(own[-1], case, policy, table))
    if len(own) >= policy.attempts_per_card_a_day:
        waits.append(own[-policy.attempts_per_card_a_day].at + DAY)
    return replace(
        case,
        attempts=tuple(_retold(one, case.brand, table) for one in case.attempts),
        attempts_left=min([case.attempts_left, *_limits(own, case.brand, table)]),
        not_before=max(waits),
    )


def _gap(last: Attempt, case: Case, policy: Policy, table: DeclineTable) -> timedelta:
    technical = classify(decline_of(last, case.brand), table) is DeclineClass.TECHNICAL
    return policy.technical_gap if technical else policy.gap


def _retold(attempt: Attempt, brand: str | None, table: DeclineTable) -> Attempt:
    """Return the attempt with a code that says to the planner what the card rules in force say."""
    if attempt.paid or attempt.decline_code is None:
        return attempt
    seen = decline_of(attempt, brand)
    told = retold(attempt.decline_code, seen, classify(seen, table), retry_limit(seen, table))
    return replace(attempt, decline_code=told)


def _limits(own: tuple[Attempt, ...], brand: str | None, table: DeclineTable) -> Iterator[int]:
    """Yield, per refusal by a code that the merchant overrode, how many of its row's retries are left."""
    for tries_since, attempt in enumerate(reversed(own)):
        seen = decline_of(attempt, brand)
        limit = retry_limit(seen, table) if may_retry(classify(seen, table)) else None
        if attempt.decline_code in table.overridden and limit is not None:
            yield max(limit - tries_since, 0)


def _never(case: Case, explanation: Explanation, now: datetime) -> str | None:
    """Return the rule by which there is no time; None when there is one."""
    if explanation.choice is not None:
        return None
    for_good = (veto.rule for veto in explanation.vetoed if veto.end is None)
    late = TOO_LATE if allowed(case, now).first() is None else NOT_WORTH_IT
    return next(for_good, late)
