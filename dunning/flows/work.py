"""What a bell makes a worker do, per kind of row.

Every function may be called any number of times, and by several workers at once.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dunning.core.vocabulary import AttemptState
from dunning.flows import (
    alarming,
    attempting,
    bulk,
    card_ahead,
    carrying_out,
    charging,
    checking,
    delivering,
    desk,
    erasing,
    finance_mail,
    folding,
    learn,
    listening,
    messaging,
    notice_sending,
    noticing,
    outlook,
    ownership,
    probing,
    proving,
    pruning,
    receive,
    reconcile,
    remembering,
    renewing,
    sending,
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
    run(sending.send(house, message_id))


def work_notice(house: House, notice_id: str) -> None:
    """Write and send one due notice, or look after the card that its customer was giving."""
    run(noticing.write(house, notice_id))
    run(notice_sending.send(house, notice_id))
    run(card_ahead.follow(house, notice_id))


def work_errand(house: House, errand_id: str) -> None:
    """Carry out one errand at Stripe."""
    run(carrying_out.carry_out(house, errand_id))


def work_announcement(house: House, row_id: str) -> None:
    """Tell one announcement to its listener."""
    run(delivering.deliver(house, row_id))


def work_placing(house: House, recovery_id: str) -> None:
    """Place a recovery in the queue that time alone may have moved."""
    desk.place_again(house, recovery_id)


def work_bulk(house: House, run_id: str) -> None:
    """Go on with a bulk action."""
    bulk.go_on(house, run_id)


def work_erasure(house: House, erasure_id: str) -> None:
    """Go on with erasing a person."""
    erasing.go_on(house, erasure_id)


def _prune(house: House) -> None:
    pruning.prune(house)
    erasing.follow(house)


def _sweep(house: House) -> None:
    sweeping.look_after(house, pace=Pace.fit_for(house))
    listening.forget_old(house)


ROWS: Final[Mapping[str, Callable[[House, Any], None]]] = {
    "event": work_event,
    "attempt": work_attempt,
    "recovery": work_recovery,
    "message": work_message,
    "notice": work_notice,
    "errand": work_errand,
    "announcement": work_announcement,
    "placing": work_placing,
    "bulk": work_bulk,
    "erasure": work_erasure,
}
CHORES: Final[Mapping[str, Callable[[House], object]]] = {
    "alarm": alarming.look,
    "census": outlook.census,
    "come_back": remembering.come_back,
    "fold": folding.fold,
    "laws": checking.look,
    "learn": learn.learn,
    "mail_month": finance_mail.mail_month,
    "probe": lambda house: run(probing.probe(house)),
    "prove": proving.prove_all,
    "prune": _prune,
    "reconcile": reconcile.reconcile_all,
    "renewals": lambda house: renewing.look_ahead(house, pace=Pace.fit_for(house)),
    "sweep": _sweep,
}


def work_chore(house: House, name: str) -> None:
    """Do one of the regular chores."""
    chore = CHORES.get(name)
    if chore is None:
        raise ValueError(f"{name!r} is not a chore")
    chore(house)


def _frozen(house: House, recovery_id: str) -> str | None:
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        if recovery is None:
            return None
        attempt = attempts.asking(connection, recovery.whose, recovery.invoice_id)
    return attempt.id if attempt is not None else None
