"""What a bell makes a worker do, per kind of row.

Every function may be called any number of times, and by several workers at once.
"""

from dunning.core.vocabulary import AttemptState
from dunning.flows import (
    attempting,
    bulk,
    carrying_out,
    charging,
    desk,
    learn,
    messaging,
    ownership,
    probing,
    receive,
    reconcile,
    sweeping,
)
from dunning.flows.driver import run
from dunning.flows.house import House
from dunning.flows.pacing import Pace
from dunning.store import attempts, recoveries


def work_event(house: House, seq: int) -> None:
    """Handle one kept event."""
    run(receive.receive(house, seq))


def work_recovery(house: House, recovery_id: str) -> None:
    """Put the invoice into the right hands, then make the attempt that is due."""
    run(ownership.set_owner(house, recovery_id))
    if not run(attempting.prepare(house, recovery_id)):
        return
    attempt_id = _frozen(house, recovery_id)
    if attempt_id is not None:
        run(charging.charge(house, attempt_id))


def work_attempt(house: House, attempt_id: str) -> None:
    """Take up an attempt that its worker left, wherever it stood."""
    with house.store.read() as connection:
        attempt = attempts.by_id(connection, attempt_id)
    if attempt is None:
        return
    if attempt.state is AttemptState.PLANNED:
        run(attempting.prepare(house, attempt.recovery_id))
    run(charging.charge(house, attempt_id))


def work_message(house: House, message_id: str) -> None:
    """Write and send one due message."""
    run(messaging.write(house, message_id))
    run(messaging.send(house, message_id))


def work_errand(house: House, errand_id: str) -> None:
    """Carry out one errand at Stripe."""
    run(carrying_out.carry_out(house, errand_id))


def work_placing(house: House, recovery_id: str) -> None:
    """Place a recovery in the queue that time alone may have moved."""
    desk.place_again(house, recovery_id)


def work_bulk(house: House, run_id: str) -> None:
    """Go on with a bulk action."""
    bulk.go_on(house, run_id)


def work_chore(house: House, name: str) -> None:
    """Do one of the regular chores."""
    match name:
        case "learn":
            learn.learn(house)
        case "probe":
            run(probing.probe(house))
        case "reconcile":
            reconcile.reconcile_all(house)
        case "sweep":
            sweeping.look_after(house, pace=Pace())
        case _:
            raise ValueError(f"{name!r} is not a chore")


def _frozen(house: House, recovery_id: str) -> str | None:
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        if recovery is None:
            return None
        attempt = attempts.asking(connection, recovery.whose, recovery.invoice_id)
    return attempt.id if attempt is not None else None
