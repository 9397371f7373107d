"""Telling the state machine what happened, and writing down what it decides: the only writer of statuses."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.changes import Change, Due, NotAttempted, NoTime, StaffRetried, TimeChosen
from dunning.core.policy import Policy
from dunning.core.recovery import Decision, Facts, attempts_left, decide, ring_at
from dunning.core.vocabulary import (
    CLOSED,
    COSTS_BUDGET,
    UNFINISHED,
    ClosedReason,
    Retries,
    Status,
)
from dunning.flows import errands, placing, planning, wallet, withholding
from dunning.flows.announcing import announce_status
from dunning.flows.card_limits import card_stopped
from dunning.flows.house import House
from dunning.flows.steps import follow_retries
from dunning.flows.telling import tell
from dunning.store import attempts as attempt_store
from dunning.store import messages, objects, recoveries, rules, tasks
from dunning.store.rows import RecoveryRow

CLOSED_NOW: Final = "The recovery is closed."
USES_CARD: Final = frozenset({Status.SCHEDULED, Status.ATTEMPTING})


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
    policy = rules.policy(connection, recovery.policy_version, recovery.invoice_class)
    keeps = _keeps_backup(recovery, change)
    facts = with_backup(connection, recovery, facts_of(connection, recovery), policy, now, stuck=keeps)
    if keeps and facts.backup_card != recovery.backup_card_id:
        change = _without_it(recovery, change, now)
    decision = decide(facts, change, policy, now=now)
    if decision is None:
        return None
    if decision.plan:
        facts, decision = _planned(connection, house, recovery, facts, policy, decision, now)
    elif _forbidden(facts, decision, policy, now):
        withholding.keep_stop(connection, recovery, recovery.fresh_card_id or recovery.card_id, now=now)
    _save(connection, house, recovery, facts, decision, now, by, more)
    errands.follow_up(connection, recovery, policy, decision, change, more.get("reason"), now)
    placing.place(connection, recovery.id, now)
    return decision


def _keeps_backup(recovery: RecoveryRow, change: Change) -> bool:
    """Return whether the attempt that has a date was given it for another card: its own may have none."""
    asks = isinstance(change, Due | StaffRetried)
    return asks and recovery.status is Status.SCHEDULED and recovery.backup_card_id is not None


def _without_it(recovery: RecoveryRow, change: Change, now: datetime) -> Change:
    """Return what to decide instead, when the card that an attempt was dated for cannot be used any more."""
    at = recovery.next_attempt_at
    due = isinstance(change, Due) and at is not None and at <= now
    return NotAttempted("The other card cannot be used any more.") if due else change


def _forbidden(facts: Facts, decision: Decision, policy: Policy, now: datetime) -> bool:
    """Return whether a stop of the bank's alone keeps the next attempt, which the policy would allow."""
    allowed = attempts_left(facts, policy) > 0 and now < facts.deadline and facts.retries is not Retries.WATCH
    return decision.status is Status.WAITING and facts.card_stopped and allowed


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


def with_backup(
    connection: Connection,
    recovery: RecoveryRow,
    facts: Facts,
    policy: Policy,
    now: datetime,
    *,
    stuck: bool = False,
) -> Facts:
    """Return the facts with the other card that the policy offers for the next attempt, if it does."""
    if facts.status in CLOSED:
        return facts
    history = attempt_store.of_recovery(connection, recovery.id)
    card_id = wallet.backup_card(connection, recovery, policy, history, now, stuck=stuck)
    return facts if card_id is None else replace(facts, backup_card=card_id, card_stopped=False)


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
) -> tuple[Facts, Decision]:
    """Ask the planner; when it sees no time on the invoice's own card, ask once more for a backup card."""
    before = wish.not_before
    explanation = planning.explain_next(
        connection, house, recovery, facts, policy, not_before=before, now=now
    )
    if explanation.choice is None and facts.backup_card is None:
        other = with_backup(connection, recovery, facts, policy, now, stuck=True)
        if other.backup_card is not None:
            facts = other
            explanation = planning.explain_next(
                connection, house, recovery, facts, policy, not_before=before, now=now
            )
    choice = explanation.choice
    answer = TimeChosen(choice.at) if choice is not None else NoTime(explanation.reason)
    decision = decide(facts, answer, policy, now=now)
    if decision is None:
        return facts, wish
    return facts, decision if choice is None else _with_reason(decision, explanation.reason)


def _with_reason(decision: Decision, reason: str) -> Decision:
    return Decision(decision.status, reason, next_attempt_at=decision.next_attempt_at)


def _save(
    connection: Connection,
    house: House,
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
        closed_at=_moment(house, now) if closing else None,
        late=decision.late,
        ring_at=now if desired not in {None, recovery.taken_over} else rings,
        backup_card_id=facts.backup_card if decision.status in USES_CARD else None,
        **{"staff_request": None, **more},
    )
    tell(connection, recovery.id, decision.why, now=now, by=by)
    if decision.status is Status.SCHEDULED and facts.backup_card not in {None, recovery.backup_card_id}:
        why = f"The next attempt uses another card of the customer ({facts.backup_card}), as the policy says."
        tell(connection, recovery.id, why, now=now, by=by)
    announce_status(connection, recovery, decision.status, now)
    if closing:
        messages.skip_planned(connection, recovery.id, CLOSED_NOW)
        tasks.drop_of_recovery(connection, recovery.id, CLOSED_NOW, at=now, by="dunning")
    else:
        follow_retries(connection, recovery.id, now)


def _moment(house: House, now: datetime) -> datetime:
    """Return when a closing takes place: with the lock, not when its transaction began to wait for that.

    Whoever held the recovery meanwhile could still let a message or a charge go, and did so before it closed.
    """
    return max(now, house.clock.now())
