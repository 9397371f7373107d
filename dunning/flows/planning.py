"""Putting the question to the planner: a recovery's case, the planner in service, the explanation kept."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from dunning import logs
from dunning.core.billing import Whose
from dunning.core.declines import DeclineClass
from dunning.core.policy import Policy
from dunning.core.recovery import Facts, attempts_left
from dunning.core.two_collectors import BLACKOUT
from dunning.core.vocabulary import NETWORK_ANSWERED, Arm, AttemptState, Retries
from dunning.flows import card_budget, retelling, withholding
from dunning.flows.house import House
from dunning.store import attempts as attempt_store
from dunning.store import objects, recoveries, rules
from dunning.store.rows import AttemptRow, CardRow, RecoveryRow
from dunning.timing import Attempt, Case, Explanation, Planner
from dunning.timing.case import own_attempts
from dunning.timing.policies import PLAIN

log = logs.get(__name__)


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
    """Ask the planner, or the ladder for who is held out, and keep what it said for the recovery's page.

    Where it would have chosen a time at which the network's budget for the card is used up, that attempt
    is withheld, and kept as such.
    """
    planner = planner_in_service(connection, house)
    case = case_of(connection, recovery, facts, policy, not_before=not_before, now=now)
    card = _next_card(connection, recovery, facts)
    free = card_budget.free_at(connection, recovery.whose, card, now)
    bound = replace(case, not_before=max(case.not_before or now, free))
    explanation = _explained(planner, recovery, bound, now)
    if bound != case:
        wish = _explained(planner, recovery, case, now).choice
        if wish is not None and wish.at < free:
            withholding.keep_budget(connection, recovery, card, now=now, free_at=free)
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
    """Return the recovery as the planner sees it, with the policy's earliest time.

    The planner reads codes by its own, built-in table. Where the card rules (or what it is not told: the
    charge's outcome, the network's own answer) gave a refusal another class, a code that stands for that
    class goes in its place: see `retelling`.
    """
    history = attempt_store.of_recovery(connection, recovery.id)
    card = _next_card(connection, recovery, facts)
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    fingerprint = card.fingerprint if card else None
    earliest = [
        not_before or now,
        policy_free_at(connection, recovery.whose, card, policy, now),
        _after_the_gap(recovery, history, policy, facts.backup_card) or now,
    ]
    return Case(
        id=recovery.id,
        amount=recovery.amount,
        currency=recovery.currency,
        attempts=answered(connection, history),
        deadline=recovery.deadline,
        attempts_left=min(
            [attempts_left(facts, policy), *retelling.own_limits(connection, history, fingerprint)]
        ),
        customer=recovery.customer_id,
        brand=card.brand if card else None,
        funding=card.funding if card else None,
        country=(card.country if card else None) or (customer.country if customer else None),
        timezone=customer.timezone if customer else None,
        not_before=max(earliest),
        vetoes=_blackout(facts),
        card=fingerprint,
    )


def _next_card(connection: Connection, recovery: RecoveryRow, facts: Facts) -> CardRow | None:
    card_id = recovery.fresh_card_id or facts.backup_card or recovery.card_id
    return objects.card(connection, recovery.whose, card_id)


def _after_the_gap(
    recovery: RecoveryRow,
    history: Sequence[AttemptRow],
    policy: Policy,
    backup_card: str | None,
) -> datetime | None:
    """Return the end of the policy's gap after the last try of the same card; a new card has none."""
    if recovery.fresh_card_id is not None:
        return None
    answered_ones = (row for row in history if row.state in NETWORK_ANSWERED)
    tries = [row.at for row in answered_ones if backup_card in {None, row.card_id}]
    technical = recovery.decline_class is DeclineClass.TECHNICAL
    return max(tries) + (policy.technical_gap if technical else policy.gap) if tries else None


def answered(connection: Connection, history: Sequence[AttemptRow]) -> tuple[Attempt, ...]:
    """Return the attempts that got an answer, as timing knows them."""
    return tuple(
        Attempt(
            at=row.at,
            paid=row.state is AttemptState.PAID,
            decline_code=retelling.code_for_planner(connection, row),
            advice_code=row.advice_code,
            network_advice_code=row.network_advice_code,
            card=row.fingerprint,
        )
        for row in history
        if row.state in NETWORK_ANSWERED
    )


def planner_in_service(connection: Connection, house: House) -> Planner:
    """Return the newest fitted planner; before the first fit, the informed prior.

    A planner that another version of dunning saved cannot be read: until the next fit the prior stands in.
    """
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
        try:
            return Planner.loads(model)
        except ValueError as error:
            log.warning("planner_not_read", error=str(error), instead="prior")
    return Planner.fit([], now=now)


def policy_free_at(
    connection: Connection,
    whose: Whose,
    card: CardRow | None,
    policy: Policy,
    now: datetime,
) -> datetime:
    """Return the earliest time inside the policy's daily limit for the card.

    Its day begins anew when the card was renewed, or has paid: it works again.
    """
    if card is None or card.fingerprint is None:
        return now
    worked = (card.network_updated_at, attempt_store.last_paid(connection, whose, card.fingerprint))
    since = max([now - timedelta(days=1), *(at for at in worked if at is not None)])
    tried = attempt_store.reached_network(connection, whose, card.fingerprint, since)
    today = [at for at in tried if at > since]
    if len(today) < policy.attempts_per_card_a_day:
        return now
    return today[-policy.attempts_per_card_a_day] + timedelta(days=1)


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
