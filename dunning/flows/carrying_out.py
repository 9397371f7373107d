"""Carrying out one errand: claim, ask, record; safe to do again from wherever it was left.

What is asked of Stripe sets something to a value, and how things stand is read just before: an errand whose
worker died after Stripe had carried it out finds it done, and records it once.
"""

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.vocabulary import ErrandKind, ErrandState, Retries
from dunning.errors import NotAsked, Refused, StripeError
from dunning.flows import drafts, last_resort, replacing
from dunning.flows.asked import wait_behind
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow
from dunning.flows.errand import InHand, Outcome, dropped
from dunning.flows.errands import BY_POLICY
from dunning.flows.holding_back import SAFE_MODE_POLL
from dunning.flows.house import House
from dunning.flows.obstacles import KILL_SWITCH_POLL
from dunning.flows.telling import tell
from dunning.store import attempts, errands, switches, wallets
from dunning.store.rows import ErrandRow, RecoveryRow

LEASE: Final = timedelta(seconds=90)
STRIPE_AWAY: Final = timedelta(minutes=5)
NO_RIGHT: Final = frozenset({401, 403})  # a revoked key, a missing right: the operator's to mend
RIGHT_MISSING: Final = timedelta(hours=1)
LEFT: Final = "Left to Stripe: retries were set to watch meanwhile."
HALF_WAY: Final = f"{LEFT} It was asked for before, and Stripe may have carried it out."

log = logs.get(__name__)


def carry_out(house: House, errand_id: str) -> Flow[InHand, Outcome]:
    """Return the flow that carries out one errand."""
    return Flow(
        claim=lambda: _claim(house, errand_id),
        ask=lambda hand: _ask(house, hand),
        record=lambda hand, outcome: _record(house, hand, outcome),
        fail=lambda hand, error: _fail(house, hand, error),
    )


def _claim(house: House, errand_id: str) -> InHand | None:
    with house.store.write() as connection:
        now, lease_now = house.clock.now(), house.store.lease_now(connection)
        seen = errands.by_id(connection, errand_id)
        recovery = hold(connection, seen.recovery_id) if seen else None
        errand = errands.by_id(connection, errand_id, lock=True)
        if errand is None or recovery is None or errand.finished_at is not None:
            return None
        unsure = house.guard.unsure(connection, now) is not None
        wait = SAFE_MODE_POLL if unsure else _wait(connection, recovery)
        if wait is not None:
            errands.change(connection, errand.id, errand.fence, ring_at=now + wait)
            return None
        taken = {"state": ErrandState.ASKING, "ring_at": now + LEASE}
        if errands.claim(connection, errand, lease_now, LEASE, **taken) is None:
            return None
        mine = errands.by_id(connection, errand_id) or errand
        history = tuple(attempts.of_recovery(connection, recovery.id))
        again, watches = errand.state is ErrandState.ASKING, _left_to_stripe(connection, recovery, errand)
        return InHand(mine, recovery, history, now, again=again, left_to_stripe=watches)


def _wait(connection: Connection, recovery: RecoveryRow) -> timedelta | None:
    """Return how long nothing may be done: under the kill switch, and while a charge of ours is out."""
    if switches.read(connection, recovery.segment).paused:
        return KILL_SWITCH_POLL
    charge = attempts.unfinished(connection, recovery.whose, recovery.invoice_id)
    return wait_behind(charge) if charge else None


def _left_to_stripe(connection: Connection, recovery: RecoveryRow, errand: ErrandRow) -> bool:
    """Return whether the policy does nothing here any more: a closed recovery keeps the mode it ended in."""
    if errand.by != BY_POLICY or errand.kind is ErrandKind.REPLACE_CARD:
        return False
    return switches.read(connection, recovery.segment).retries is Retries.WATCH


def _ask(house: House, hand: InHand) -> Outcome:
    if hand.left_to_stripe:
        return dropped(HALF_WAY if hand.again else LEFT)
    match hand.errand.kind:
        case ErrandKind.REPLACE_CARD:
            return replacing.replace(house, hand)
        case ErrandKind.COLLECT_DRAFTS:
            return drafts.collect(house, hand)
        case _:
            return last_resort.resort(house, hand)


def _record(house: House, hand: InHand, outcome: Outcome) -> None:
    with house.store.write() as connection:
        now = house.clock.now()
        recovery = hold(connection, hand.recovery.id)
        if recovery is None:
            return
        over = outcome.again_at is None
        ours = errands.change(
            connection,
            hand.errand.id,
            hand.errand.fence,
            state=outcome.state,
            note=outcome.sentence,
            finished_at=now if over else None,
            lease_until=None,
            ring_at=outcome.again_at,
            fence=hand.errand.fence + 1,
        )
        if ours and outcome.told:
            tell(connection, recovery.id, outcome.sentence, now=now, by=hand.errand.by, kind="errand")
        if ours and outcome.subscription is not None:
            wallets.keep_subscription(connection, recovery.whose, outcome.subscription, now)


def _fail(house: House, hand: InHand, error: Exception) -> None:
    """What Stripe refuses for good is over and said so; anything else is tried again."""
    if not isinstance(error, StripeError):
        raise error
    if isinstance(error, Refused) and error.status not in NO_RIGHT:
        said = f"Stripe refused: {hand.errand.kind.replace('_', ' ')} {hand.errand.object_id}: {error}"[:300]
        _record(house, hand, Outcome(ErrandState.REFUSED, said))
        return
    missing = isinstance(error, Refused)
    (log.error if missing else log.warning)("errand_postponed", errand_id=hand.errand.id, error=str(error))
    again_at = house.clock.now() + (RIGHT_MISSING if missing else STRIPE_AWAY)
    # It stays `asking` where the request may have been carried out: whoever goes on reads first.
    untouched = isinstance(error, NotAsked) and not hand.again
    state = ErrandState.PLANNED if untouched else ErrandState.ASKING
    _record(house, hand, Outcome(state, str(error)[:300], again_at, told=False))
