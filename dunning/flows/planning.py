"""Putting the question to the planner: a recovery's case, the planner in service, the explanation kept."""

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.declines import Decline, DeclineClass
from dunning.core.network_rules import budgets, next_free
from dunning.core.policy import Policy
from dunning.core.recovery import Facts, attempts_left
from dunning.core.vocabulary import Arm, AttemptState, Retries
from dunning.flows.house import House
from dunning.store import attempts as attempt_store
from dunning.store import objects, recoveries, rules
from dunning.store.rows import AttemptRow, CardRow, RecoveryRow
from dunning.timing import Attempt, Case, Explanation, Planner
from dunning.timing.case import own_attempts
from dunning.timing.policies import PLAIN

NETWORK_ANSWERED: Final = frozenset(
    {AttemptState.PAID, AttemptState.DECLINED, AttemptState.NEEDS_ACTION},
)
BLACKOUT: Final = timedelta(hours=6)  # when weaving: no attempt this near to one of Stripe's own


def explain_next(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    facts: Facts,
    policy: Policy,
    *,
    not_before: datetime | None,
    now: datetime,
) -> Explanation:
    """Ask the planner, or the ladder for who is held out, and keep what it said for the recovery's page."""
    case = case_of(connection, recovery, facts, policy, not_before=not_before, now=now)
    explanation = _explained(planner_in_service(connection, house), recovery, case, now)
    recoveries.keep_plan(connection, recovery.id, now, _kept(explanation))
    return explanation


def _explained(planner: Planner, recovery: RecoveryRow, case: Case, now: datetime) -> Explanation:
    """Ask the planner, or the plain ladder for who is held out; a card not yet tried is timed alike."""
    if recovery.retries_arm is Arm.HOLDOUT and own_attempts(case):
        return PLAIN.explain(case, planner, now=now)
    return planner.explain(case, now=now)


def case_of(
    connection: Connection,
    recovery: RecoveryRow,
    facts: Facts,
    policy: Policy,
    *,
    not_before: datetime | None,
    now: datetime,
) -> Case:
    """Return the recovery as the planner sees it, with the network's and the policy's earliest time."""
    history = attempt_store.of_recovery(connection, recovery.id)
    card = objects.card(connection, recovery.whose, recovery.fresh_card_id or recovery.card_id)
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    earliest = [
        not_before or now,
        card_free_at(connection, card, policy, now),
        _after_the_gap(recovery, history, policy) or now,
    ]
    return Case(
        id=recovery.id,
        amount=recovery.amount,
        currency=recovery.currency,
        attempts=answered(history),
        deadline=recovery.deadline,
        attempts_left=attempts_left(facts, policy),
        customer=recovery.customer_id,
        brand=card.brand if card else None,
        funding=card.funding if card else None,
        country=(card.country if card else None) or (customer.country if customer else None),
        timezone=customer.timezone if customer else None,
        not_before=max(earliest),
        vetoes=_blackout(facts),
        card=card.fingerprint if card else None,
    )


def _after_the_gap(
    recovery: RecoveryRow,
    history: Sequence[AttemptRow],
    policy: Policy,
) -> datetime | None:
    """Return the end of the policy's gap after the last try of the same card; a new card has none."""
    if recovery.fresh_card_id is not None:
        return None
    tries = [row.at for row in history if row.state in NETWORK_ANSWERED]
    technical = recovery.decline_class is DeclineClass.TECHNICAL
    return max(tries) + (policy.technical_gap if technical else policy.gap) if tries else None


def answered(history: Sequence[AttemptRow]) -> tuple[Attempt, ...]:
    """Return the attempts that got an answer, as timing knows them."""
    return tuple(
        Attempt(
            at=row.at,
            paid=row.state is AttemptState.PAID,
            decline_code=row.decline_code,
            advice_code=row.advice_code,
            network_advice_code=row.network_advice_code,
            card=row.fingerprint,
        )
        for row in history
        if row.state in NETWORK_ANSWERED
    )


def decline_of(row: AttemptRow) -> Decline:
    """Return what Stripe said about a refused attempt."""
    return Decline(
        code=row.decline_code,
        advice_code=row.advice_code,
        network_advice_code=row.network_advice_code,
        network_decline_code=row.network_decline_code,
        network_status=row.network_status,
        brand=row.brand,
    )


def planner_in_service(connection: Connection, house: House) -> Planner:
    """Return the newest fitted planner; before the first fit, the informed prior."""
    version = rules.newest_planner(connection)
    key = version or 0
    if key not in house.planners:
        model = None if version is None else rules.planner_model(connection, version)
        fitted = loaded(model, now=house.clock.now())
        house.planners.clear()
        house.planners[key] = fitted
    return house.planners[key]


def loaded(model: bytes | None, *, now: datetime) -> Planner:
    """Return a saved planner; the informed prior for none, and for one that an older version saved."""
    if model is not None:
        with contextlib.suppress(ValueError):
            return Planner.loads(model)
    return Planner.fit([], now=now)


def card_free_at(
    connection: Connection,
    card: CardRow | None,
    policy: Policy | None,
    now: datetime,
) -> datetime:
    """Return the earliest time inside the network's budget and the policy's daily limit for the card.

    Without a policy the network's budget alone is kept: for staff, and for the first try of a fresh card.
    """
    if card is None or card.fingerprint is None:
        return now
    longest = max(budget.window for budget in budgets(card.brand))
    times = attempt_store.reached_network(connection, card.fingerprint, now - longest)
    free = next_free(card.brand, times, now)
    if policy is None:
        return free
    today = [at for at in times if at > now - timedelta(days=1)]
    if len(today) >= policy.attempts_per_card_a_day:
        free = max(free, today[-policy.attempts_per_card_a_day] + timedelta(days=1))
    return free


def _blackout(facts: Facts) -> tuple[tuple[datetime, datetime], ...]:
    stripe_next = facts.stripe_next_attempt_at
    if facts.retries is not Retries.WEAVE or stripe_next is None:
        return ()
    return ((stripe_next - BLACKOUT, stripe_next + BLACKOUT),)


def _kept(explanation: Explanation) -> dict[str, Any]:
    choice = explanation.choice
    return {
        "at": choice.at if choice else None,
        "reason": explanation.reason,
        "explanation": {
            "probability": choice.probability if choice else None,
            "propensity": choice.propensity if choice else None,
            "alternatives": [
                {"at": other.at.isoformat(), "probability": other.probability, "reason": other.reason}
                for other in explanation.alternatives
            ],
            "vetoed": [
                {
                    "rule": veto.rule,
                    "sentence": veto.sentence,
                    "from": veto.start.isoformat(),
                    "to": veto.end.isoformat() if veto.end else None,
                }
                for veto in explanation.vetoed
            ],
        },
    }
