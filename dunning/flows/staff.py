"""What a person may do to one recovery; the same guards for pages, API and commands."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.card_numbers import REFUSED, has_card_number
from dunning.core.changes import Change, Ended, StaffPaused, StaffResumed, StaffRetried, StaffStopped
from dunning.core.debt import Debt
from dunning.core.recovery import retry_refusal
from dunning.core.vocabulary import CLOSED, ClosedReason, ErrandKind, Status
from dunning.errors import DunningError
from dunning.flows import drafts, errands, placing, wording
from dunning.flows.attempting import hold
from dunning.flows.card_limits import staff_must_wait
from dunning.flows.entering import as_it_is, enter
from dunning.flows.house import House
from dunning.flows.steer import facts_of, steer, with_backup
from dunning.store import audit, recoveries, rules, wallets
from dunning.store import errands as errand_store
from dunning.store.rows import RecoveryRow

NOTHING_CHANGED: Final = "Nothing changed: the recovery is not in a state for that."
NO_SUBSCRIPTION: Final = "The invoice bills no subscription: there is nothing to cancel."


class NotFound(DunningError):
    """There is no recovery with that id."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an action was taken, and the sentence to show."""

    done: bool
    sentence: str


def retry(house: House, recovery_id: str, *, by: str, seen: int | None = None) -> Answer:
    """Ask for an attempt now, unless a rule forbids it; the answer names the rule.

    `seen`, here and below, is the version of the queue's line that the person looked at: where it has
    changed since, nothing is done and the answer says who was faster.
    """
    forbidden = refusal(house, recovery_id)
    if forbidden is not None:
        return Answer(done=False, sentence=forbidden)
    said = "An attempt will be made now."
    return _tell(house, recovery_id, StaffRetried(), By(by, "retry", said, seen), staff_request=by)


def pause(
    house: House, recovery_id: str, *, until: datetime, why: str, by: str, seen: int | None = None
) -> Answer:
    """Set a recovery aside until a date; Stripe does not charge it meanwhile either."""
    if until <= house.clock.now():
        return Answer(done=False, sentence="A pause ends in the future: choose a later date.")
    if not why.strip():
        return Answer(done=False, sentence="A pause needs a reason.")
    if has_card_number(why):
        return Answer(done=False, sentence=REFUSED)
    why = why.strip()[:500]
    said = f"Paused until {until:%d %B %Y}."
    return _tell(house, recovery_id, StaffPaused(until, why), By(by, "pause", said, seen), pause_reason=why)


def resume(house: House, recovery_id: str, *, by: str, seen: int | None = None) -> Answer:
    """End a pause."""
    return _tell(house, recovery_id, StaffResumed(), By(by, "resume", "Resumed.", seen))


def stop(
    house: House,
    recovery_id: str,
    *,
    by: str,
    reason: ClosedReason = ClosedReason.STAFF,
    seen: int | None = None,
) -> Answer:
    """Give a recovery up; the invoice goes back to Stripe's own collection."""
    return _tell(house, recovery_id, StaffStopped(reason), By(by, "stop", "Stopped.", seen))


def cancel_subscription(house: House, recovery_id: str, *, by: str, seen: int | None = None) -> Answer:
    """Stop a recovery and cancel the subscription behind it; `debt` says beforehand what that does.

    The invoice is read once more before Stripe is asked: a subscription whose invoice was paid stays.
    """
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        faster = placing.moved_since(connection, recovery_id, seen)
        forbidden = faster or _not_cancelled(connection, recovery)
        if forbidden is not None or recovery.subscription_id is None:
            return Answer(done=False, sentence=forbidden or NO_SUBSCRIPTION)
        now, about, was = house.clock.now(), recovery.subscription_id, as_it_is(connection, recovery_id)
        steer(connection, house, recovery, Ended(ClosedReason.SUBSCRIPTION_CANCELLED), now=now, by=by)
        kind, request = ErrandKind.CANCEL_SUBSCRIPTION, f"{by}:{now.isoformat()}"
        errands.plan(connection, recovery, kind, about, now, request, by=by)
        enter(connection, recovery_id, was, "cancel_subscription", by=by, now=now)
    return Answer(done=True, sentence="The subscription is being cancelled; the timeline will say so.")


def debt(house: House, recovery_id: str) -> Debt | None:
    """Return what the subscription behind a recovery owes, as Stripe shows it now; None for a one-off one.

    Raises:
        NotFound: there is no such recovery.
        StripeError: Stripe could not be asked.
    """
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
    if recovery is None:
        raise NotFound(recovery_id)
    return drafts.debt(house, recovery)


def _not_cancelled(connection: Connection, recovery: RecoveryRow) -> str | None:
    """Return why the subscription is not cancelled from here, or None."""
    if recovery.status is Status.RECOVERED:
        return "The invoice is paid: to end its subscription all the same, use Stripe's Dashboard."
    known = wallets.subscription(connection, recovery.whose, recovery.subscription_id)
    if known is not None and known.ended:
        return "The subscription has ended already."
    coming = errand_store.of_recovery(connection, recovery.id)
    if any(one.kind is ErrandKind.CANCEL_SUBSCRIPTION and one.finished_at is None for one in coming):
        return "The subscription is being cancelled already."
    return None


def link(house: House, recovery_id: str, *, by: str) -> str:
    """Return a new card-update link, to be given to the customer by a person."""
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        now = house.clock.now()
        made = wording.new_link(connection, recovery, f"{by}:{secrets.token_hex(8)}", now)
        after = {"link": made.id}
        audit.append(connection, at=now, by=by, action="recovery.link", about=recovery_id, after=after)
    return wording.link_url(house, made.id)


def refusal(house: House, recovery_id: str) -> str | None:
    """Return why staff cannot retry now, or None when they can."""
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        policy = rules.policy(connection, recovery.policy_version, recovery.invoice_class)
        now = house.clock.now()
        facts = with_backup(connection, recovery, facts_of(connection, recovery), policy, now)
        forbidden = retry_refusal(facts, policy, now=now)
        return forbidden or staff_must_wait(connection, recovery, facts.backup_card, now)


@dataclass(frozen=True, slots=True)
class By:
    """Who acts, by what verb, what is said when it is done, and which version of the line they saw."""

    who: str
    action: str
    said: str
    seen: int | None


def _tell(house: House, recovery_id: str, change: Change, by: By, **more: Any) -> Answer:
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        faster = placing.moved_since(connection, recovery_id, by.seen)
        if faster is not None or _pointless(recovery, change):
            return Answer(done=False, sentence=faster or NOTHING_CHANGED)
        now, was = house.clock.now(), as_it_is(connection, recovery_id)
        if steer(connection, house, recovery, change, now=now, by=by.who, **more) is None:
            return Answer(done=False, sentence=NOTHING_CHANGED)
        placing.place(connection, recovery_id, now, touched_at=now, promised_until=None)
        enter(connection, recovery_id, was, by.action, by=by.who, now=now)
    return Answer(done=True, sentence=by.said)


def _pointless(recovery: RecoveryRow, change: Change) -> bool:
    resumed = isinstance(change, StaffResumed) and recovery.status is not Status.PAUSED
    return recovery.status in CLOSED or resumed
