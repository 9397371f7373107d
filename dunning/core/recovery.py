"""The recovery's state machine: one pure function of facts, a change and `now`.

`decide` is the only place that branches on status. It never picks a time itself: a decision with
`plan=True` asks the caller to put the question to the planner and come back with TimeChosen or NoTime.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from dunning.core.changes import (
    CardChanged,
    Change,
    Declined,
    Due,
    Ended,
    GivenUp,
    ModeSet,
    NotAttempted,
    NoTime,
    Opened,
    Paid,
    StaffPaused,
    StaffResumed,
    StaffRetried,
    StaffStopped,
    TimeChosen,
)
from dunning.core.declines import DeclineClass, may_retry
from dunning.core.policy import Policy
from dunning.core.vocabulary import CLOSED, ClosedReason, Retries, Status


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a recovery when something happens to it."""

    status: Status
    retries: Retries
    deadline: datetime  # the window's end; no attempt at or after it
    decline_class: DeclineClass
    attempts_asked: int  # charges that we asked and that cost budget
    unfinished: bool = False  # an attempt of ours has no outcome yet
    fresh_card: bool = False  # the next attempt would use a card that this invoice has not met
    backup_card: str | None = None  # another card of the customer that the policy offers for the next attempt
    by_hand: bool = False  # an invoice that was sent: the customer pays it, nobody charges it
    card_stopped: bool = False  # the network said never again for the card that would be used
    next_attempt_at: datetime | None = None
    stripe_next_attempt_at: datetime | None = None
    pause_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a recovery."""

    status: Status
    why: str  # a sentence for the timeline
    next_attempt_at: datetime | None = None  # set exactly when scheduled
    pause_until: datetime | None = None  # set exactly when paused
    closed_reason: ClosedReason | None = None
    late: bool = False  # paid after it was lost or stopped
    plan: bool = False  # ask the planner, then decide again
    attempt: bool = False  # claim an attempt now
    not_before: datetime | None = None  # for the planner


def decide(facts: Facts, change: Change, policy: Policy, *, now: datetime) -> Decision | None:  # noqa: C901, PLR0912 - one arm a change
    """Return what becomes of the recovery, or None when the change makes no difference.

    All instants are aware UTC. A closed recovery never retries or writes again; only a payment moves it.
    """
    if facts.status in CLOSED:
        return _after_the_end(facts, change)
    match change:
        case Paid():
            return Decision(Status.RECOVERED, "The invoice was paid.")
        case Ended(reason):
            return _stopped(reason)
        case GivenUp():
            return _given_up()
        case StaffStopped(reason):
            return _stopped(reason)
        case StaffPaused(until, why):
            return Decision(Status.PAUSED, f"Paused by staff: {why}", pause_until=until)
        case Due():
            return _due(facts, policy, now)
        case StaffRetried():
            return _retry_now(facts, policy, now)
        case TimeChosen(at):
            return _scheduled(facts, at)
        case NoTime(why):
            return _unless_busy(facts, Decision(Status.WAITING, why))
        case NotAttempted(why, not_before):
            return _keep_pause(facts, _next(facts, policy, now, why, not_before))
        case Opened():
            return _next(facts, policy, now, "The payment failed.")
        case Declined():
            return _keep_pause(facts, _unless_busy(facts, _next(facts, policy, now, "The bank said no.")))
        case CardChanged():
            return _keep_pause(facts, _unless_busy(facts, _card_changed(facts, policy, now)))
        case StaffResumed():
            return _resumed(facts, policy, now)
        case ModeSet():
            return _keep_pause(facts, _unless_busy(facts, _next(facts, policy, now, "The mode was changed.")))
    assert_never(change)


def retry_refusal(facts: Facts, policy: Policy, *, now: datetime) -> str | None:
    """Return the rule that forbids staff to retry now, as a sentence, or None when nothing does."""
    if facts.status in CLOSED:
        return f"The recovery is {facts.status}; a closed recovery is never charged."
    if facts.retries is Retries.WATCH:
        return "Retries are set to watch: Stripe retries this invoice. Switch to own to retry from here."
    if facts.by_hand:
        return "The customer pays this invoice by hand; it is never charged."
    if facts.unfinished or facts.status is Status.ATTEMPTING:
        return "An attempt is under way; its outcome comes first."
    if not _card_may_pay(facts):
        cure = (
            "must confirm with the bank"
            if facts.decline_class == "needs_authentication"
            else "needs another one"
        )
        return f"This card must not be tried again: the customer {cure}."
    if attempts_left(facts, policy) <= 0:
        return f"All {policy.attempts_per_invoice} attempts that the policy allows for an invoice are used."
    if now >= facts.deadline:
        return "The recovery window is over."
    return None


def attempts_left(facts: Facts, policy: Policy) -> int:
    """Return how many charges the policy still allows.

    A fresh card has one more when they are used up, but one in all: not one for every card that comes.
    """
    left = policy.attempts_per_invoice - facts.attempts_asked
    return 1 if facts.fresh_card and left == 0 else max(left, 0)


def ring_at(decision: Decision, facts: Facts, *, now: datetime) -> datetime | None:
    """Return when the clock must look at the recovery again; None when it is closed.

    While Stripe still has a retry on its calendar a watched recovery outlives its own window.
    """
    match decision.status:
        case Status.SCHEDULED:
            return decision.next_attempt_at
        case Status.PAUSED:
            return decision.pause_until
        case Status.WAITING:
            return facts.deadline
        case Status.WATCHING:
            stripe_next = facts.stripe_next_attempt_at or facts.deadline
            return max(facts.deadline, stripe_next + timedelta(days=1))
        case Status.ATTEMPTING:
            return now + timedelta(days=1)  # the attempt's own row rings; this is the net below it
        case Status.RECOVERED | Status.LOST | Status.STOPPED:
            return None
    assert_never(decision.status)


def _after_the_end(facts: Facts, change: Change) -> Decision | None:
    if not isinstance(change, Paid) or facts.status is Status.RECOVERED:
        return None
    return Decision(Status.RECOVERED, f"Paid after the recovery was {facts.status}.", late=True)


def _stopped(reason: ClosedReason) -> Decision:
    return Decision(Status.STOPPED, f"Stopped: {reason.replace('_', ' ')}.", closed_reason=reason)


def _given_up() -> Decision:
    why = "The subscription was cancelled for lack of payment."
    return Decision(Status.LOST, why, closed_reason=ClosedReason.SUBSCRIPTION_CANCELLED)


def _lost(facts: Facts, policy: Policy) -> Decision:
    used_up = attempts_left(facts, policy) <= 0
    reason = ClosedReason.BUDGET if used_up else ClosedReason.WINDOW
    return Decision(Status.LOST, "The window is over and the invoice is unpaid.", closed_reason=reason)


def _next(
    facts: Facts,
    policy: Policy,
    now: datetime,
    why: str,
    not_before: datetime | None = None,
) -> Decision:
    """Return the road after any news: watch, give up, wait for the customer, or plan the next attempt."""
    if facts.by_hand and now < facts.deadline:
        return Decision(
            Status.WAITING, "The invoice is overdue. The customer pays it by hand; we only write."
        )
    if facts.retries is Retries.WATCH and not facts.by_hand:
        return Decision(Status.WATCHING, f"{why} Stripe retries this invoice; we only watch.")
    if now >= facts.deadline:
        return _lost(facts, policy)
    if attempts_left(facts, policy) <= 0:
        return Decision(Status.WAITING, f"{why} All attempts are used; only the customer can pay now.")
    if not _card_may_pay(facts):
        return Decision(Status.WAITING, f"{why} Another try on this card is useless: {_needed(facts)}.")
    return Decision(Status.WAITING, why, plan=True, not_before=not_before)


def _card_may_pay(facts: Facts) -> bool:
    """Return whether the card of the next attempt is worth one: another card, or one that may be retried."""
    another = facts.fresh_card or facts.backup_card is not None
    return not facts.card_stopped and (another or may_retry(facts.decline_class))


def _needed(facts: Facts) -> str:
    if facts.decline_class is DeclineClass.NEEDS_AUTHENTICATION:
        return "the customer must confirm the payment with the bank"
    return "the customer needs another card"


def _card_changed(facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    following = _next(facts, policy, now, "The customer has a new card.")
    if not following.plan or not facts.fresh_card:
        return None
    return Decision(Status.SCHEDULED, "The customer has a new card: tried at once.", next_attempt_at=now)


def _due(facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    if facts.status is Status.ATTEMPTING:
        return None if facts.unfinished else _next(facts, policy, now, "The attempt ended without a word.")
    if facts.status is Status.PAUSED:
        over = facts.pause_until is not None and facts.pause_until <= now
        return _next(facts, policy, now, "The pause is over.") if over else None
    if facts.status is Status.SCHEDULED and facts.next_attempt_at is not None and now < facts.deadline:
        due = facts.next_attempt_at <= now
        return Decision(Status.ATTEMPTING, "An attempt began.", attempt=True) if due else None
    stripe_goes_on = facts.stripe_next_attempt_at is not None and facts.stripe_next_attempt_at > now
    if facts.status is Status.WATCHING and stripe_goes_on:
        return Decision(Status.WATCHING, "Stripe still has a retry on its calendar.")
    return _lost(facts, policy) if now >= facts.deadline else None


def _retry_now(facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    if retry_refusal(facts, policy, now=now) is not None:
        return None
    return Decision(Status.SCHEDULED, "Staff asked for an attempt now.", next_attempt_at=now)


def _scheduled(facts: Facts, at: datetime) -> Decision | None:
    if facts.unfinished or at >= facts.deadline:
        return None
    return Decision(Status.SCHEDULED, "The next attempt has a date.", next_attempt_at=at)


def _resumed(facts: Facts, policy: Policy, now: datetime) -> Decision | None:
    return _next(facts, policy, now, "Resumed by staff.") if facts.status is Status.PAUSED else None


def _unless_busy(facts: Facts, decision: Decision | None) -> Decision | None:
    """An attempt under way comes first: its own outcome decides what follows."""
    return None if facts.unfinished else decision


def _keep_pause(facts: Facts, decision: Decision | None) -> Decision | None:
    """A pause outlives what happens meanwhile, except the end."""
    if facts.status is not Status.PAUSED or decision is None or decision.status in CLOSED:
        return decision
    return None
