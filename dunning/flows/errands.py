"""Planning errands: what has to be done at Stripe for a recovery, besides charging. The row is the plan.

An errand is planned in the transaction that decides it, and carried out (`carrying_out`) when its bell rings.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.changes import Change, GivenUp
from dunning.core.ids import derive_id
from dunning.core.policy import NEED_SUBSCRIPTION, Drafts, LastResort, Policy
from dunning.core.recovery import Decision
from dunning.core.vocabulary import ErrandKind, ErrandState, Reason, Retries, Status
from dunning.store import errands, messages
from dunning.store.rows import RecoveryRow

BY_POLICY: Final = "policy"
RESORTS: Final = {
    LastResort.MARK_UNCOLLECTIBLE: ErrandKind.MARK_UNCOLLECTIBLE,
    LastResort.CANCEL_SUBSCRIPTION: ErrandKind.CANCEL_SUBSCRIPTION,
    LastResort.PAUSE_SUBSCRIPTION: ErrandKind.PAUSE_SUBSCRIPTION,
}
LAST_RESORTS: Final = frozenset(RESORTS.values())
# Stripe's portal saves a card and then makes it the default: the second must have happened.
UNTIL_DEFAULT: Final = timedelta(minutes=1)


def follow_up(
    connection: Connection,
    recovery: RecoveryRow,
    policy: Policy,
    decision: Decision,
    change: Change,
    reason: Reason | None,
    now: datetime,
) -> None:
    """Plan what the end of a recovery asks for, and give up what it makes pointless.

    While Stripe retries and we only watch, what follows is set in Stripe's Dashboard, and left to it. Of an
    invoice that was sent nothing follows: it is only written about.
    """
    hands_off = recovery.retries is Retries.WATCH or recovery.by_hand
    match decision.status:
        case Status.LOST if not hands_off and not isinstance(change, GivenUp):
            _last_resort(connection, recovery, policy.last_resort, now)
        case Status.RECOVERED:
            errands.drop(connection, recovery.id, LAST_RESORTS, "The invoice was paid.", now)
            if not hands_off and policy.drafts is Drafts.COLLECT and reason is not Reason.OUT_OF_BAND:
                _collect_drafts(connection, recovery, now)
        case Status.STOPPED:
            errands.drop(connection, recovery.id, list(ErrandKind), decision.why, now)
        case _:
            pass


def replace_card(
    connection: Connection,
    open_ones: Sequence[RecoveryRow],
    card_id: str,
    added_at: datetime | None,
    now: datetime,
) -> None:
    """Let the field that named the failed card name the new one, when the customer came through our link.

    The portal sets the customer's default alone; a subscription's own default would go on shadowing it.
    """
    if added_at is None or not any(_came_by_link(connection, one, added_at) for one in open_ones):
        return
    for recovery in open_ones:
        owner = recovery.subscription_id or recovery.invoice_id
        plan(connection, recovery, ErrandKind.REPLACE_CARD, owner, now, card_id, ring_at=now + UNTIL_DEFAULT)


def plan(
    connection: Connection,
    recovery: RecoveryRow,
    kind: ErrandKind,
    object_id: str,
    now: datetime,
    occurrence: str = "",
    *,
    by: str = BY_POLICY,
    ring_at: datetime | None = None,
) -> bool:
    """Insert an errand unless the very same one was planned before; return whether it was inserted."""
    values = {
        "id": derive_id("err", now, recovery.id, kind, object_id, occurrence),
        "account_id": recovery.account_id,
        "livemode": recovery.livemode,
        "recovery_id": recovery.id,
        "customer_id": recovery.customer_id,
        "kind": kind,
        "object_id": object_id,
        "occurrence": occurrence,
        "by": by,
        "state": ErrandState.PLANNED,
        "planned_at": now,
        "ring_at": ring_at or now,
    }
    return errands.plan(connection, values)


def _last_resort(connection: Connection, recovery: RecoveryRow, resort: LastResort, now: datetime) -> None:
    if resort is LastResort.LEAVE:
        return
    about = recovery.subscription_id if resort in NEED_SUBSCRIPTION else recovery.invoice_id
    if about is not None:
        plan(connection, recovery, RESORTS[resort], about, now)


def _collect_drafts(connection: Connection, recovery: RecoveryRow, now: datetime) -> None:
    """Drafts wait for a card that works again: money from outside Stripe says nothing of one."""
    if recovery.subscription_id is not None:
        plan(connection, recovery, ErrandKind.COLLECT_DRAFTS, recovery.subscription_id, now)


def _came_by_link(connection: Connection, recovery: RecoveryRow, added_at: datetime) -> bool:
    """Return whether our link had led to the card form before the card came, dated to the second."""
    visits = (link for link in messages.links_of(connection, recovery.id) if link.used_for == "portal")
    return any(link.used_at and link.used_at.replace(microsecond=0) <= added_at for link in visits)
