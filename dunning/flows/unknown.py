"""Not knowing what became of a charge: read what can be read, else ask later, under the same key only."""

import zlib
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection

from dunning import logs
from dunning.core.changes import NotAttempted
from dunning.core.vocabulary import AttemptState
from dunning.errors import OutcomeUnknown, Refused, Transient
from dunning.flows import abandonment, conclusion, steer
from dunning.flows.asked import Asked, Outcome
from dunning.flows.attempting import end
from dunning.flows.house import House
from dunning.store import attempts
from dunning.store.rows import RecoveryRow

# When to look again; who has looked so often and knows nothing calls a person.
ASK_AGAIN: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 1440))
PROCESSING_POLL: Final = timedelta(hours=6)  # a bank debit takes days, and Stripe's event comes first

log = logs.get(__name__)


def not_known(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    asked: Asked,
    outcome: Outcome,
    now: datetime,
) -> None:
    """Read what can be read; else look again later, more and more rarely, and in the end call a person."""
    if isinstance(outcome.error, Refused) and not asked.again:
        _refused(connection, house, recovery, asked, outcome.error, now)
        return
    if isinstance(outcome.error, Transient) and not asked.again:
        _not_taken(connection, asked, outcome.error, now)
        return
    read = outcome.invoice
    if read is not None and conclusion.conclude(
        connection,
        house,
        recovery,
        asked,
        read,
        never_executed=None,
        now=now,
    ):
        return
    log.warning("attempt_unknown", attempt_id=asked.attempt.id, error=repr(outcome.error))
    in_flight = isinstance(outcome.error, OutcomeUnknown) and outcome.error.in_flight
    if asked.attempt.state is AttemptState.PROCESSING:
        _wait(connection, asked, now + PROCESSING_POLL, outcome, state=AttemptState.PROCESSING)
        return
    # A look counts when Stripe was there to be asked; "still executing" and "too busy" are no answers.
    answered = outcome.looked and not in_flight and not isinstance(outcome.error, Transient)
    look = asked.again and answered
    looks = asked.attempt.looks + look
    if looks >= len(ASK_AGAIN):
        abandonment.abandon(connection, recovery, asked, now)
    else:
        counts = {"looks": looks, "replays": asked.attempt.replays + (look and asked.may_ask)}
        _wait(connection, asked, now + ASK_AGAIN[looks], outcome, state=AttemptState.UNKNOWN, **counts)


def _not_taken(connection: Connection, asked: Asked, error: Transient, now: datetime) -> None:
    """Stripe was too busy to take the charge: nothing happened, and the same is asked again in seconds."""
    log.warning("charge_not_taken", attempt_id=asked.attempt.id, error=str(error))
    soon = timedelta(seconds=10 + zlib.crc32(asked.attempt.id.encode()) % 20)
    never_asked = {"asked_at": None, "last_asked_at": None, "lease_until": None}
    attempts.change(connection, asked.attempt.id, asked.fence, ring_at=now + soon, **never_asked)


def _wait(connection: Connection, asked: Asked, until: datetime, outcome: Outcome, **news: Any) -> None:
    attempts.change(
        connection,
        asked.attempt.id,
        asked.fence,
        lease_until=None,
        ring_at=until,
        note=str(outcome.error)[:300] if outcome.error else None,
        **news,
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
