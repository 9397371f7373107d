"""Addresses that people take off the list of those who may be written to, or put back."""

from dunning.core.vocabulary import SuppressionReason
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.mail.compose import address_of
from dunning.store import audit, queue_items, suppressions


def suppress(house: House, address: str, *, why: str, by: str) -> Answer:
    """Let an address never be written to, until somebody releases it."""
    try:
        bare = address_of(address)
    except ValueError as error:
        return Answer(done=False, sentence=f"That is no address: {error}.")
    detail = f"{by}: {why.strip()[:200]}" if why.strip() else by
    with house.store.write() as connection:
        now, reason = house.clock.now(), SuppressionReason.STAFF
        added = suppressions.add(connection, "self", bare, reason, at=now, detail=detail)
        if added:
            queue_items.ring_address(connection, "self", bare, now)
            after = {"written_to": False, "why": why.strip()[:200]}
            audit.append(connection, at=now, by=by, action="address.suppress", about=bare, after=after)
    sentence = f"{bare} is written to no more." if added else f"{bare} is on the list already."
    return Answer(done=added, sentence=sentence)


def release(house: House, address: str, *, by: str) -> Answer:
    """Let an address be written to again; a new bounce or complaint puts it back."""
    with house.store.write() as connection:
        now, was = house.clock.now(), {"written_to": False}
        done = suppressions.release(connection, "self", address, at=now, by=by)
        if done:
            queue_items.ring_address(connection, "self", address, now)
            does, after = "address.release", {"written_to": True}
            audit.append(connection, at=now, by=by, action=does, about=address, before=was, after=after)
    sentence = f"{address} may be written to again." if done else f"{address} is not on the list."
    return Answer(done=done, sentence=sentence)


def switch_off_notices(house: House, address: str) -> None:
    """Send an address no friendly notices any more; what is owed is still told."""
    with house.store.write() as connection:
        suppressions.add(
            connection,
            "self",
            address,
            SuppressionReason.UNSUBSCRIBED,
            at=house.clock.now(),
            detail="one click",
        )
