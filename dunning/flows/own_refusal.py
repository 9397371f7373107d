"""The bank's no to a charge of ours, told by an event: sometimes sooner than by Stripe's own answer."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Failure
from dunning.core.changes import Declined
from dunning.core.ids import charge_of
from dunning.core.vocabulary import AttemptState, MadeBy
from dunning.flows import observing, told
from dunning.flows.attempting import end, hold
from dunning.flows.charging import hear_the_payment_again
from dunning.flows.following import GIVEN_UP, meet_refusal
from dunning.flows.house import House
from dunning.flows.observing import Origin
from dunning.flows.steer import steer
from dunning.store import attempts, inbox, recoveries
from dunning.store.rows import AttemptRow, EventRow, RecoveryRow

ASKED = frozenset({AttemptState.ASKING, AttemptState.UNKNOWN, AttemptState.PROCESSING})
LOOKS: Final = 30  # for the recovery of a charge that was lost with a database: a day or so


def follow_refusal(connection: Connection, house: House, event: EventRow, now: datetime) -> None:
    """Record the refusal that the event shows on the attempt whose key it carries, if nothing better did."""
    seen = attempts.by_key(connection, event.whose, event.idempotency_key or "")
    failure = told.failure_in(event.payload)
    if failure is None:
        return
    if seen is None:
        _remember(connection, house, event, failure, now)
        return
    recovery = hold(connection, seen.recovery_id)
    attempt = attempts.by_id(connection, seen.id, lock=True)
    if recovery is None or attempt is None:
        return
    if attempt.state in ASKED:
        _end(connection, house, recovery, attempt, failure, now)
    elif attempt.state in GIVEN_UP or (attempt.state is AttemptState.DECLINED and attempt.charge_id is None):
        _correct(connection, house, recovery, attempt, failure, now)


def _remember(connection: Connection, house: House, event: EventRow, failure: Failure, now: datetime) -> None:
    """Keep a charge of ours that only Stripe remembers: its row was lost with a database.

    Its recovery may be lost, too, until the event that opened it is handled again.
    """
    named = charge_of(event.idempotency_key, event.account_id)
    if named is None:
        return
    found = recoveries.newest_of_invoice(connection, event.whose, named[0])
    recovery = hold(connection, found.id) if found else None
    if recovery is None:
        if event.tries <= LOOKS:
            inbox.put_off(connection, event, now, "The recovery of this charge is not known yet.")
        return
    origin = Origin(MadeBy.DUNNING, named[1], event.request_id)
    at = event.created_at or event.received_at
    known = attempts.by_charge(connection, event.whose, failure.charge) if failure.charge else None
    if known is not None and known.ordinal is None:
        _own(connection, recovery, known, origin, at)
        return
    if observing.keep_failure(connection, recovery, failure, origin, at):
        steer(connection, house, meet_refusal(connection, recovery, failure), Declined(), now=now)


def _own(
    connection: Connection, recovery: RecoveryRow, known: AttemptRow, origin: Origin, at: datetime
) -> None:
    """A reading of the invoice showed a charge of ours as its last one before anybody told whose it was."""
    ours = {"made_by": origin.made_by, "request_id": origin.request_id, "at": at, "finished_at": at}
    attempts.change(connection, known.id, known.fence, **ours, **observing.lost_key(recovery, origin))


def _end(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    failure: Failure,
    now: datetime,
) -> None:
    state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
    columns = observing.refusal_columns(connection, attempt, failure)
    if end(connection, attempt.id, attempt.fence, state, now, "Declined, as an event told.", **columns):
        steer(connection, house, meet_refusal(connection, recovery, failure), Declined(), now=now)
        hear_the_payment_again(connection, recovery, now)


def _correct(
    connection: Connection,
    house: House,
    recovery: RecoveryRow,
    attempt: AttemptRow,
    failure: Failure,
    now: datetime,
) -> None:
    """Given up for never sent, or refused for a reason we did not know: the truth came late."""
    state = AttemptState.NEEDS_ACTION if failure.needs_action else AttemptState.DECLINED
    new = attempt.state in GIVEN_UP
    columns = observing.refusal_columns(connection, attempt, failure)
    attempts.change(connection, attempt.id, attempt.fence, state=state, **columns)
    if new:
        steer(connection, house, meet_refusal(connection, recovery, failure), Declined(), now=now)
