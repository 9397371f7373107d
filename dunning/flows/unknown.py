"""Not knowing what became of a charge: read what can be read, else ask later, under the same key only."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.changes import NotAttempted
from dunning.core.vocabulary import AttemptState
from dunning.errors import OutcomeUnknown, Refused
from dunning.flows import conclusion, steer
from dunning.flows.asked import Asked, Outcome
from dunning.flows.attempting import end
from dunning.flows.house import House
from dunning.store import attempts
from dunning.store.rows import RecoveryRow

ASK_AGAIN: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 15, 60, 360, 1440))

log = logs.get(__name__)


def not_known(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    asked: Asked,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Read what can be read; else ask again later, more and more rarely, under the same key only."""
    if isinstance(outcome.error, Refused) and not asked.again:
        _refused(connection, house, recovery, asked, outcome.error, now)
        return
    read = outcome.invoice
    if read is not None and conclusion.conclude(
        connection,
        house,
        recovery,
        asked.attempt,
        asked.fence,
        read,
        never_executed=None,
        now=now,
    ):
        return
    wait = ASK_AGAIN[min(asked.attempt.replays, len(ASK_AGAIN) - 1)]
    in_flight = isinstance(outcome.error, OutcomeUnknown) and outcome.error.in_flight
    processing = asked.attempt.state is AttemptState.PROCESSING
    log.warning("attempt_unknown", attempt_id=asked.attempt.id, error=repr(outcome.error))
    attempts.change(
        connection,
        asked.attempt.id,
        asked.fence,
        state=AttemptState.PROCESSING if processing else AttemptState.UNKNOWN,
        # An answer that says "still executing" uses up no replay: this key will have an answer.
        replays=asked.attempt.replays + (asked.again and not in_flight),
        lease_until=None,
        ring_at=now + wait,
        note=str(outcome.error)[:300] if outcome.error else None,
    )


def _refused(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    asked: Asked,
    error: Refused,
    now: datetime,
) -> None:
    """The account may not charge, or the invoice is gone: never executed, and no attempt is used up."""
    log.error("charge_refused", attempt_id=asked.attempt.id, status=error.status, error=str(error))
    if end(connection, asked.attempt.id, asked.fence, AttemptState.NOT_SENT, now, str(error)[:300]):
        change = NotAttempted("Stripe refused the charge; see Health.", now + timedelta(hours=1))
        steer.steer(connection, house, recovery, change, now=now)
