"""Whose invoice it is to collect: taken from Stripe's automatic collection, or given back to it."""

from dataclasses import replace

from dunning.errors import Refused
from dunning.flows.asked import wait_behind
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.flows.steer import owns_wrongly, wants_ownership
from dunning.store import attempts, objects, queue_items, recoveries
from dunning.store.rows import RecoveryRow


def set_owner(house: House, recovery_id: str) -> Flow[RecoveryRow, bool]:
    """Return the flow that puts the invoice into the right hands; asking twice does no harm."""
    return Flow(
        claim=lambda: _claim(house, recovery_id),
        ask=lambda recovery: _ask(house, recovery),
        record=lambda recovery, ours: _record(house, recovery, ours=ours),
    )


def _claim(house: House, recovery_id: str) -> RecoveryRow | None:
    """Take a recovery in the wrong hands; it is not given back while a charge of ours may be on its way."""
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None or not (owns_wrongly(recovery) or _contradicted(recovery)):
            return None
        charge = attempts.unfinished(connection, recovery.whose, recovery.invoice_id)
        if charge is not None and owns_wrongly(recovery) and recovery.taken_over:
            recoveries.change(connection, recovery_id, ring_at=house.clock.now() + wait_behind(charge))
            return None
        return recovery


def _contradicted(recovery: RecoveryRow) -> bool:
    """Return whether Stripe collects what is ours, and was left to it for a while."""
    return recovery.contradicted_at is not None and recovery.closed_at is None


def _ask(house: House, recovery: RecoveryRow) -> bool:
    ours = bool(wants_ownership(recovery.status, recovery.retries, recovery.closed_reason))
    try:
        house.stripe.set_auto_advance(recovery.whose, recovery.invoice_id, on=not ours)
    except Refused as error:
        if error.status not in {400, 404}:
            raise  # a missing right: the bell rings again, and doctor says so
    return ours


def _record(house: House, recovery: RecoveryRow, *, ours: bool) -> None:
    """Write down whose it is now; where somebody changed their mind meanwhile, the bell rings at once."""
    with house.store.write() as connection:
        held = hold(connection, recovery.id)
        if held is None:
            return
        dates = held.next_attempt_at or held.pause_until or held.deadline
        ring_at = None if held.closed_at else dates
        if owns_wrongly(replace(held, taken_over=ours)):
            ring_at = house.clock.now()
        recoveries.change(connection, held.id, taken_over=ours, ring_at=ring_at, contradicted_at=None)
        if held.contradicted_at is not None:
            queue_items.ring(connection, [held.id], house.clock.now())
        if ours:
            objects.forget_schedule(connection, held.whose, held.invoice_id)
