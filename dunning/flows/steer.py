"""Telling the state machine what happened, and writing down what it decides: the only writer of statuses."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from dunning.core.changes import Change, NoTime, TimeChosen
from dunning.core.ids import derive_id
from dunning.core.policy import Policy
from dunning.core.recovery import Decision, Facts, decide, ring_at
from dunning.core.vocabulary import (
    CLOSED,
    COSTS_BUDGET,
    UNFINISHED,
    ClosedReason,
    Retries,
    Status,
)
from dunning.flows import planning
from dunning.flows.card_limits import card_stopped
from dunning.flows.house import House
from dunning.store import attempts as attempt_store
from dunning.store import messages, objects, recoveries, rules
from dunning.store.rows import RecoveryRow


def steer(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    change: Change,
    *,
    now: datetime,
    by: str = "dunning",
    **more: Any,
) -> Decision | None:
    """Decide a change for a recovery that this transaction holds, and save the decision.

    `more` are columns that change with it (the reason when recovered, the staff request, the fresh card).
    A staff request is for the very next attempt: any other decision ends it.
    Returns None when the change makes no difference; `more` is then not written either.
    """
    policy = rules.policy(connection, recovery.policy_version)
    facts = facts_of(connection, recovery)
    decision = decide(facts, change, policy, now=now)
    if decision is None:
        return None
    if decision.plan:
        decision = _planned(connection, house, recovery, facts, policy, decision, now)
    _save(connection, recovery, facts, decision, now, by, more)
    return decision


def facts_of(connection: Connection, recovery: RecoveryRow) -> Facts:
    """Return what `decide` needs to know of a recovery."""
    history = attempt_store.of_recovery(connection, recovery.id)
    invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
    ours = [a for a in history if a.ordinal is not None]
    return Facts(
        status=recovery.status,
        retries=recovery.retries,
        deadline=recovery.deadline,
        decline_class=recovery.decline_class,
        attempts_asked=sum(a.state in COSTS_BUDGET for a in ours),
        unfinished=any(a.state in UNFINISHED for a in history),
        fresh_card=recovery.fresh_card_id is not None,
        by_hand=recovery.by_hand,
        card_stopped=card_stopped(
            connection, recovery.whose, recovery.fresh_card_id or recovery.card_id, history
        ),
        next_attempt_at=recovery.next_attempt_at,
        stripe_next_attempt_at=invoice.next_payment_attempt_at if invoice else None,
        pause_until=recovery.pause_until,
    )


def owns_wrongly(recovery: RecoveryRow) -> bool:
    """Return whether the invoice is in the wrong hands: ours to take from Stripe, or to give back."""
    if recovery.by_hand:
        return False  # there is no collection to take over
    return wants_ownership(recovery.status, recovery.retries, recovery.closed_reason) not in {
        None,
        recovery.taken_over,
    }


def wants_ownership(status: Status, retries: Retries, closed: ClosedReason | None) -> bool | None:
    """Return whether the invoice should be ours (True), Stripe's (False), or stay as it is (None).

    An open recovery keeps the invoice through a pause, so that Stripe cannot charge during a promise to pay;
    only a stop by staff or a change of mode hands it back.
    """
    if status not in CLOSED:
        return retries is Retries.OWN
    return False if closed is ClosedReason.STAFF else None


def _planned(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    facts: Facts,
    policy: Policy,
    wish: Decision,
    now: datetime,
) -> Decision:
    explanation = planning.explain_next(
        connection,
        house,
        recovery,
        facts,
        policy,
        not_before=wish.not_before,
        now=now,
    )
    choice = explanation.choice
    answer = TimeChosen(choice.at) if choice is not None else NoTime(explanation.reason)
    decision = decide(facts, answer, policy, now=now)
    if decision is None:
        return wish
    return decision if choice is None else _with_reason(decision, explanation.reason)


def _with_reason(decision: Decision, reason: str) -> Decision:
    return Decision(decision.status, reason, next_attempt_at=decision.next_attempt_at)


def _save(
    connection: Connection,
    recovery: RecoveryRow,
    facts: Facts,
    decision: Decision,
    now: datetime,
    by: str,
    more: dict[str, Any],
) -> None:
    closing = decision.status in CLOSED
    recovered = decision.status is Status.RECOVERED
    rings = ring_at(decision, facts, now=now)
    desired = wants_ownership(decision.status, recovery.retries, decision.closed_reason)
    recoveries.change(
        connection,
        recovery.id,
        status=decision.status,
        why=decision.why,
        next_attempt_at=decision.next_attempt_at,
        pause_until=decision.pause_until,
        closed_reason=None if recovered else decision.closed_reason,
        closed_at=now if closing else None,
        late=decision.late,
        ring_at=now if desired not in {None, recovery.taken_over} else rings,
        **{"staff_request": None, **more},
    )
    _note(connection, recovery, decision, now, by)
    if closing:
        messages.skip_planned(connection, recovery.id, "The recovery is closed.")


def _note(connection: Connection, recovery: RecoveryRow, decision: Decision, now: datetime, by: str) -> None:
    count = recoveries.count_notes(connection, recovery.id)
    recoveries.note(
        connection,
        f"{derive_id('note', now, recovery.id)}{count:05d}",  # one instant's lines sort as they came
        recovery.id,
        at=now,
        by=by,
        kind="decision",
        sentence=decision.why,
    )
