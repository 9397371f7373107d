"""Turning the switches: who retries, whether messages go out, and the kill switch."""

from dunning.core.changes import ModeSet
from dunning.core.vocabulary import Retries
from dunning.flows.attempting import hold
from dunning.flows.house import House
from dunning.flows.steer import steer
from dunning.store import recoveries, switches


def first_start(house: House) -> None:
    """Set the switches of a new installation from the settings; later starts change nothing."""
    with house.store.write() as connection:
        now, known = house.clock.now(), switches.known(connection)
        if "retries" not in known:
            switches.put(connection, "retries", house.settings.retries.value, at=now, by="first start")
        if "messages" not in known:
            switches.put(connection, "messages", house.settings.messages, at=now, by="first start")


def pause_all(house: House, reason: str, *, by: str) -> None:
    """Throw the kill switch: nothing is charged and nobody is written to until `resume_all`."""
    with house.store.write() as connection:
        switches.put(connection, "paused", reason.strip()[:500], at=house.clock.now(), by=by)


def resume_all(house: House, *, by: str) -> None:
    """Release the kill switch."""
    with house.store.write() as connection:
        switches.put(connection, "paused", None, at=house.clock.now(), by=by)


def set_mode(
    house: House,
    *,
    by: str,
    retries: Retries | None = None,
    messages: bool | None = None,
    release: bool = False,
) -> int:
    """Change who retries, or whether messages go out; return how many open recoveries changed hands.

    A change of `retries` moves the open recoveries too, one transaction each. `release` hands every open
    invoice back to Stripe: the mode becomes watch.
    """
    wanted = Retries.WATCH if release else retries
    with house.store.write() as connection:
        now = house.clock.now()
        if wanted is not None:
            switches.put(connection, "retries", wanted.value, at=now, by=by)
        if messages is not None:
            switches.put(connection, "messages", messages, at=now, by=by)
    return _move_all(house, wanted, by) if wanted is not None else 0


def _move_all(house: House, wanted: Retries, by: str) -> int:
    """Move the open recoveries, listed only now: what was being opened under the old mode is open by now."""
    with house.store.read() as connection:
        open_ids = recoveries.all_open_ids(connection)
    return sum(_move(house, recovery_id, wanted, by) for recovery_id in open_ids)


def _move(house: House, recovery_id: str, wanted: Retries, by: str) -> int:
    with house.store.write() as connection:
        recovery = hold(connection, recovery_id)
        if recovery is None or recovery.retries is wanted or recovery.closed_at is not None:
            return 0
        now = house.clock.now()
        recoveries.change(connection, recovery_id, retries=wanted, ring_at=now)
        moved = recoveries.by_id(connection, recovery_id, lock=True)
        if moved is not None:
            steer(connection, house, moved, ModeSet(wanted), now=now, by=by)
        return 1
