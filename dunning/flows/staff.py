"""What a person may do to one recovery; the same guards for pages, API and commands."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dunning.core.changes import Change, StaffPaused, StaffResumed, StaffRetried, StaffStopped
from dunning.core.recovery import retry_refusal
from dunning.core.vocabulary import CLOSED, ClosedReason, Status
from dunning.errors import DunningError
from dunning.flows import wording
from dunning.flows.attempting import hold
from dunning.flows.house import House
from dunning.flows.steer import facts_of, steer, with_backup
from dunning.store import recoveries, rules
from dunning.store.rows import RecoveryRow


class NotFound(DunningError):
    """There is no recovery with that id."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether an action was taken, and the sentence to show."""

    done: bool
    sentence: str


def retry(house: House, recovery_id: str, *, by: str) -> Answer:
    """Ask for an attempt now, unless a rule forbids it; the answer names the rule."""
    forbidden = refusal(house, recovery_id)
    if forbidden is not None:
        return Answer(done=False, sentence=forbidden)
    done = _tell(house, recovery_id, StaffRetried(), by, staff_request=by)
    return _answer(done=done, sentence="An attempt will be made now.")


def pause(house: House, recovery_id: str, *, until: datetime, why: str, by: str) -> Answer:
    """Set a recovery aside until a date; Stripe does not charge it meanwhile either."""
    if until <= house.clock.now():
        return Answer(done=False, sentence="A pause ends in the future: choose a later date.")
    if not why.strip():
        return Answer(done=False, sentence="A pause needs a reason.")
    why = why.strip()[:500]
    done = _tell(house, recovery_id, StaffPaused(until, why), by, pause_reason=why)
    return _answer(done=done, sentence=f"Paused until {until:%d %B %Y}.")


def resume(house: House, recovery_id: str, *, by: str) -> Answer:
    """End a pause."""
    return _answer(done=_tell(house, recovery_id, StaffResumed(), by), sentence="Resumed.")


def stop(
    house: House,
    recovery_id: str,
    *,
    by: str,
    reason: ClosedReason = ClosedReason.STAFF,
) -> Answer:
    """Give a recovery up; the invoice goes back to Stripe's own collection."""
    return _answer(done=_tell(house, recovery_id, StaffStopped(reason), by), sentence="Stopped.")


def link(house: House, recovery_id: str, *, by: str) -> str:
    """Return a new card-update link, to be given to the customer by a person."""
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        now = house.clock.now()
        made = wording.new_link(connection, recovery, f"{by}:{now.isoformat()}", now)
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
        return retry_refusal(facts, policy, now=now)


def _tell(house: House, recovery_id: str, change: Change, by: str, **more: Any) -> bool:
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None:
            raise NotFound(recovery_id)
        if _pointless(recovery, change):
            return False
        return steer(connection, house, recovery, change, now=house.clock.now(), by=by, **more) is not None


def _pointless(recovery: RecoveryRow, change: Change) -> bool:
    resumed = isinstance(change, StaffResumed) and recovery.status is not Status.PAUSED
    return recovery.status in CLOSED or resumed


def _answer(*, done: bool, sentence: str) -> Answer:
    return Answer(done, sentence if done else "Nothing changed: the recovery is not in a state for that.")
