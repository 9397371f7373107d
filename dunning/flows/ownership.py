"""Whose invoice it is to collect: taken from Stripe's automatic collection, or given back to it."""

from dunning.errors import Refused
from dunning.flows.attempting import hold
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.flows.steer import owns_wrongly, wants_ownership
from dunning.store import recoveries
from dunning.store.rows import RecoveryRow


def set_owner(house: House, recovery_id: str) -> Flow[RecoveryRow, bool]:
    """Return the flow that puts the invoice into the right hands; asking twice does no harm."""
    return Flow(
        claim=lambda: _claim(house, recovery_id),
        ask=lambda recovery: _ask(house, recovery),
        record=lambda recovery, ours: _record(house, recovery, ours=ours),
    )


def _claim(house: House, recovery_id: str) -> RecoveryRow | None:
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        return recovery if recovery is not None and owns_wrongly(recovery) else None


def _ask(house: House, recovery: RecoveryRow) -> bool:
    ours = bool(wants_ownership(recovery.status, recovery.retries, recovery.closed_reason))
    try:
        house.stripe.set_auto_advance(recovery.whose, recovery.invoice_id, on=not ours)
    except Refused as error:
        if error.status not in {400, 404}:
            raise  # a missing right: the bell rings again, and doctor says so
    return ours


def _record(house: House, recovery: RecoveryRow, *, ours: bool) -> None:
    with house.store.write() as connection:
        held = hold(connection, recovery.id)
        if held is None:
            return
        ring_at = held.next_attempt_at or held.pause_until or held.deadline
        recoveries.change(connection, held.id, taken_over=ours, ring_at=None if held.closed_at else ring_at)
